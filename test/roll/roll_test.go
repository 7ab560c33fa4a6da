// Package roll drives rollout through the real SDK against the twin's EC2 and Auto
// Scaling, in virtual time.
package roll

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/awscloud/groups"
	"github.com/goldenami/rehydrate/internal/awscloud/images"
	"github.com/goldenami/rehydrate/internal/awscloud/instances"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	twinasg "github.com/goldenami/rehydrate/internal/twin/autoscaling"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	twinec2 "github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/rollout"
)

const (
	oldImage = "ami-00000000000000001"
	newImage = "ami-00000000000000002"
	badImage = "ami-00000000000000003" // its instances fail their health checks
)

// names is a backing whose machines are only names.
type names struct{ backing.Backing }

func (names) Start(context.Context, backing.Machine) error   { return nil }
func (names) Stop(context.Context, string) error             { return nil }
func (names) Destroy(context.Context, backing.Machine) error { return nil }
func (names) Close() error                                   { return nil }

// account is a twin with three images and a launch template of two versions.
type account struct {
	t        *testing.T
	w        *world.World
	asg      *autoscaling.Client
	ec2      *ec2.Client
	stage    *rollout.Stage
	template string
	lowest   map[string]int // instances in service, by group, over every look
}

func open(t *testing.T) *account {
	t.Helper()
	w := wiretest.World(t)
	e := twinec2.New(w, names{}, t.TempDir())
	s := twinasg.New(w, e)
	cfg := wiretest.Client(t, w, e.Wire(), s.Wire())
	a := &account{t: t, w: w, asg: autoscaling.NewFromConfig(cfg), ec2: ec2.NewFromConfig(cfg), lowest: map[string]int{}}
	w.Start()
	err := w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error {
		for id, tags := range map[string]map[string]string{oldImage: nil, newImage: nil, badImage: {twinasg.FaultTag: "true"}} {
			if _, err := e.AddImage(tx, twinec2.Image{ID: id, Name: "image " + id, Tags: tags}, backing.Image{Layers: []string{"/nowhere"}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a.template = a.makeTemplate()
	sess := session.Of(cfg)
	g, templates, refreshes := groups.New(sess)
	described, _, _ := instances.New(sess)
	a.stage = &rollout.Stage{Cells: rollout.Everywhere(rollout.Ports{Groups: g, Templates: templates, Refreshes: refreshes, Instances: described, Images: images.New(sess)}),
		Clock: clock{w}, Events: event.Func(func(e event.Event) { t.Logf("%s %s", w.Clock().Now().Format("15:04:05"), e.Text) })}
	return a
}

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

// makeTemplate has version 1 in use and version 2, the latest, with other user data
// that nobody has released.
func (a *account) makeTemplate() string {
	a.t.Helper()
	out, err := a.ec2.CreateLaunchTemplate(a.t.Context(), &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("web"),
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{ImageId: aws.String(oldImage), InstanceType: ec2types.InstanceTypeT3Small, UserData: aws.String("cmVsZWFzZWQ=")}})
	if err != nil {
		a.t.Fatal(err)
	}
	id := out.LaunchTemplate.LaunchTemplateId
	if _, err := a.ec2.CreateLaunchTemplateVersion(a.t.Context(), &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: id, SourceVersion: aws.String("1"),
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{UserData: aws.String("dW5yZWxlYXNlZA==")}}); err != nil {
		a.t.Fatal(err)
	}
	return *id
}

func (a *account) group(name, version string, n int32, mixed bool) {
	a.t.Helper()
	spec := &astypes.LaunchTemplateSpecification{LaunchTemplateId: &a.template, Version: &version}
	in := &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: &name, MinSize: aws.Int32(0), MaxSize: aws.Int32(3 * n), DesiredCapacity: &n,
		AvailabilityZones: []string{wiretest.Region + "a"}, DefaultInstanceWarmup: aws.Int32(30),
		Tags: []astypes.Tag{{Key: aws.String("fleet"), Value: &name, ResourceId: &name, ResourceType: aws.String("auto-scaling-group"), PropagateAtLaunch: aws.Bool(true)}}}
	if mixed {
		in.MixedInstancesPolicy = &astypes.MixedInstancesPolicy{
			LaunchTemplate: &astypes.LaunchTemplate{LaunchTemplateSpecification: spec,
				Overrides: []astypes.LaunchTemplateOverrides{{InstanceType: aws.String("t3.small")}, {InstanceType: aws.String("t3.medium")}}},
			InstancesDistribution: &astypes.InstancesDistribution{OnDemandBaseCapacity: aws.Int32(1)}}
	} else {
		in.LaunchTemplate = spec
	}
	if _, err := a.asg.CreateAutoScalingGroup(a.t.Context(), in); err != nil {
		a.t.Fatal(err)
	}
	_ = a.stage.Clock.Sleep(a.t.Context(), a.stage.Clock.Now().Add(5*time.Minute))
}

func (a *account) describe(name string) astypes.AutoScalingGroup {
	a.t.Helper()
	out, err := a.asg.DescribeAutoScalingGroups(a.t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if err != nil || len(out.AutoScalingGroups) != 1 {
		a.t.Fatalf("describe %s: %v", name, err)
	}
	return out.AutoScalingGroups[0]
}

// runs is what EC2 says the group's instances run: images and user data.
func (a *account) runs(name string) map[string]int {
	a.t.Helper()
	var ids []string
	for _, i := range a.describe(name).Instances {
		ids = append(ids, *i.InstanceId)
	}
	out, err := a.ec2.DescribeInstances(a.t.Context(), &ec2.DescribeInstancesInput{InstanceIds: ids})
	if err != nil {
		a.t.Fatal(err)
	}
	n := map[string]int{}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			n[*i.ImageId]++
		}
	}
	return n
}

