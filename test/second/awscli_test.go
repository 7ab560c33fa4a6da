package second

import (
	"bytes"
	"errors"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// cli is the AWS CLI against a twin.
type cli struct {
	*rig
	env []string
	dir string
}

func newCLI(t *testing.T) *cli {
	t.Helper()
	if testing.Short() {
		t.Skip("the AWS CLI takes a second a call")
	}
	if out, err := exec.Command("aws", "--version").CombinedOutput(); err != nil {
		if os.Getenv("REQUIRE_AWSCLI") == "1" {
			t.Fatalf("REQUIRE_AWSCLI=1, but the AWS CLI does not run: %v %s", err, out)
		}
		t.Skipf("skipped, because the AWS CLI (optional) does not run here: %v %s", err, out)
	}
	c := &cli{rig: newRig(t), dir: t.TempDir()}
	none := filepath.Join(c.dir, "none")
	inherited := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "AWS_") })
	c.env = append(inherited, "AWS_ENDPOINT_URL="+c.endpoint, "AWS_ACCESS_KEY_ID=twin", "AWS_SECRET_ACCESS_KEY=twin", "AWS_SESSION_TOKEN=",
		"AWS_DEFAULT_REGION="+wiretest.Region, "AWS_REGION="+wiretest.Region, "AWS_PAGER=", "AWS_CONFIG_FILE="+none, "AWS_SHARED_CREDENTIALS_FILE="+none,
		"AWS_MAX_ATTEMPTS=1", "AWS_DEFAULT_OUTPUT=text")
	return c
}

