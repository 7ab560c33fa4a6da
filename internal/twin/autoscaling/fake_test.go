package autoscaling

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/elbv2"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

const (
	account, region = "111122223333", "eu-central-1"
	bootTime        = 20 * time.Second
	endTime         = 30 * time.Second
)

// fakeEC2 keeps instances in the world; launches and terminations take time.
type fakeEC2 struct {
	on     []func(tx *world.Tx, id, state string)
	images map[string]Image     // by id
	lt     map[string][]string  // template id to the images of its versions
	refuse func(l Launch) error // refuses launches
	stuck  bool                 // refuses terminations
}

type fakeMove struct{ ID, State string }

func newFakeEC2(w *world.World) *fakeEC2 {
	f := &fakeEC2{
		images: map[string]Image{"ami-1": {State: "available"}, "ami-2": {State: "available"}, "resolve:ssm:/golden": {State: "available"}, "ami-bad": {State: "available", Tags: map[string]string{FaultTag: "true"}}},
		lt:     map[string][]string{"lt-1": {"ami-1", "ami-2", "ami-bad", "resolve:ssm:/golden"}},
	}
	w.OnTimer("fake", func(tx *world.Tx, p json.RawMessage) error {
		var m fakeMove
		if err := json.Unmarshal(p, &m); err != nil {
			return err
		}
		f.move(tx, m)
		return nil
	})
	return f
}

func (f *fakeEC2) rows(tx *world.Tx) *world.Rows[Instance] {
	return world.Table[Instance](tx, "fake/instances")
}

func (f *fakeEC2) move(tx *world.Tx, m fakeMove) {
	i, ok := f.rows(tx).Get(m.ID)
	if !ok || i.State == "terminated" || i.State == "shutting-down" && m.State == "running" {
		return
	}
	i.State = m.State
	f.rows(tx).Put(m.ID, i)
	for _, on := range f.on {
		on(tx, m.ID, m.State)
	}
}

func (f *fakeEC2) Template(tx *world.Tx, id, name, version string) (Template, error) {
	if id == "" && name == "web" {
		id = "lt-1"
	}
	images, ok := f.lt[id]
	if !ok {
		return Template{}, wire.Errorf("InvalidLaunchTemplateId.NotFound", "no such template")
	}
	n := 1
	switch version {
	case "", "$Default":
	case "$Latest":
		n = len(images)
	default:
		if _, err := fmt.Sscan(version, &n); err != nil || n < 1 || n > len(images) {
			return Template{}, wire.Errorf("InvalidLaunchTemplateId.VersionNotFound", "no such version")
		}
	}
	return Template{ID: id, Name: "web", Version: fmt.Sprint(n), Image: images[n-1], Type: "t3.micro"}, nil
}

func (f *fakeEC2) Launch(tx *world.Tx, l Launch) (Instance, error) {
	if f.refuse != nil {
		if err := f.refuse(l); err != nil {
			return Instance{}, err
		}
	}
	i := Instance{ID: tx.ID("i-"), State: "pending", Image: l.Template.Image, Type: l.Template.Type, Zone: l.Zone, Tags: l.Tags}
	if l.Image != "" {
		i.Image = l.Image
	}
	if l.Type != "" {
		i.Type = l.Type
	}
	if l.Settled {
		i.State = "running"
		f.rows(tx).Put(i.ID, i)
		return i, nil
	}
	f.rows(tx).Put(i.ID, i)
	tx.At(tx.Now.Add(bootTime), "fake", fakeMove{i.ID, "running"})
	return i, nil
}

func (f *fakeEC2) Terminate(tx *world.Tx, id string) error {
	if f.stuck {
		return wire.Errorf("InternalError", "stuck")
	}
	f.move(tx, fakeMove{id, "shutting-down"})
	tx.At(tx.Now.Add(endTime), "fake", fakeMove{id, "terminated"})
	return nil
}

func (f *fakeEC2) Instance(tx *world.Tx, id string) (Instance, bool) { return f.rows(tx).Get(id) }

func (f *fakeEC2) Image(tx *world.Tx, id string) (Image, bool) {
	i, ok := f.images[id]
	return i, ok
}

func (f *fakeEC2) Zone(tx *world.Tx, subnet string) (string, bool) {
	return "eu-central-1a", subnet == "subnet-1"
}

func (f *fakeEC2) Zones(*world.Tx) []string {
	return []string{"eu-central-1a", "eu-central-1b", "eu-central-1c"}
}

func (f *fakeEC2) ReplaceRoot(*world.Tx, string, string) (string, error) {
	return "", errors.New("the fake replaces no root volumes: the tests of that are on the twin's EC2")
}

func (f *fakeEC2) Root(*world.Tx, string) RootState { return RootFailed }

func (f *fakeEC2) OnRoot(func(tx *world.Tx, instance string)) {}

func (f *fakeEC2) OnState(g func(tx *world.Tx, id, state string)) { f.on = append(f.on, g) }

