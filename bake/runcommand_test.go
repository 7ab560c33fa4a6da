package bake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// machines are build instances in a cloud of files; each look moves them on.
type machines struct {
	cloud
	runs    *int
	managed bool
}

func (m machines) Run(_ context.Context, in NewInstance) (string, error) {
	all, err := m.all()
	if err != nil {
		return "", err
	}
	for _, r := range all {
		if r.Name == in.Token {
			return r.ID, nil
		}
	}
	*m.runs++
	id := fmt.Sprintf("i-%d", *m.runs)
	return id, m.put(thing{Resource: Resource{Kind: KindInstance, ID: id, State: "pending", Tags: in.Tags}, Name: in.Token})
}

func (m machines) look(id string) (thing, error) {
	var r thing
	if err := readJSON(m.file(id), &r); err != nil {
		return r, fault.New(fault.NotFound, "", "no instance %s", id)
	}
	return r, nil
}

// Find of Instances; the cloud's own Find is of Images.
type builders struct{ machines }

func (b builders) Find(_ context.Context, id string) (Instance, error) {
	r, err := b.look(id)
	if err != nil {
		return Instance{}, err
	}
	i := Instance{ID: id, State: r.State, Managed: b.managed && r.State == "running", Tags: r.Tags}
	if next := map[string]string{"pending": "running", "stopping": "stopped"}[r.State]; next != "" {
		r.State = next
		err = b.put(r)
	}
	return i, err
}

func (b builders) Stop(_ context.Context, id string) error {
	r, err := b.look(id)
	if err == nil {
		r.State = "stopping"
		err = b.put(r)
	}
	return err
}

func (m machines) Create(_ context.Context, in NewImage) (string, error) {
	found, err := m.Find(context.Background(), ImageFilter{Name: in.Name})
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return "", fault.New(fault.Conflict, "", "the name %s is taken", in.Name)
	}
	id := "ami-of-" + in.Instance
	return id, errors.Join(
		m.put(thing{Resource: Resource{Kind: KindSnapshot, ID: "snap-of-" + in.Instance, Tags: in.Tags}}),
		m.put(thing{Resource: Resource{Kind: KindImage, ID: id, State: ImagePending, Tags: in.Tags}, Name: in.Name, Snapshots: []string{"snap-of-" + in.Instance}, CreatedAt: time.Now()}),
	)
}

type commandBench struct {
	t       *testing.T
	cloud   cloud
	stage   *Stage
	plan    Plan
	runs    int
	patches int
	events  recorder
}

func newCommandBench(t *testing.T, patch stubPatcher) *commandBench {
	t.Helper()
	b := &commandBench{t: t, cloud: cloud{t.TempDir()}}
	if patch == nil {
		patch = func(string, record.NodeRequest) (record.NodeReport, error) {
			l := testLock()
			return record.NodeReport{Schema: record.NodeSchema, Lock: l, LockDigest: l.Digest(), Modelled: true}, nil
		}
	}
	m := machines{b.cloud, &b.runs, true}
	b.stage = &Stage{
		Images: b.cloud, Resources: b.cloud, Creator: m, Instances: builders{m}, Clock: testClock{}, Events: &b.events,
		Patcher: stubPatcher(func(id string, r record.NodeRequest) (record.NodeReport, error) {
			b.patches++
			return patch(id, r)
		}),
	}
	b.plan = Plan{
		Request: Request{Run: "run-1", Line: "web", Region: "eu-west-1", Baseline: json.RawMessage(planBaseline), Folder: t.TempDir()},
		Source:  sourceImage, Arch: "x86_64", ImageName: "web-x86_64-1-run-1", InputDigest: "sha256:1", SkipIdentity: "sha256:2",
	}
	return b
}

func (b *commandBench) finish(state json.RawMessage) Outcome {
	b.t.Helper()
	u := b.stage.RunCommand(b.plan)
	for range 3000 {
		out, next, err := u.Advance(b.t.Context(), state)
		if err != nil {
			b.t.Fatal(err)
		}
		state = out
		if next.Done {
			o, err := Result(state)
			if err != nil {
				b.t.Fatal(err)
			}
			images, rest := b.cloud.left(b.t)
			if len(rest) > 0 || len(images) > 1 || (o.Outcome == OutcomeDone) != (len(images) == 1) {
				b.t.Errorf("outcome %q with %d images, left %v", o.Outcome, len(images), rest)
			}
			return o
		}
		time.Sleep(min(next.After, time.Millisecond))
	}
	b.t.Fatalf("the bake does not end:\n%s", joinLines(b.events.lines))
	return Outcome{}
}

