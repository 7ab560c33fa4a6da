package twin_test

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/autoscaling"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/cloudwatch"
	"github.com/goldenami/rehydrate/internal/twin/ebs"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/elbv2"
	"github.com/goldenami/rehydrate/internal/twin/eventbridge"
	"github.com/goldenami/rehydrate/internal/twin/kms"
	"github.com/goldenami/rehydrate/internal/twin/modelled"
	"github.com/goldenami/rehydrate/internal/twin/s3"
	"github.com/goldenami/rehydrate/internal/twin/servicequotas"
	"github.com/goldenami/rehydrate/internal/twin/sns"
	"github.com/goldenami/rehydrate/internal/twin/ssm"
	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// full is a twin with every service, on modelled machines.
func full(dir string) twin.Options { return fullWith(dir, func(*ec2.Service) {}) }

// offers is a repository that offers nothing new.
func offers(name string) (baseline.Available, error) {
	return baseline.Available{Repositories: []baseline.Repository{{ID: name, Suite: "stable"}}}, nil
}

// fullWith is full, and tells of its EC2.
func fullWith(dir string, made func(*ec2.Service)) twin.Options {
	return twin.Options{Dir: dir, Seed: 1, Start: start, Build: func(w *world.World, dir string) (twin.Services, error) {
		machines := &backing.Router{Modelled: modelled.New(modelled.Options{Repository: offers})}
		compute, objects := ec2.New(w, machines, filepath.Join(dir, "machines")), s3.New(filepath.Join(dir, "s3"))
		made(compute)
		systems := ssm.New(w, ssm.Ports{EC2: compute, Machines: machines, Objects: objects})
		return twin.Services{Wire: []*wire.Service{compute.Wire(), systems.Wire(), autoscaling.New(w, compute).Wire(), ebs.New(compute).Wire(), objects.Wire(), sts.New(),
			elbv2.New(w, compute).Wire(), kms.New().Wire(), sns.New(), eventbridge.New(), servicequotas.New(), cloudwatch.New(nil).Wire()},
			Close: machines.Close}, nil
	}}
}

// cli runs the AWS CLI, which has a codec of its own, against a twin.
type cli struct {
	t   *testing.T
	env []string
	dir string
}

