package imagelife

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/record"
	twinasg "github.com/goldenami/rehydrate/internal/twin/autoscaling"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	twinec2 "github.com/goldenami/rehydrate/internal/twin/ec2"
	twins3 "github.com/goldenami/rehydrate/internal/twin/s3"
	twinssm "github.com/goldenami/rehydrate/internal/twin/ssm"
	twinsts "github.com/goldenami/rehydrate/internal/twin/sts"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const channel = "/golden/web/latest"

// id is the image number n.
func id(n int) string { return fmt.Sprintf("ami-%017x", n) }

// names is a backing whose machines are only names.
type names struct{ backing.Backing }

func (names) Start(context.Context, backing.Machine) error   { return nil }
func (names) Stop(context.Context, string) error             { return nil }
func (names) Destroy(context.Context, backing.Machine) error { return nil }
func (names) Close() error                                   { return nil }

// clock is the twin's own time.
type clock struct{ w *world.World }

func (c clock) Now() time.Time { return c.w.Clock().Now() }
func (c clock) Sleep(_ context.Context, until time.Time) error {
	settle(c.w)
	c.w.Clock().StepTo(until)
	settle(c.w)
	return nil
}

// settle waits for work that the twin does in the background.
func settle(w *world.World) {
	for end := time.Now().Add(2 * time.Minute); len(w.Clock().Status().Holds) > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// line is a client that can lose calls.
type line struct {
	to interface {
		Do(*http.Request) (*http.Response, error)
	}
	mu sync.Mutex
	// cut says of each call that would change something whether it is lost; after tells
	// that it reaches AWS and only its answer is lost.
	cut func(op string) (lost, after bool)
	ops []string // what changed something, in order
	// deny is an operation that the role may not call.
	deny string
}

var errLost = errors.New("the connection is gone")

func (l *line) Do(r *http.Request) (*http.Response, error) {
	op := operation(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	if op == l.deny {
		return denied(r), nil
	}
	changes := !slices.ContainsFunc([]string{"Describe", "Get", "List"}, func(p string) bool { return strings.HasPrefix(op, p) })
	lost, after := false, false
	if changes && l.cut != nil {
		lost, after = l.cut(op)
	}
	if lost && !after {
		return nil, errLost
	}
	res, err := l.to.Do(r)
	if changes {
		l.ops = append(l.ops, op)
	}
	if lost && err == nil {
		res.Body.Close()
		return nil, errLost
	}
	return res, err
}

// operation is the name of the operation that a request asks for.
func operation(r *http.Request) string {
	if t := r.Header.Get("X-Amz-Target"); t != "" {
		return t[strings.LastIndex(t, ".")+1:]
	}
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(text))
		if _, rest, ok := strings.Cut(string(text), "Action="); ok && err == nil {
			op, _, _ := strings.Cut(rest, "&")
			return op
		}
	}
	return "List" // S3: nothing here writes to it
}

// account is a twin with a configuration and a state folder.
type account struct {
	t        *testing.T
	w        *world.World
	ec2s     *twinec2.Service
	line     *line
	ec2      *ec2.Client
	asg      *autoscaling.Client
	ssm      *ssm.Client
	cfg      *config.Config
	sdk      aws.Config
	services []*wire.Service
	in       func() *app.ImageRequest
	dir      string
}

func open(t *testing.T) *account {
	t.Helper()
	w := wiretest.World(t)
	e := twinec2.New(w, names{}, t.TempDir())
	objects := twins3.New(t.TempDir())
	systems := twinssm.New(w, twinssm.Ports{EC2: e, Machines: &backing.Router{}, Objects: objects})
	e.ResolveParameter, e.ImageParameters = systems.Resolve, systems.ImageParameters
	groups := twinasg.New(w, e)
	services := []*wire.Service{e.Wire(), systems.Wire(), groups.Wire(), objects.Wire(), twinsts.New()}
	cfg := wiretest.Client(t, w, services...)
	a := &account{services: services, t: t, w: w, ec2s: e, line: &line{to: cfg.HTTPClient}, dir: t.TempDir()}
	cfg.HTTPClient = a.line
	a.sdk = cfg
	a.ec2, a.asg, a.ssm = ec2.NewFromConfig(cfg), autoscaling.NewFromConfig(cfg), ssm.NewFromConfig(cfg)
	w.Start()
	var err error
	if a.cfg, err = config.Parse("rehydrate.hcl", []byte(configuration)); err != nil {
		t.Fatal(err)
	}
	state, err := app.OpenState(a.dir)
	if err != nil {
		t.Fatal(err)
	}
	a.in = func() *app.ImageRequest {
		return &app.ImageRequest{Config: a.cfg, State: state, Events: event.Discard,
			Cloud: &app.Cloud{Session: session.Of(cfg), Account: wiretest.Account, Region: wiretest.Region, Clock: clock{w}, Twin: "in-process"}}
	}
	return a
}