// run is what the CLI prints, on one line.
func (c *cli) run(args ...string) string {
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
func (c *cli) expect(want string, args ...string) {
	c.t.Helper()
	got := c.run(args...)
	if part, ok := strings.CutSuffix(want, "..."); ok && strings.Contains(got, part) || got == want {
		return
	}
	c.t.Errorf("aws %s\n got: %s\nwant: %s", strings.Join(args, " "), got, want)
}

func TestTheAWSCLIPatchesANode(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	node := c.launch("db")
	id := c.run("ssm", "create-patch-baseline", "--name", "web", "--operating-system", "DEBIAN", "--rejected-patches", "nginx*", "--query", "BaselineId",
		"--approval-rules", "PatchRules=[{PatchFilterGroup={PatchFilters=[{Key=PRIORITY,Values=[*]}]},ComplianceLevel=CRITICAL}]")
	c.expect("web DEBIAN CRITICAL nginx*", "ssm", "get-patch-baseline", "--baseline-id", id,
		"--query", "[Name,OperatingSystem,ApprovalRules.PatchRules[0].ComplianceLevel,RejectedPatches[0]]")
	c.expect("(ValidationException)...", "ssm", "create-patch-baseline", "--name", "web", "--operating-system", "SUSE",
		"--approval-rules", "PatchRules=[{PatchFilterGroup={PatchFilters=[{Key=PRIORITY,Values=[*]}]}}]")
	c.expect(id, "ssm", "register-patch-baseline-for-patch-group", "--baseline-id", id, "--patch-group", "db", "--query", "BaselineId")
	c.expect(id, "ssm", "describe-patch-baselines", "--filters", "Key=OWNER,Values=Self", "--query", "BaselineIdentities[].BaselineId")
	c.expect("17", "ssm", "describe-patch-baselines", "--filters", "Key=OWNER,Values=AWS", "--query", "length(BaselineIdentities)")
	c.expect("(ResourceInUseException)...", "ssm", "delete-patch-baseline", "--baseline-id", id)
	c.expect("(DoesNotExistException)...", "ssm", "get-patch-baseline", "--baseline-id", "pb-00000000000000000")

	run := func(op string) {
		t.Helper()
		command := c.run("ssm", "send-command", "--document-name", "AWS-RunPatchBaseline", "--targets", "Key=tag:Patch Group,Values=db", "--parameters", "Operation="+op, "--query", "Command.CommandId")
		status := func() string {
			return c.run("ssm", "get-command-invocation", "--command-id", command, "--instance-id", node, "--plugin-name", "PatchLinux", "--query", "Status")
		}
		c.until("the end of "+op, func() bool { c.step(1e10); return status() == "Success" })
	}
	run("Scan")
	c.expect("Scan db 1 1 1", "ssm", "describe-instance-patch-states", "--instance-ids", node,
		"--query", "InstancePatchStates[0].[Operation,PatchGroup,MissingCount,InstalledOtherCount,CriticalNonCompliantCount]")
	c.expect("app.amd64:2 MISSING Security", "ssm", "describe-instance-patches", "--instance-id", node, "--filters", "Key=State,Values=Missing", "--query", "Patches[].[Title,State,Classification]")
	c.expect("Patch NON_COMPLIANT 1", "ssm", "list-resource-compliance-summaries", "--query", "ResourceComplianceSummaryItems[].[ComplianceType,Status,NonCompliantSummary.NonCompliantCount]")
	run("Install")
	c.expect("1 1 0 0", "ssm", "describe-patch-group-state", "--patch-group", "db",
		"--query", "[Instances,InstancesWithInstalledPatches,InstancesWithMissingPatches,InstancesWithFailedPatches]")
	c.expect("app.amd64:2 INSTALLED dpkg.amd64:1.21 INSTALLED_OTHER", "ssm", "describe-instance-patches", "--instance-id", node, "--query", "Patches[].[Title,State]")
	c.expect("(InvalidInstanceId)...", "ssm", "describe-instance-patches", "--instance-id", "i-00000000000000000")
}

func TestTheAWSCLIMovesObjectsInParts(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	big := make([]byte, 9<<20+17) // over the CLI's threshold of 8 MiB: two parts
	rand.New(rand.NewSource(1)).Read(big)
	if err := os.WriteFile(filepath.Join(c.dir, "big"), big, 0o600); err != nil {
		t.Fatal(err)
	}
	c.expect("make_bucket: box", "s3", "mb", "s3://box")
	c.expect("", "s3api", "put-bucket-versioning", "--bucket", "box", "--versioning-configuration", "Status=Enabled")
	c.expect("Enabled", "s3api", "get-bucket-versioning", "--bucket", "box", "--query", "Status")
	c.expect("upload: ./big to s3://box/big...", "s3", "cp", "big", "s3://box/big", "--no-progress")
	c.expect("-2\" 9437201...", "s3api", "head-object", "--bucket", "box", "--key", "big", "--query", "[ETag,ContentLength]")
	c.expect("download: s3://box/big to ./back...", "s3", "cp", "s3://box/big", "back", "--no-progress")
	if back, err := os.ReadFile(filepath.Join(c.dir, "back")); err != nil || !bytes.Equal(back, big) {
		t.Errorf("%d of %d bytes came back: %v", len(back), len(big), err)
	}
	c.expect("(InvalidRange)...", "s3api", "get-object", "--bucket", "box", "--key", "big", "--range", "bytes=99999999-", "out")
	c.expect("delete: s3://box/big", "s3", "rm", "s3://box/big")
	c.expect("1 1", "s3api", "list-object-versions", "--bucket", "box", "--query", "[length(Versions),length(DeleteMarkers)]")
	c.expect("(NoSuchKey)...", "s3api", "get-object", "--bucket", "box", "--key", "big", "out")
	c.expect("(BucketNotEmpty)...", "s3api", "delete-bucket", "--bucket", "box")
	c.expect("box", "s3api", "list-buckets", "--query", "Buckets[].Name")
	c.expect("(NoSuchUpload)...", "s3api", "abort-multipart-upload", "--bucket", "box", "--key", "big", "--upload-id", "nope")
}

func TestTheAWSCLIAssumesDeclaredRoles(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	if err := c.w.Do("-", "-", func(tx *world.Tx) error {
		sts.DeclareRole(tx, sts.Role{Account: "444455556666", Name: "Publish", Trusts: []sts.Trust{{Principal: wiretest.Account, ExternalID: "ours"}}})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	role := []string{"sts", "assume-role", "--role-arn", "arn:aws:iam::444455556666:role/Publish", "--role-session-name", "run-1", "--query", "AssumedRoleUser.Arn"}
	c.expect("(AccessDenied)...", role...)
	c.expect("arn:aws:sts::444455556666:assumed-role/Publish/run-1", append(role, "--external-id", "ours", "--tags", "Key=run,Value=1")...)
	c.expect("(AccessDenied)...", "sts", "assume-role", "--role-arn", "arn:aws:iam::444455556666:role/Admin", "--role-session-name", "run-1")
}

func TestTheAWSCLIKeepsParametersLikeAChannel(t *testing.T) {
	t.Parallel()
	c := newCLI(t)
	put := []string{"ssm", "put-parameter", "--name", "/golden/web/latest", "--type", "String", "--data-type", "aws:ec2:image", "--query", "Version", "--value"}
	c.expect("1", append(put, image)...)
	c.expect("(ParameterNotFound)...", "ssm", "get-parameter", "--name", "/golden/web/latest") // not checked yet
	c.step(1e10)
	c.expect("2", append(put, "ami-0000000000000dead", "--overwrite")...)
	c.step(1e10)
	c.expect(image+" 1", "ssm", "get-parameter", "--name", "/golden/web/latest", "--query", "Parameter.[Value,Version]")
	c.expect("1", "ssm", "label-parameter-version", "--name", "/golden/web/latest", "--labels", "current", "--query", "ParameterVersion")
	c.expect(image+" :current", "ssm", "get-parameter", "--name", "/golden/web/latest:current", "--query", "Parameter.[Value,Selector]")
	c.expect("1 current", "ssm", "get-parameter-history", "--name", "/golden/web/latest", "--query", "Parameters[].[Version,Labels[0]]")
}
