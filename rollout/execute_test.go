package rollout_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/rollout"
)

// gates is a window that is open from a time on, and a verdict after each ring.
type gates struct {
	opens time.Time
	says  rollout.Verdict
}

func (g gates) Before(rollout.RingPlan) unit.Unit { return nil }
func (g gates) After(rollout.RingPlan, time.Time) unit.Unit {
	return unit.Func("test.gate", func(_ context.Context, _ *int) (unit.Next, error) { return unit.Done(), nil })
}
func (g gates) Opens(_ rollout.RingPlan, now time.Time) time.Time {
	if now.Before(g.opens) {
		return g.opens
	}
	return now
}
func (g gates) Moving(rollout.RingPlan) func(context.Context, time.Time) rollout.Verdict { return nil }
func (g gates) Verdict(json.RawMessage) (rollout.Verdict, error)                         { return g.says, nil }

// running is a clock that goes on by itself, as all but a test's do.
type running struct{ *ticking }

func (c running) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

func TestAnOpenWindowLetsGroupsBeginWhileTheClockRuns(t *testing.T) {
	f := demo()
	p := plan(t, f, demoInput())
	x := f.execution(t)
	x.Stage.Clock = running{f.clock}
	x.Gates = gates{opens: f.clock.Now().Add(3 * time.Hour), says: rollout.Verdict{Outcome: rollout.Pass}}
	got, err := x.Roll(t.Context(), p)
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if waited := got[0].StartedAt.Sub(clock{}.Now()); waited < 3*time.Hour || waited > 3*time.Hour+time.Minute {
		t.Errorf("began after %s", waited)
	}
}

func TestAGateThatSaysRollbackTakesItsRingBackAndOneThatSaysHaltDoesNot(t *testing.T) {
	for outcome, c := range map[string]struct {
		kind fault.Kind
		runs string
	}{rollout.Back: {fault.RolledBack, "ami-old"}, rollout.Halt: {fault.Halted, "ami-new"}, "odd": {fault.Halted, "ami-new"}} {
		f := demo()
		x := f.execution(t)
		x.Gates = gates{says: rollout.Verdict{Outcome: outcome, Text: "alarm"}}
		got, err := x.Roll(t.Context(), plan(t, f, demoInput()))
		if fault.KindOf(err) != c.kind || len(got) != 1 || f.running("web-dev")[c.runs] != 2 || f.running("web-prod")["ami-old"] != 6 {
			t.Errorf("%s: %+v, %v, %v", outcome, got, err, f.running("web-dev"))
		}
	}
}

func TestAnOrderIsItsFirstWord(t *testing.T) {
	for text, want := range map[string]struct {
		order rollout.Order
		says  string
		odd   bool
	}{
		"": {rollout.Run, "", false}, " \n": {rollout.Run, "", false}, "run": {rollout.Run, "", false},
		"pause by ana: errors": {rollout.Pause, "by ana: errors", false}, "PAUSE-NOW": {rollout.PauseNow, "", false},
		"cancel: wrong image": {rollout.Cancel, "wrong image", false}, "rollback\nall of it": {rollout.Rollback, "all of it", false},
		"pause \x1b[31mred\x1b]0;title\a by\tana\u202e\xff": {rollout.Pause, "[31mred ]0;title by ana", false},
		"stop": {rollout.Pause, "", true}, "runs on": {rollout.Pause, "on", true},
	} {
		o, says, err := rollout.ParseOrder(text)
		if o != want.order || says != want.says || (err != nil) != want.odd {
			t.Errorf("%q: %s, %q, %v", text, o, says, err)
		}
	}
}

func FuzzParseOrder(f *testing.F) {
	for _, s := range []string{"", "run", "pause by ana: x", "rollback\nx", "\x00", "RUN.", "pause-now\t"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, says, err := rollout.ParseOrder(text)
		if err != nil && o != rollout.Pause || len([]rune(says)) > 200 || strings.ContainsFunc(says, unicode.IsControl) {
			t.Errorf("%q: %s, %d of text, %v", text, o, len(says), err)
		}
	})
}

func TestAWayBackThatFailsIsToldOnce(t *testing.T) {
	f := demo()
	x, p := f.execution(t), plan(t, f, demoInput())
	x.Gates = gates{says: rollout.Verdict{Outcome: rollout.Back, Text: "alarm"}}
	f.images["ami-old"] = "disabled"
	_, err := x.Roll(t.Context(), p)
	if fault.KindOf(err) != fault.Halted || strings.Count(err.Error(), "cannot go back") != 1 || !strings.HasSuffix(err.Error(), "later rings were not touched") {
		t.Errorf("%v", err)
	}
}

func TestAVersionThatDiffersInMoreThanTheImageEndsTheGroupBeforeAnythingIsTouched(t *testing.T) {
	f := demo()
	x, p := f.execution(t), plan(t, f, demoInput())
	f.hook = func(call string, after bool) error {
		if call == "Create" && after { // somebody between us and the service, or a fault of it
			v := &f.versions["lt-1"][1]
			v.Data = json.RawMessage(strings.Replace(string(v.Data), "t3.small", "t3.huge", 1))
		}
		return nil
	}
	got, err := x.Roll(t.Context(), p)
	if fault.KindOf(err) != fault.Failed || len(got) != 1 || got[0].Outcome != rollout.Failed || !strings.Contains(got[0].Text, "InstanceType") {
		t.Errorf("%+v, %v", got, err)
	}
	if f.running("web-dev")["ami-old"] != 2 || len(f.refreshes["web-dev"]) != 0 {
		t.Errorf("it runs %v after %d refreshes", f.running("web-dev"), len(f.refreshes["web-dev"]))
	}
}
