// Package inplace drives the patching of a long-lived node through the real SDK
// against the twin's EC2, Systems Manager and S3. The node is modelled; the same
// command runs in a real root in the demo.
package inplace

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/awscloud/commands"
	"github.com/goldenami/rehydrate/internal/awscloud/instances"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/awscloud/store"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	twinec2 "github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/modelled"
	twins3 "github.com/goldenami/rehydrate/internal/twin/s3"
	twinssm "github.com/goldenami/rehydrate/internal/twin/ssm"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/rollout/inplace"
)

const image = "ami-00000000000000001"

type clock struct{ w *world.World }

func (c clock) Now() time.Time { return c.w.Clock().Now() }

func (c clock) Sleep(_ context.Context, until time.Time) error { c.w.Clock().StepTo(until); return nil }

func demo(version string) baseline.Package {
	return baseline.Package{Name: "libdemo", Arch: "amd64", Version: version}
}

const digest = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" // of foo

// lock wants libdemo at exactly 1.2.
func lock() *baseline.Lock {
	return &baseline.Lock{Schema: baseline.LockSchema, Baseline: "demo", OS: baseline.Debian, Product: "Debian12", Arch: "amd64",
		EvaluatedAt: wiretest.Start, Repositories: []baseline.Repository{{ID: "demo", URL: "http://archive.invalid"}},
		Packages: []baseline.LockedPackage{{Package: demo("1.2"), From: "1.0", Repository: "demo", Filename: "pool/libdemo.deb",
			Size: 3, SHA256: digest, Rule: "approval_rule[0]", ComplianceLevel: "UNSPECIFIED"}}}
}

// offers is what the repository has by now.
func offers(version string) baseline.Available {
	return baseline.Available{Repositories: lock().Repositories, Packages: []baseline.AvailablePackage{{Package: demo(version),
		Priority: "optional", Section: "libs", Origins: []baseline.Origin{{Origin: "Debian", Label: "Debian-Security", Trusted: true}},
		Repository: "demo", Filename: "pool/libdemo.deb", Size: 3, SHA256: digest}}}
}

// account is a twin with one node that is tagged Patch Group = db.
type account struct {
	t     *testing.T
	w     *world.World
	stage *inplace.Stage
}

func open(t *testing.T, now baseline.Available) *account {
	t.Helper()
	w := wiretest.World(t)
	router := &backing.Router{Modelled: modelled.New(modelled.Options{Clock: clock{w},
		Repository: func(string) (baseline.Available, error) { return now, nil }})}
	objects := twins3.New(t.TempDir())
	compute := twinec2.New(w, router, t.TempDir())
	systems := twinssm.New(w, twinssm.Ports{EC2: compute, Machines: router, Objects: objects})
	cfg := wiretest.Client(t, w, compute.Wire(), systems.Wire(), objects.Wire())
	w.Start()
	a := &account{t: t, w: w}
	err := w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error {
		_, err := compute.AddImage(tx, twinec2.Image{ID: image, Name: "base"}, backing.Image{Modelled: &backing.ModelledImage{OS: baseline.Debian,
			Product: "Debian12", Arch: "amd64", Repository: "demo", Installed: []baseline.Installed{{Package: demo("1.0")}, {Package: baseline.Package{Name: "other", Arch: "amd64", Version: "5"}}}}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	tag := ec2types.TagSpecification{ResourceType: ec2types.ResourceTypeInstance, Tags: []ec2types.Tag{
		{Key: aws.String("Name"), Value: aws.String("db-1")}, {Key: aws.String("Patch Group"), Value: aws.String("db")}}}
	if _, err := ec2.NewFromConfig(cfg).RunInstances(t.Context(), &ec2.RunInstancesInput{ImageId: aws.String(image), InstanceType: ec2types.InstanceTypeT3Small,
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), TagSpecifications: []ec2types.TagSpecification{tag}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: aws.String("artifacts"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: wiretest.Region}}); err != nil {
		t.Fatal(err)
	}
	a.step(10 * time.Minute)
	sess := session.Of(cfg)
	_, nodes, _ := instances.New(sess)
	cmds, docs := commands.New(sess)
	program := filepath.Join(t.TempDir(), "rehydrate-node")
	if err := os.WriteFile(program, []byte("a program"), 0o755); err != nil {
		t.Fatal(err)
	}
	a.stage = &inplace.Stage{Nodes: nodes, Commands: cmds, Documents: docs, Store: store.New(sess, "artifacts"),
		Binary: func(string) (string, error) { return program, nil },
		Events: event.Func(func(e event.Event) { t.Logf("%s %s", w.Clock().Now().Format("15:04:05"), e.Text) })}
	return a
}

// step lets virtual time pass, and what works in the background come to an end.
func (a *account) step(d time.Duration) {
	a.settle()
	a.w.Clock().Step(d)
	a.settle()
}

func (a *account) settle() {
	for end := time.Now().Add(2 * time.Minute); len(a.w.Clock().Status().Holds) > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

func (a *account) patch(run, bundle string) (record.Patched, error) {
	a.t.Helper()
	p, err := a.stage.Plan(a.t.Context(), inplace.Input{Run: run, Fleet: "db", Tags: map[string]string{"Patch Group": "db"}, Bundle: bundle,
		Request: record.NodeRequest{Schema: record.NodeSchema, Operation: "Install", Lock: lock(), Now: a.w.Clock().Now(), RebootOption: "NoReboot"}})
	if err != nil {
		return record.Patched{}, err
	}
	var state json.RawMessage
	for range 500 {
		out, next, err := a.stage.NodeUnit(p, p.Nodes[0]).Advance(a.t.Context(), state)
		if err != nil {
			a.t.Fatal(err)
		}
		if state = out; next.Done {
			return inplace.Result(state)
		}
		if next.After > 0 {
			a.step(next.After)
		}
	}
	a.t.Fatal("patching does not end")
	return record.Patched{}, nil
}

func bundle(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, digest), []byte("foo"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestANodeIsPatchedToTheLockAndThenLeftAlone(t *testing.T) {
	a := open(t, offers("1.2"))
	got, err := a.patch("run-1", bundle(t))
	if err != nil || got.Outcome != inplace.Done || got.Lock != inplace.Exact || !got.Report.Modelled {
		t.Fatalf("%+v, %v", got, err)
	}
	if c := got.Report.Changes; len(c) != 1 || c[0].Name != "libdemo" || c[0].From != "1.0" || c[0].To != "1.2" {
		t.Errorf("changed %+v", c)
	}
	again, err := a.patch("run-2", bundle(t))
	if err != nil || again.Outcome != inplace.NothingToDo || again.Lock != inplace.Exact || again.Command == got.Command {
		t.Errorf("%+v, %v", again, err)
	}
}

func TestTheBundleServesWhenTheRepositoryHasMovedOn(t *testing.T) {
	a := open(t, offers("1.3"))
	got, err := a.patch("run-1", bundle(t))
	if err != nil || got.Lock != inplace.Exact || len(got.Obtained) != 1 || got.Obtained[0].From != "bundle" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestALockThatIsNowhereFailsAndChangesNothing(t *testing.T) {
	a := open(t, offers("1.3"))
	got, err := a.patch("run-1", "")
	if err == nil || got.Outcome != inplace.Failed || got.Report != nil && len(got.Report.Changes) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