const configuration = `
region = "eu-west-1"
baseline "debian" {
  operating_system = "DEBIAN"
  approval_rule {
    approve_after_days = 7
    patch_filter {
      key    = "PRIORITY"
      values = ["Required"]
    }
  }
}
image "web" {
  baseline = baseline.debian
  source   = "ami-0123456789abcdef0"
  channel  = "/golden/web/latest"
  rings    = ["dev"]
  channels = { dev = "/golden/web/dev" }
  retire {
    keep             = 1
    deprecate_after  = "30d"
    disable_after    = "60d"
    deregister_after = "90d"
    rollback_depth   = 1
  }
}
`

// add puts in an image of the line that is so many days old.
func (a *account) add(n, days int, tags map[string]string) {
	a.t.Helper()
	all := map[string]string{"rehydrate:line": "web", "rehydrate:run": fmt.Sprintf("20260101-00000%d-abcdef", n), "rehydrate:complete": "true"}
	for k, v := range tags {
		all[k] = v
	}
	err := a.w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error {
		_, err := a.ec2s.AddImage(tx, twinec2.Image{ID: id(n), Name: fmt.Sprintf("web-%d", n), Created: tx.Now.AddDate(0, 0, -days), Tags: all}, backing.Image{Layers: []string{"/nowhere"}})
		return err
	})
	if err != nil {
		a.t.Fatal(err)
	}
	a.must(a.ec2.CreateTags(a.t.Context(), &ec2.CreateTagsInput{Resources: a.snapshots(n), Tags: tagged("rehydrate:line", "web")}))
}

func tagged(key, value string) []ec2types.Tag {
	return []ec2types.Tag{{Key: &key, Value: &value}}
}

func (a *account) must(_ any, err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

func (a *account) pass(d time.Duration) {
	_ = clock{a.w}.Sleep(a.t.Context(), a.w.Clock().Now().Add(d))
}

// image is an image as EC2 has it; nil when there is none.
func (a *account) image(n int) *ec2types.Image {
	a.t.Helper()
	out, err := a.ec2.DescribeImages(a.t.Context(), &ec2.DescribeImagesInput{IncludeDisabled: aws.Bool(true), IncludeDeprecated: aws.Bool(true),
		Filters: []ec2types.Filter{{Name: aws.String("image-id"), Values: []string{id(n)}}}})
	if err != nil {
		a.t.Fatal(err)
	}
	if len(out.Images) == 0 {
		return nil
	}
	return &out.Images[0]
}

func (a *account) state(n int) string {
	if i := a.image(n); i != nil {
		return string(i.State)
	}
	return "gone"
}

func (a *account) snapshots(n int) []string {
	var out []string
	for _, m := range a.image(n).BlockDeviceMappings {
		out = append(out, *m.Ebs.SnapshotId)
	}
	return out
}

func (a *account) snapshotsLeft() int {
	a.t.Helper()
	out, err := a.ec2.DescribeSnapshots(a.t.Context(), &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"}})
	if err != nil {
		a.t.Fatal(err)
	}
	return len(out.Snapshots)
}

// put writes a parameter of image type and waits until it is validated.
func (a *account) put(name string, n int, run string) {
	a.t.Helper()
	in := &ssm.PutParameterInput{Name: &name, Value: aws.String(id(n)), Type: ssmtypes.ParameterTypeString, DataType: aws.String("aws:ec2:image"), Overwrite: aws.Bool(true)}
	if run != "" {
		in.Description = aws.String("rehydrate/1 run=" + run + " baked=2026-01-0" + fmt.Sprint(n) + "T00:00:00Z")
	}
	a.must(a.ssm.PutParameter(a.t.Context(), in))
	a.pass(time.Minute)
}

// publish writes a builds entry and moves the channel, as a publication does.
func (a *account) publish(n int) {
	a.t.Helper()
	run := fmt.Sprintf("20260101-00000%d-abcdef", n)
	a.put("/golden/web/builds/"+run, n, run)
	a.put(channel, n, run)
}

func (a *account) value(name string) string {
	a.t.Helper()
	out, err := a.ssm.GetParameter(a.t.Context(), &ssm.GetParameterInput{Name: &name})
	if errors.As(err, new(*ssmtypes.ParameterNotFound)) {
		return ""
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return aws.ToString(out.Parameter.Value)
}

// template makes a launch template of one version.
func (a *account) template(n int) string {
	a.t.Helper()
	out, err := a.ec2.CreateLaunchTemplate(a.t.Context(), &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("web"),
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{ImageId: aws.String(id(n)), InstanceType: ec2types.InstanceTypeT3Small}})
	if err != nil {
		a.t.Fatal(err)
	}
	return *out.LaunchTemplate.LaunchTemplateId
}

// version adds a version as a roll of ours makes it.
func (a *account) version(template string, from, n int) {
	a.t.Helper()
	a.must(a.ec2.CreateLaunchTemplateVersion(a.t.Context(), &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: &template, SourceVersion: aws.String(fmt.Sprint(from)),
		VersionDescription: aws.String(fmt.Sprintf("rehydrate: version %d with image %s", from, id(n))), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{ImageId: aws.String(id(n))}}))
}

// group makes a group of two instances, and waits for them.
func (a *account) group(template, version string) {
	a.t.Helper()
	a.must(a.asg.CreateAutoScalingGroup(a.t.Context(), &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(0), MaxSize: aws.Int32(4),
		DesiredCapacity: aws.Int32(2), AvailabilityZones: []string{wiretest.Region + "a"}, LaunchTemplate: &astypes.LaunchTemplateSpecification{LaunchTemplateId: &template, Version: &version}}))
	a.pass(5 * time.Minute)
}