// rig is a world with Auto Scaling under a clock that only Step moves.
type rig struct {
	t   testing.TB
	w   *world.World
	ec2 *fakeEC2
	elb *elbv2.Service
	s   *Service
}

func newRig(t testing.TB, dir string) *rig {
	t.Helper()
	w, err := world.Open(world.Options{Dir: dir, Seed: 7, Mode: world.Manual, Start: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, w: w, ec2: newFakeEC2(w)}
	r.s = newService(w, r.ec2)
	r.elb = elbv2.New(w, elbView{r.ec2})
	r.s.Balance(r.elb)
	w.Watch(r.invariants)
	w.Start()
	return r
}

func start(t testing.TB) *rig {
	r := newRig(t, "")
	t.Cleanup(func() { r.close() })
	return r
}

func (r *rig) close() {
	if err := r.w.Close(); err != nil {
		r.t.Error(err)
	}
}

// call runs one operation as the wire layer does.
func call[I, O any](r *rig, op func(*world.Tx, *I) (*O, error), in *I) (*O, error) {
	var out *O
	err := r.w.Do(account, region, func(tx *world.Tx) (err error) {
		out, err = op(tx, in)
		return err
	})
	return out, err
}

func must[I, O any](r *rig, op func(*world.Tx, *I) (*O, error), in *I) *O {
	r.t.Helper()
	out, err := call(r, op, in)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func version(n int) *types.LaunchTemplateSpecification {
	return &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-1"), Version: aws.String(fmt.Sprint(n))}
}

// group makes a group of n on version 1 and lets it come up.
func (r *rig) group(name string, n int32, opts ...func(*asg.CreateAutoScalingGroupInput)) {
	r.t.Helper()
	in := &asg.CreateAutoScalingGroupInput{
		AutoScalingGroupName: &name, MinSize: aws.Int32(0), MaxSize: aws.Int32(50), DesiredCapacity: &n,
		LaunchTemplate: version(1), AvailabilityZones: []string{"eu-central-1a", "eu-central-1b"}, DefaultInstanceWarmup: aws.Int32(60),
	}
	for _, o := range opts {
		o(in)
	}
	must(r, r.s.CreateAutoScalingGroup, in)
	r.step(time.Minute)
}

func (r *rig) step(d time.Duration) { r.w.Clock().Step(d) }

func (r *rig) describe(name string) types.AutoScalingGroup {
	r.t.Helper()
	out := must(r, r.s.DescribeAutoScalingGroups, &asg.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if len(out.AutoScalingGroups) != 1 {
		r.t.Fatalf("%d groups named %s", len(out.AutoScalingGroups), name)
	}
	return out.AutoScalingGroups[0]
}

// versions counts the members in service by template version.
func (r *rig) versions(name string) map[string]int {
	out := map[string]int{}
	for _, i := range r.describe(name).Instances {
		if i.LifecycleState == types.LifecycleStateInService {
			out[*i.LaunchTemplate.Version]++
		}
	}
	return out
}

func (r *rig) refresh(name string, to int, p *types.RefreshPreferences) string {
	r.t.Helper()
	out := must(r, r.s.StartInstanceRefresh, &asg.StartInstanceRefreshInput{
		AutoScalingGroupName: &name, DesiredConfiguration: &types.DesiredConfiguration{LaunchTemplate: version(to)}, Preferences: p,
	})
	return *out.InstanceRefreshId
}

func (r *rig) status(name string) types.InstanceRefresh {
	r.t.Helper()
	out := must(r, r.s.DescribeInstanceRefreshes, &asg.DescribeInstanceRefreshesInput{AutoScalingGroupName: &name})
	if len(out.InstanceRefreshes) == 0 {
		r.t.Fatalf("%s has no refresh", name)
	}
	return out.InstanceRefreshes[0]
}

// until steps until the newest refresh has ended or limit has passed.
func (r *rig) until(name string, limit time.Duration) types.InstanceRefresh {
	r.t.Helper()
	for left := limit; left > 0; left -= 10 * time.Second {
		if s := r.status(name); s.EndTime != nil {
			return s
		}
		r.step(10 * time.Second)
	}
	s := r.status(name)
	r.t.Fatalf("refresh of %s is %s at %d%% after %s: %s", name, s.Status, *s.PercentageComplete, limit, aws.ToString(s.StatusReason))
	return s
}

// capacity is one group.capacity event.
type capacity struct{ min, desired, inService, serving, total, floor, ceiling int }

// watch collects the capacity events from now on.
func (r *rig) watch(f func(c capacity, cause string)) {
	r.w.OnEvent(func(e world.Event) {
		if e.Kind != "group.capacity" {
			return
		}
		n := func(k string) int { return e.Data[k].(int) }
		f(capacity{n("min"), n("desired"), n("inService"), n("serving"), n("total"), n("floor"), n("ceiling")}, e.Data["cause"].(string))
	})
}

func code(err error) string {
	if w, ok := errors.AsType[*wire.Error](err); ok {
		return w.Code
	}
	return fmt.Sprint(err)
}
