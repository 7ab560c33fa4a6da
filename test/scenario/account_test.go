package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
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

	"github.com/goldenami/rehydrate/internal/awscloud/groups"
	"github.com/goldenami/rehydrate/internal/awscloud/images"
	"github.com/goldenami/rehydrate/internal/awscloud/instances"
	"github.com/goldenami/rehydrate/internal/awscloud/params"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin"
	twinasg "github.com/goldenami/rehydrate/internal/twin/autoscaling"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	twincw "github.com/goldenami/rehydrate/internal/twin/cloudwatch"
	twinec2 "github.com/goldenami/rehydrate/internal/twin/ec2"
	twinssm "github.com/goldenami/rehydrate/internal/twin/ssm"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/rollout"
)

const (
	region   = "eu-west-1"
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

// account is a twin with three images and a launch template: version 1 in use, and
// version 2, the latest, with other user data that nobody has released.
type account struct {
	t        *testing.T
	twin     *twin.Twin
	w        *world.World
	compute  *twinec2.Service
	scaling  *twinasg.Service
	asg      *autoscaling.Client
	ec2      *ec2.Client
	ssm      *ssm.Client
	inv      *Invariants
	template string
	store    journal.Store
	limits   rollout.Limits
	prefs    rollout.Preferences
	maxWait  time.Duration
	switches *lever
	ports    rollout.Ports
	publish  *publish.Stage

	mu     sync.Mutex
	events []string
	// at runs what happens at moments of virtual time, before the clock gets there.
	at []moment
}

type moment struct {
	when time.Time
	do   func()
}

func open(t *testing.T) *account {
	t.Helper()
	a := &account{t: t, store: journal.NewFolder(t.TempDir()), switches: &lever{},
		prefs: rollout.Preferences{Rollback: true, MinHealthy: aws.Int(50), MaxHealthy: aws.Int(100)}}
	tw, err := twin.New(twin.Options{Seed: 1, Start: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Mode: world.Manual,
		Build: func(w *world.World, dir string) (twin.Services, error) {
			a.compute = twinec2.New(w, names{}, filepath.Join(dir, "machines"))
			a.scaling = twinasg.New(w, a.compute)
			systems := twinssm.New(w, twinssm.Ports{EC2: a.compute, Machines: &backing.Router{}})
			a.compute.ResolveParameter = systems.Resolve
			return twin.Services{Wire: []*wire.Service{a.compute.Wire(), a.scaling.Wire(), systems.Wire(), twincw.New(nil).Wire()}}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tw.Close(); err != nil {
			t.Error(err)
		}
	})
	a.twin, a.w = tw, tw.World()
	a.inv = Watch(t, a.w, a.compute)
	cfg := tw.Config(region, "scenario")
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	a.asg, a.ec2, a.ssm = autoscaling.NewFromConfig(cfg), ec2.NewFromConfig(cfg), ssm.NewFromConfig(cfg)
	for id, tags := range map[string]map[string]string{oldImage: nil, newImage: nil, badImage: {twinasg.FaultTag: "true"}} {
		a.do(func(tx *world.Tx) error {
			_, err := a.compute.AddImage(tx, twinec2.Image{ID: id, Name: "image " + id, Tags: tags}, backing.Image{Layers: []string{"/nowhere"}})
			return err
		})
	}
	a.template = a.makeTemplate()
	sess := session.Of(cfg)
	g, templates, refreshes := groups.New(sess)
	described, _, _ := instances.New(sess)
	a.publish = &publish.Stage{Cells: publish.One(params.New(sess), images.New(sess)), Clock: a, Events: event.Discard}
	a.ports = groups.Batched(rollout.Ports{Groups: g, Templates: templates, Refreshes: refreshes, Instances: described, Images: images.New(sess)})
	return a
}

func (a *account) do(f func(*world.Tx) error) {
	a.t.Helper()
	if err := a.w.Do(wire.DefaultAccount, region, f); err != nil {
		a.t.Fatal(err)
	}
}

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

// group makes a group of n instances that run version 1, and lets it settle.
func (a *account) group(name string, n int32) {
	a.t.Helper()
	_, err := a.asg.CreateAutoScalingGroup(a.t.Context(), &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: &name,
		MinSize: aws.Int32(0), MaxSize: aws.Int32(3 * n), DesiredCapacity: &n, AvailabilityZones: []string{region + "a", region + "b"},
		DefaultInstanceWarmup: aws.Int32(30), LaunchTemplate: &astypes.LaunchTemplateSpecification{LaunchTemplateId: &a.template, Version: aws.String("1")}})
	if err != nil {
		a.t.Fatal(err)
	}
	a.wait(5 * time.Minute)
}

// faults is the twin's fault plan from now on.
func (a *account) faults(rules ...twin.Rule) {
	a.t.Helper()
	text, err := json.Marshal(append([]twin.Rule{}, rules...))
	if err != nil {
		a.t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	ask := httptest.NewRequest(http.MethodPut, "http://127.0.0.1/_twin/faults", strings.NewReader(string(text)))
	ask.RemoteAddr = "127.0.0.1:1"
	a.twin.ServeHTTP(answer, ask)
	if answer.Code != http.StatusOK {
		a.t.Fatalf("fault plan: %d %s", answer.Code, answer.Body)
	}
}

// Now and Sleep make the account the run's clock: it jumps to where it is slept to, and
// what is to happen on the way happens.
func (a *account) Now() time.Time { return a.w.Clock().Now() }

func (a *account) Sleep(ctx context.Context, until time.Time) error {
	for len(a.at) > 0 && !a.at[0].when.After(until) {
		m := a.at[0]
		a.at = a.at[1:]
		a.step(m.when)
		a.inv.Roll(false)
		m.do()
		a.inv.Roll(true)
	}
	a.step(until)
	return ctx.Err()
}

func (a *account) step(until time.Time) {
	settle(a.w)
	if until.After(a.Now()) {
		a.w.Clock().StepTo(until)
	}
	settle(a.w)
}

func (a *account) wait(d time.Duration) { a.step(a.Now().Add(d)) }

// in has something happen once that much time has passed.
func (a *account) in(d time.Duration, do func()) {
	a.at = append(a.at, moment{a.Now().Add(d), do})
}

// settle waits for work that the twin does in the background.
func settle(w *world.World) {
	for end := time.Now().Add(2 * time.Minute); len(w.Clock().Status().Holds) > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// lever is the andon.
type lever struct {
	mu   sync.Mutex
	text string
	err  error
	read []time.Time
	now  func() time.Time
}

func (l *lever) Name() string { return "/golden/andon" }

func (l *lever) Read(context.Context) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.read = append(l.read, l.now())
	return l.text, l.err
}

func (l *lever) Write(_ context.Context, text string) error {
	l.pull(text)
	return nil
}

func (l *lever) pull(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = text
}

func (l *lever) says() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text
}

func (a *account) stage() *rollout.Stage {
	return &rollout.Stage{Cells: rollout.Everywhere(a.ports), Clock: a, Events: event.Func(func(e event.Event) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.events = append(a.events, e.Text)
		a.t.Logf("%s %s", a.Now().Format("15:04:05"), e.Text)
	})}
}