func newCLI(t *testing.T, endpoint string) cli {
	t.Helper()
	// A second opinion, not a prerequisite: only REQUIRE_AWSCLI=1 insists on it.
	if out, err := exec.Command("aws", "--version").CombinedOutput(); err != nil {
		if os.Getenv("REQUIRE_AWSCLI") == "1" {
			t.Fatalf("REQUIRE_AWSCLI=1, but the AWS CLI does not run: %v %s", err, out)
		}
		t.Skipf("skipped, because the AWS CLI (optional) does not run here: %v %s", err, out)
	}
	dir := t.TempDir()
	env := append(os.Environ(), "AWS_ENDPOINT_URL="+endpoint, "AWS_ACCESS_KEY_ID=twin", "AWS_SECRET_ACCESS_KEY=twin", "AWS_SESSION_TOKEN=", "AWS_DEFAULT_REGION="+region,
		"AWS_REGION="+region, "AWS_PAGER=", "AWS_CONFIG_FILE="+filepath.Join(dir, "none"), "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "none"), "AWS_MAX_ATTEMPTS=1", "AWS_DEFAULT_OUTPUT=text")
	return cli{t, env, dir}
}

// run is what the CLI prints, on one line.
func (c cli) run(args ...string) string {
	c.t.Helper()
	cmd := exec.Command("aws", args...)
	cmd.Env, cmd.Dir = c.env, c.dir
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

// expect runs and compares; a want that ends in "..." is a part of the output.
func (c cli) expect(want string, args ...string) {
	c.t.Helper()
	got := c.run(args...)
	if part, ok := strings.CutSuffix(want, "..."); ok && strings.Contains(got, part) || got == want {
		return
	}
	c.t.Errorf("aws %s\n got: %s\nwant: %s", strings.Join(args, " "), got, want)
}

func TestTheAWSCLIWorksAsASecondClient(t *testing.T) {
	t.Parallel()
	endpoint, _ := serve(t, full(t.TempDir()), twin.ServeOptions{})
	c := newCLI(t, endpoint)
	if err := os.WriteFile(filepath.Join(c.dir, "f"), []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	c.expect("arn:aws:iam::111122223333:user/twin", "sts", "get-caller-identity", "--query", "Arn")
	c.expect("ASIA444455556666...", "sts", "assume-role", "--role-arn", "arn:aws:iam::444455556666:role/R", "--role-session-name", "me", "--query", "Credentials.AccessKeyId")

	c.expect("1", "ssm", "put-parameter", "--name", "/golden/x", "--type", "String", "--value", "one two", "--query", "Version")
	c.expect("(ParameterAlreadyExists)...", "ssm", "put-parameter", "--name", "/golden/x", "--type", "String", "--value", "3")
	c.expect("one two", "ssm", "get-parameter", "--name", "/golden/x", "--query", "Parameter.Value")
	c.expect("/golden/x", "ssm", "get-parameters-by-path", "--path", "/golden", "--query", "Parameters[].Name")
	c.expect("(ParameterNotFound)...", "ssm", "get-parameter", "--name", "/nope")

	c.expect("[]", "ec2", "describe-images", "--owners", "self", "--query", "Images", "--output", "json")
	c.expect("(InvalidAMIID.NotFound)...", "ec2", "run-instances", "--image-id", "ami-00000000", "--count", "1")
	c.expect("UnsupportedOperation...", "ec2", "describe-fast-launch-images")
	group := c.run("ec2", "create-security-group", "--group-name", "web", "--description", "d", "--query", "GroupId")
	c.expect("web", "ec2", "describe-security-groups", "--group-ids", group, "--query", "SecurityGroups[0].GroupName")
	c.expect("", "ec2", "create-tags", "--resources", group, "--tags", "Key=team,Value=a b")
	c.expect(group, "ec2", "describe-security-groups", "--filters", "Name=tag:team,Values=a*", "--query", "SecurityGroups[].GroupId")

	c.expect("[]", "autoscaling", "describe-auto-scaling-groups", "--query", "AutoScalingGroups", "--output", "json")
	c.expect("(ValidationError)...", "autoscaling", "start-instance-refresh", "--auto-scaling-group-name", "nope")

	c.expect("make_bucket: box", "s3", "mb", "s3://box")
	c.expect("upload: ./f to s3://box/dir/a b...", "s3", "cp", "f", "s3://box/dir/a b")
	c.expect("hello", "s3", "cp", "s3://box/dir/a b", "-")
	c.expect("6 dir/a b...", "s3", "ls", "s3://box", "--recursive")
	c.expect("move: s3://box/dir/a b to s3://box/moved...", "s3", "mv", "s3://box/dir/a b", "s3://box/moved")
	c.expect("hello", "s3", "cp", "s3://box/moved", "-")
	c.expect(`"b1946ac92492d2347c6235b4d2611184"...`, "s3api", "put-object", "--bucket", "box", "--key", "lease", "--if-none-match", "*", "--body", "f")
	c.expect("(PreconditionFailed)...", "s3api", "put-object", "--bucket", "box", "--key", "lease", "--if-none-match", "*", "--body", "f")
	c.expect("(404)...", "s3api", "head-object", "--bucket", "box", "--key", "nope")

	c.expect("(ResourceNotFoundException)...", "ebs", "list-snapshot-blocks", "--snapshot-id", "snap-0123456789abcdef0")
	c.expect("UnsupportedOperation...", "kms", "describe-custom-key-stores")

	c.expect("", "cloudwatch", "put-metric-alarm", "--alarm-name", "errors", "--namespace", "N", "--metric-name", "M", "--statistic", "Sum", "--period", "60",
		"--evaluation-periods", "1", "--threshold", "1.5", "--comparison-operator", "GreaterThanThreshold")
	c.expect("", "cloudwatch", "set-alarm-state", "--alarm-name", "errors", "--state-value", "ALARM", "--state-reason", "because")
	c.expect("errors ALARM 1.5", "cloudwatch", "describe-alarms", "--state-value", "ALARM", "--query", "MetricAlarms[].[AlarmName,StateValue,Threshold]")
	c.expect("(ResourceNotFound)...", "cloudwatch", "set-alarm-state", "--alarm-name", "nope", "--state-value", "OK", "--state-reason", "because")
	c.expect("Complete 0", "cloudwatch", "get-metric-data", "--start-time", "2026-03-01T11:45:00Z", "--end-time", "2026-03-02T00:00:00Z", "--metric-data-queries",
		`[{"Id":"q","MetricStat":{"Metric":{"Namespace":"web","MetricName":"5xx"},"Period":60,"Stat":"Maximum"}}]`, "--query", "MetricDataResults[].[StatusCode,length(Values)]")
	c.expect("UnsupportedOperation...", "cloudwatch", "list-metrics")

	topic := c.run("sns", "create-topic", "--name", "news", "--query", "TopicArn")
	c.expect("1", "sns", "publish", "--topic-arn", topic, "--message", "hi", "--query", "length([MessageId])")
	c.expect("5.0", "service-quotas", "get-aws-default-service-quota", "--service-code", "ec2", "--quota-code", "L-1216C47A", "--query", "Quota.Value")
	c.expect("19", "service-quotas", "list-aws-default-service-quotas", "--service-code", "ec2", "--query", "length(Quotas)")
	c.expect("(NoSuchResourceException)...", "service-quotas", "get-service-quota", "--service-code", "ec2", "--quota-code", "L-1216C47A")
	c.expect("(NotFound)...", "sns", "publish", "--topic-arn", topic+"x", "--message", "hi")
	c.expect("arn:aws:events:"+region+":111122223333:event-bus/b", "events", "create-event-bus", "--name", "b", "--query", "EventBusArn")
	c.expect("(ResourceNotFoundException)...", "events", "describe-event-bus", "--name", "nope")
	c.expect("(TargetGroupNotFound)...", "elbv2", "describe-target-groups", "--names", "nope")
	key := c.run("kms", "create-key", "--query", "KeyMetadata.KeyId")
	c.expect("Enabled", "kms", "describe-key", "--key-id", key, "--query", "KeyMetadata.KeyState")

	var events []world.Event
	for _, kind := range []string{"twin.violation", "twin.panic"} {
		if admin(t, http.DefaultClient, "GET", endpoint+"/_twin/events?kind="+kind, "", &events); len(events) > 0 {
			t.Errorf("events = %v", events)
		}
	}
}