func (a *account) input(image string, fleets ...string) rollout.Input {
	in := rollout.Input{Image: image}
	for _, f := range fleets {
		in.Rings = append(in.Rings, rollout.Ring{Name: f, Soak: 10 * time.Minute})
		in.Fleets = append(in.Fleets, rollout.Fleet{Name: f, Ring: f, Tags: map[string]string{"fleet": f},
			Refresh: rollout.Preferences{Rollback: true, MinHealthy: aws.Int(50), MaxHealthy: aws.Int(100)}})
	}
	return in
}

// roll plans and rolls every ring through the engine.
func (a *account) roll(in rollout.Input) ([]record.Roll, error) {
	a.t.Helper()
	p, err := a.stage.Plan(a.t.Context(), in)
	if err != nil {
		return nil, err
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	x := &rollout.Execution{Stage: a.stage, Pool: &engine.Pool{Local: &engine.Local{
		Journal: journal.Open(journal.NewFolder(a.t.TempDir()), "r1"), Clock: a.stage.Clock}}}
	return x.Roll(a.t.Context(), p)
}

func TestTwoRingsRollOntoOneVersion(t *testing.T) {
	a := open(t)
	a.group("web-dev", "1", 2, false)
	a.group("web-prod", "1", 6, true)
	before, err := json.Marshal(a.describe("web-prod").MixedInstancesPolicy)
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.roll(a.input(newImage, "web-dev", "web-prod"))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{2, 6} {
		r := got[i]
		if r.Outcome != rollout.Done || r.OnImage != want || r.Of != want || r.FromV != "1" || r.ToV != "3" || r.MinHealthy < want/2 {
			t.Errorf("%+v", r)
		}
		if d := cmp.Diff(map[string]int{newImage: want}, a.runs(r.Group)); d != "" {
			t.Error(d)
		}
	}
	after := a.describe("web-prod").MixedInstancesPolicy
	if v := aws.ToString(after.LaunchTemplate.LaunchTemplateSpecification.Version); v != "3" {
		t.Errorf("the group is saved on version %s", v)
	}
	after.LaunchTemplate.LaunchTemplateSpecification.Version = aws.String("1")
	if now, _ := json.Marshal(after); string(now) != string(before) {
		t.Errorf("the policy changed from %s to %s", before, now)
	}
	if again, err := a.stage.Plan(t.Context(), a.input(newImage, "web-dev", "web-prod")); err != nil || !again.Nothing() {
		t.Errorf("a second plan is not empty: %+v, %v", again, err)
	}
}

func TestAnImageThatFailsIsRolledBackAndTheNextRingIsNotTouched(t *testing.T) {
	a := open(t)
	a.group("web-dev", "1", 2, false)
	a.group("web-prod", "1", 4, false)
	got, err := a.roll(a.input(badImage, "web-dev", "web-prod"))
	if fault.KindOf(err) != fault.RolledBack || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	for name, n := range map[string]int{"web-dev": 2, "web-prod": 4} {
		if d := cmp.Diff(map[string]int{oldImage: n}, a.runs(name)); d != "" {
			t.Error(name, d)
		}
	}
	if v := aws.ToString(a.describe("web-dev").LaunchTemplate.Version); v != "1" {
		t.Errorf("the group is saved on version %s", v)
	}
}

func TestAGroupOnDefaultKeepsItsUserData(t *testing.T) {
	a := open(t)
	a.group("web-dev", "$Default", 2, false)
	// Somebody makes the unreleased version the default.
	if _, err := a.ec2.ModifyLaunchTemplate(t.Context(), &ec2.ModifyLaunchTemplateInput{LaunchTemplateId: &a.template, DefaultVersion: aws.String("2")}); err != nil {
		t.Fatal(err)
	}
	got, err := a.roll(a.input(newImage, "web-dev"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := a.ec2.DescribeLaunchTemplateVersions(t.Context(), &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &a.template, Versions: []string{got[0].ToV}})
	if err != nil {
		t.Fatal(err)
	}
	d := out.LaunchTemplateVersions[0].LaunchTemplateData
	if aws.ToString(d.UserData) != "cmVsZWFzZWQ=" || aws.ToString(d.ImageId) != newImage {
		t.Errorf("rolled to user data %s and image %s", aws.ToString(d.UserData), aws.ToString(d.ImageId))
	}
}

func TestTheRefreshOfSomebodyElseIsNeitherAdoptedNorEnded(t *testing.T) {
	a := open(t)
	a.group("web-dev", "1", 4, false)
	foreign, err := a.asg.StartInstanceRefresh(t.Context(), &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web-dev"),
		DesiredConfiguration: &astypes.DesiredConfiguration{LaunchTemplate: &astypes.LaunchTemplateSpecification{LaunchTemplateId: &a.template, Version: aws.String("2")}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.roll(a.input(newImage, "web-dev")); fault.KindOf(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
	out, err := a.asg.DescribeInstanceRefreshes(t.Context(), &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String("web-dev")})
	if err != nil || len(out.InstanceRefreshes) != 1 || *out.InstanceRefreshes[0].InstanceRefreshId != *foreign.InstanceRefreshId ||
		out.InstanceRefreshes[0].Status == astypes.InstanceRefreshStatusCancelled {
		t.Errorf("%s", fmt.Sprint(out, err))
	}
}