func (a *account) resize(n int32) {
	a.t.Helper()
	a.must(a.asg.UpdateAutoScalingGroup(a.t.Context(), &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), DesiredCapacity: &n}))
	a.pass(10 * time.Minute)
}

// ran leaves a run document, a journal and a bundle in the state folder.
func (a *account) ran(n int, outcome string) string {
	a.t.Helper()
	run := fmt.Sprintf("20260101-00000%d-abcdef", n)
	state, err := app.OpenState(a.dir)
	if err != nil {
		a.t.Fatal(err)
	}
	if err := state.Save(&record.Run{Schema: record.Schema, ID: run, Line: "web", Account: wiretest.Account, Region: wiretest.Region, Twin: "in-process", Outcome: outcome,
		EndedAt: a.w.Clock().Now().AddDate(0, 0, -120), Bake: &record.Bake{Image: id(n)}}); err != nil {
		a.t.Fatal(err)
	}
	for _, f := range []string{"runs/" + run + "/bake/000001.json", "artifacts/" + run + "/bundle/aa"} {
		name := filepath.Join(a.dir, filepath.FromSlash(f))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte("{}"), 0o644)); err != nil {
			a.t.Fatal(err)
		}
	}
	return run
}

func (a *account) has(f string) bool {
	_, err := os.Stat(filepath.Join(a.dir, filepath.FromSlash(f)))
	return err == nil
}

// revoke plans and carries out.
func (a *account) revoke(n int, change func(*app.RevokeRequest)) (*app.Revocation, *app.Revoked, error) {
	a.t.Helper()
	in := &app.RevokeRequest{ImageRequest: *a.in(), Image: id(n), Reason: "CVE-2026-1", Within: 72 * time.Hour}
	if change != nil {
		change(in)
	}
	p, err := app.PlanRevocation(a.t.Context(), in)
	if err != nil {
		return nil, nil, err
	}
	out, err := app.Revoke(a.t.Context(), in, p)
	return p, out, err
}

// retire plans, lets something happen, and carries out.
func (a *account) retire(between func()) (*app.Retirement, []app.Retired, error) {
	a.t.Helper()
	in := a.in()
	p, err := app.PlanRetirement(a.t.Context(), in, a.cfg.Images[0])
	if err != nil {
		return nil, nil, err
	}
	if between != nil {
		between()
	}
	out, err := app.Retire(a.t.Context(), in, p)
	return p, out, err
}