func TestRunCommand_makes_a_complete_image_and_leaves_nothing_else(t *testing.T) {
	b := newCommandBench(t, nil)
	out := b.finish(nil)
	if out.Outcome != OutcomeDone || out.Bake.Image != "ami-of-i-1" || out.Bake.LockDigest != testLock().Digest() || out.Bake.Snapshot != "snap-of-i-1" || out.Bake.BundleDigest != "" {
		t.Fatalf("%+v %+v", out, out.Bake)
	}
	if b.runs != 1 || b.patches != 1 {
		t.Errorf("%d instances, %d patches", b.runs, b.patches)
	}
}

func TestRunCommand_asks_for_what_the_plan_says(t *testing.T) {
	var got record.NodeRequest
	b := newCommandBench(t, func(_ string, r record.NodeRequest) (record.NodeReport, error) {
		got = r
		return record.NodeReport{Skipped: true}, nil
	})
	out := b.finish(nil)
	if got.Operation != "Install" || got.SkipIdentity != "sha256:2" || string(got.Baseline) != planBaseline {
		t.Errorf("%+v", got)
	}
	if out.Outcome != OutcomeSkipped || !out.Bake.Skipped {
		t.Errorf("%+v", out)
	}
}

func TestRunCommand_that_fails_leaves_nothing_and_says_why(t *testing.T) {
	for name, c := range map[string]struct {
		report record.NodeReport
		want   string
	}{
		"the node's reason": {record.NodeReport{Error: "apt: broken"}, "apt: broken"},
		"no lock":           {record.NodeReport{}, "no lock"},
	} {
		out := newCommandBench(t, func(string, record.NodeRequest) (record.NodeReport, error) { return c.report, nil }).finish(nil)
		if out.Outcome != OutcomeFailed || !strings.Contains(out.Reason, c.want) {
			t.Errorf("%s: %+v", name, out)
		}
	}
}

// Whichever record is the last, the next process ends with one image, and no
// instance is ever patched twice.
func TestRunCommand_resumed_from_every_recorded_state_makes_one_image(t *testing.T) {
	for at := 0; ; at++ {
		patched := map[string]int{}
		b := newCommandBench(t, nil)
		inner := b.stage.Patcher
		b.stage.Patcher = stubPatcher(func(id string, r record.NodeRequest) (record.NodeReport, error) {
			patched[id]++
			return inner.Patch(t.Context(), id, r)
		})
		u, ended := b.stage.RunCommand(b.plan), false
		var state json.RawMessage
		for n := 0; n < at && !ended; {
			out, next, err := u.Advance(t.Context(), state)
			if err != nil {
				t.Fatal(err)
			}
			if string(out) != string(state) {
				n++
			}
			state, ended = out, next.Done
		}
		if ended {
			t.Logf("%d recorded states", at)
			return
		}
		if _, _, err := u.Advance(t.Context(), state); err != nil { // its record is lost
			t.Fatal(err)
		}
		if out := b.finish(state); out.Outcome != OutcomeDone {
			t.Errorf("after %d records: %+v", at, out)
		}
		for id, n := range patched {
			if n > 1 {
				t.Errorf("after %d records: %s was patched %d times", at, id, n)
			}
		}
	}
}

func TestRunCommand_replaces_an_instance_that_went_away(t *testing.T) {
	b := newCommandBench(t, nil)
	inner, once := b.stage.Instances, false
	b.stage.Instances = vanishing{inner, &once}
	if out := b.finish(nil); out.Outcome != OutcomeDone || b.runs != 2 {
		t.Errorf("%+v after %d instances", out, b.runs)
	}
}

type vanishing struct {
	Instances
	once *bool
}

func (v vanishing) Find(ctx context.Context, id string) (Instance, error) {
	i, err := v.Instances.Find(ctx, id)
	if !*v.once {
		*v.once = true
		i.State = "terminated"
	}
	return i, err
}

func TestRunCommand_says_when_systems_manager_never_sees_the_instance(t *testing.T) {
	b := newCommandBench(t, nil)
	now := time.Now()
	b.stage.Instances = builders{machines{b.cloud, &b.runs, false}}
	b.stage.Clock = jumping{&now, time.Minute}
	if out := b.finish(nil); out.Outcome != OutcomeFailed || !strings.Contains(out.Reason, "instance profile") {
		t.Errorf("%+v", out)
	}
}

func TestRunCommand_errors_name_what_was_being_done(t *testing.T) {
	boom := errors.New("denied")
	b := newCommandBench(t, func(string, record.NodeRequest) (record.NodeReport, error) { return record.NodeReport{}, boom })
	u := b.stage.RunCommand(b.plan)
	var state json.RawMessage
	for range 20 {
		out, _, err := u.Advance(t.Context(), state)
		if err != nil {
			if !errors.Is(err, boom) || !strings.Contains(err.Error(), "patch build instance i-1") {
				t.Errorf("err = %v", err)
			}
			return
		}
		state = out
	}
	t.Error("no error")
}

var _ event.Sink = (*recorder)(nil)