// said says whether an event's text contains what.
func (a *account) said(what string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Contains(strings.Join(a.events, "\n"), what)
}

// execution is a new process over the same journal.
func (a *account) execution() *rollout.Execution {
	s := a.stage()
	a.switches.now = a.Now
	return &rollout.Execution{Stage: s, Limits: func(string) rollout.Limits { return a.limits },
		Pool:  &engine.Pool{Tick: 15 * time.Second, Local: &engine.Local{Journal: journal.Open(a.store, "r1"), Clock: a, MaxWait: a.maxWait}},
		Andon: &rollout.Andon{Switch: a.switches, Clock: a, Events: s.Events}}
}

// plan has a ring for each list of groups.
func (a *account) plan(image string, rings ...[]string) *rollout.Plan {
	a.t.Helper()
	in := rollout.Input{Image: image}
	for n, names := range rings {
		ring := fmt.Sprintf("ring%d", n+1)
		in.Rings = append(in.Rings, rollout.Ring{Name: ring, Soak: 10 * time.Minute})
		in.Fleets = append(in.Fleets, rollout.Fleet{Name: ring, Ring: ring, Groups: names, Refresh: a.prefs})
	}
	p, err := a.stage().Plan(a.t.Context(), in)
	if err != nil {
		a.t.Fatal(err)
	}
	if err := p.Err(); err != nil {
		a.t.Fatal(err)
	}
	return p
}

// roll rolls, and looks afterwards whether what was changed is only what should be.
func (a *account) roll(p *rollout.Plan) ([]record.Roll, error) {
	a.t.Helper()
	before := a.unchanging(p)
	a.inv.Roll(true)
	got, err := a.execution().Roll(a.t.Context(), p)
	a.inv.Roll(false)
	a.at = nil
	a.same(p, before)
	return got, err
}

// same fails unless capacity, processes and protection are as they were.
func (a *account) same(p *rollout.Plan, before map[string]string) {
	a.t.Helper()
	for name, now := range a.unchanging(p) {
		if now != before[name] {
			a.t.Errorf("group %s was changed from %s to %s", name, before[name], now)
		}
	}
	if _, err := a.inv.Check(a.t.Context(), a.ec2, a.template); err != nil {
		a.t.Error(err)
	}
}

func (a *account) unchanging(p *rollout.Plan) map[string]string {
	out := map[string]string{}
	for g := range p.Groups() {
		x := a.describe(g.Group)
		protected := 0
		for _, i := range x.Instances {
			if aws.ToBool(i.ProtectedFromScaleIn) {
				protected++
			}
		}
		out[g.Group] = fmt.Sprintf("min %d max %d desired %d suspended %d protected %d new protected %t", *x.MinSize, *x.MaxSize, *x.DesiredCapacity,
			len(x.SuspendedProcesses), protected, aws.ToBool(x.NewInstancesProtectedFromScaleIn))
	}
	return out
}

func (a *account) describe(name string) astypes.AutoScalingGroup {
	a.t.Helper()
	out, err := a.asg.DescribeAutoScalingGroups(a.t.Context(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if err != nil || len(out.AutoScalingGroups) != 1 {
		a.t.Fatalf("describe %s: %v", name, err)
	}
	return out.AutoScalingGroups[0]
}

// runs is what EC2 says the group's instances run, by image.
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

// refreshes are the group's refreshes, newest first.
func (a *account) refreshes(name string) []astypes.InstanceRefresh {
	a.t.Helper()
	out, err := a.asg.DescribeInstanceRefreshes(a.t.Context(), &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: &name})
	if err != nil {
		a.t.Fatal(err)
	}
	return out.InstanceRefreshes
}
