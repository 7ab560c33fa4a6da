package inplace_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/rollout/inplace"
)

// Every call fails once, before or after its effect; there is still one command.
func TestPatchSurvivesAFailureAtEveryCall(t *testing.T) {
	quiet := newCloud(patched("1.2"))
	want, err := patch(t, quiet)
	if err != nil {
		t.Fatal(err)
	}
	points := 0
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			c := newCloud(patched("1.2"))
			c.unlisted = 1
			calls, hit := 0, false
			c.hook = func(_ string, a bool) error {
				if a != after {
					return nil
				}
				if calls++; calls == at {
					hit = true
					return errInjected
				}
				return nil
			}
			got, err := patch(t, c)
			if err != nil {
				t.Fatalf("call %d (after=%t): %v", at, after, err)
			}
			if !hit {
				break
			}
			points++
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("call %d (after=%t): %s", at, after, d)
			}
			if d := cmp.Diff(quiet.writes, c.writes); d != "" {
				t.Fatalf("call %d (after=%t): %s", at, after, d)
			}
		}
	}
	if points < 20 {
		t.Errorf("only %d failures were tried", points)
	}
	t.Logf("%d failures", points)
}

func TestThePatcherReturnsTheReportWithItsEvidence(t *testing.T) {
	r := patched("1.2")
	r.Before = &baseline.Node{Inventory: *inventory("1.0")}
	c := newCloud(r)
	binary, _, sum := files(t)
	p := &inplace.Patcher{Stage: c.stage(binary), Clock: clock{}, Run: "run-1", Name: "bake", Arch: "x86_64"}
	req := record.NodeRequest{Schema: 1, Operation: "Install", Lock: theLock(sum)}
	for range 2 { // the second time it finds its own command
		got, err := p.Patch(t.Context(), "i-build", req)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(*r, got); d != "" {
			t.Error(d)
		}
	}
	if len(c.sent) != 1 {
		t.Errorf("%d commands were sent", len(c.sent))
	}
	req.SkipIdentity = "another"
	if _, err := p.Patch(t.Context(), "i-build", req); err != nil || len(c.sent) != 2 {
		t.Errorf("another request sent %d commands, %v", len(c.sent), err)
	}
}

func TestASkippedInstallIsNoFailure(t *testing.T) {
	r := patched("1.0")
	r.Skipped, r.Changes, r.After = true, nil, inventory("1.0") // older than the lock that it says it would make
	c := newCloud(r)
	binary, _, _ := files(t)
	var last event.Event
	stage := c.stage(binary)
	stage.Events = event.Func(func(e event.Event) { last = e })
	p := &inplace.Patcher{Stage: stage, Clock: clock{}, Run: "run-1", Name: "bake", Arch: "x86_64"}
	got, err := p.Patch(t.Context(), "i-build", record.NodeRequest{Schema: 1, Operation: "Install", SkipIdentity: "sha256:x"})
	if err != nil || !got.Skipped || last.Kind != event.Ended || !strings.Contains(last.Text, "nothing-to-do: the lock would be identical") {
		t.Errorf("%+v, %v; the last event is %+v", got, err, last)
	}
}

func TestErrTellsSomeFromAll(t *testing.T) {
	ok, bad := record.Patched{Outcome: "done"}, record.Patched{Outcome: "failed", Instance: "i-1"}
	for _, c := range []struct {
		nodes []record.Patched
		want  fault.Kind
	}{{[]record.Patched{bad}, fault.Failed}, {[]record.Patched{ok, bad}, fault.Partial}, {[]record.Patched{{}}, fault.Failed}} {
		if err := inplace.Err(c.nodes); err == nil || fault.KindOf(err) != c.want {
			t.Errorf("%v: %v", c.nodes, err)
		}
	}
	if err := inplace.Err([]record.Patched{ok, {Outcome: "nothing-to-do"}}); err != nil {
		t.Error(err)
	}
}

func TestEverythingInTheBucketLiesUnderThePrefix(t *testing.T) {
	c := newCloud(patched("1.2"))
	binary, bundle, sum := files(t)
	s := c.stage(binary)
	s.Prefix = "teams/web"
	p, err := s.Plan(t.Context(), input(sum, bundle))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := drive(t, s.NodeUnit(p, p.Nodes[0])); err != nil {
		t.Fatal(err)
	}
	for _, w := range c.writes {
		if key, ok := strings.CutPrefix(w, "put "); ok && !strings.HasPrefix(key, "teams/web/kits/run-1/") {
			t.Errorf("put %s", key)
		}
	}
	if got := c.sent[0]; got.Prefix != "teams/web/outputs/run-1" || !strings.Contains(got.Parameters["source"], "/bucket/teams/web/kits/run-1/") {
		t.Errorf("command %+v", got)
	}
}

func TestACommandThatNeverShowsFailsTheNodeWithItsID(t *testing.T) {
	c := newCloud(patched("1.2"))
	c.unseen = true
	got, err := patch(t, c)
	if fault.KindOf(err) != fault.Failed || got.Text != "command c-0 was sent and does not show" || got.Lock != record.Unknown || got.Today != record.Unknown {
		t.Errorf("%+v, %v", got, err)
	}
}

// late is a clock on which every look at it is ten minutes after the one before.
type late struct {
	clock
	looks int
}

func (l *late) Now() time.Time {
	l.looks++
	return l.clock.Now().Add(time.Duration(l.looks) * 10 * time.Minute)
}

func TestACommandThatDoesNotEndIsGivenUp(t *testing.T) {
	c := newCloud(patched("1.2"))
	c.status = "Pondering"
	binary, bundle, sum := files(t)
	s := c.stage(binary)
	l := &late{}
	s.Clock = l
	p, err := s.Plan(t.Context(), input(sum, bundle))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := drive(t, s.NodeUnit(p, p.Nodes[0]))
	if err != nil {
		t.Fatal(err)
	}
	got, err := inplace.Result(raw)
	if fault.KindOf(err) != fault.Failed || !strings.Contains(got.Text, "command c-0 has not ended after 3h10m0s (Pondering)") || got.Lock != record.Unknown {
		t.Errorf("%+v, %v", got, err)
	}
	if l.looks < 20 {
		t.Errorf("given up after %d looks of ten minutes", l.looks)
	}
}
