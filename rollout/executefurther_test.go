package rollout_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/rollout"
)

// cutOff rolls until some of web-prod, in the last ring, is on the new version, and has
// another process go on.
func cutOff(t *testing.T, f *fleet, p *rollout.Plan, limits ...func(string) rollout.Limits) *rollout.Execution {
	t.Helper()
	ctx, kill := context.WithCancel(t.Context())
	x, another := f.execution(t), f.execution(t)
	for _, l := range limits {
		x.Limits, another.Limits = l, l
	}
	also := f.hook
	f.hook = func(call string, after bool) error {
		if also != nil {
			if err := also(call, after); err != nil {
				return err
			}
		}
		if call == "Find" && after && f.groups["web-prod"].Instances[0].Template.Version == "2" {
			kill()
		}
		return nil
	}
	if got, err := x.Roll(ctx, p); ctx.Err() == nil {
		t.Fatalf("it went on to its end: %+v, %v", got, err)
	}
	f.hook, f.writes = nil, nil
	another.Pool.(*engine.Pool).Journal = x.Pool.(*engine.Pool).Journal
	return another
}

func TestAnotherProcessTakesBackWhatMovesInALaterRingToo(t *testing.T) {
	f := demo()
	p := plan(t, f, demoInput())
	x := cutOff(t, f, p)
	f.andon = "rollback by ana: errors"
	for n := range 2 { // the second one finds all of it done
		got, err := x.Roll(t.Context(), p)
		if fault.KindOf(err) != fault.RolledBack || strings.Contains(err.Error(), "were not touched") {
			t.Errorf("%v", err)
		}
		if outcomeOf(got, "web-dev") != rollout.RolledBack || outcomeOf(got, "web-prod") != rollout.RolledBack || len(got) != 2 {
			t.Errorf("%+v", got)
		}
		if f.running("web-prod")["ami-old"] != 6 || f.running("web-dev")["ami-old"] != 2 {
			t.Errorf("they run %v and %v", f.running("web-prod"), f.running("web-dev"))
		}
		if d := cmp.Diff([][]string{{"turn web-prod", "refresh web-dev 1"}, nil}[n], f.writes); d != "" {
			t.Error(d)
		}
		f.writes = nil
	}
}

func TestAnotherProcessCancelsWhatMovesInALaterRingToo(t *testing.T) {
	f := demo()
	p := plan(t, f, demoInput())
	x := cutOff(t, f, p)
	f.andon = "cancel by ana: errors"
	got, err := x.Roll(t.Context(), p)
	if fault.KindOf(err) != fault.Halted || outcomeOf(got, "web-dev") != rollout.Done || outcomeOf(got, "web-prod") != rollout.Halted {
		t.Errorf("%+v, %v", got, err)
	}
	if d := cmp.Diff([]string{"cancel web-prod"}, f.writes); d != "" {
		t.Error(d)
	}
}

// oneFailed rolls until web-prod moves, in the last ring; a group of the first one could
// not be rolled, which that was allowed.
func oneFailed(t *testing.T, f *fleet) (*rollout.Execution, *rollout.Plan) {
	t.Helper()
	f.template("lt-2", "ami-old")
	f.group("api-dev", "lt-2", "1", "1", 2)
	in := demoInput()
	in.Fleets[1].Groups = append(in.Fleets[1].Groups, "api-dev")
	p := plan(t, f, in)
	f.hook = func(call string, after bool) error {
		if call == "Create" && after && len(f.versions["lt-2"]) == 2 {
			v := &f.versions["lt-2"][1]
			v.Data = json.RawMessage(strings.Replace(string(v.Data), "t3.small", "t3.huge", 1))
		}
		return nil
	}
	return cutOff(t, f, p, func(string) rollout.Limits { return rollout.Limits{MaxFailures: 1} }), p
}

func TestACancelReachesLaterRingsAlsoWhereAGroupOfAnEarlierOneHasFailed(t *testing.T) {
	f := demo()
	x, p := oneFailed(t, f)
	f.andon = "cancel by ana: errors"
	got, err := x.Roll(t.Context(), p)
	if fault.KindOf(err) != fault.Halted || outcomeOf(got, "api-dev") != rollout.Failed || outcomeOf(got, "web-prod") != rollout.Halted {
		t.Errorf("%+v, %v", got, err)
	}
	if d := cmp.Diff([]string{"cancel web-prod"}, f.writes); d != "" {
		t.Error(d)
	}
}

func TestARollThatIsResumedBeforeItsLaterRingsAreCancelledGoesOnWithAllOfIt(t *testing.T) {
	f := demo()
	x, p := oneFailed(t, f)
	f.andon = "cancel by ana: errors"
	f.hook = func(call string, _ bool) error {
		if call == "Read" { // the look of the first ring, whose groups have ended
			f.andon = ""
		}
		return nil
	}
	got, err := x.Roll(t.Context(), p)
	if fault.KindOf(err) != fault.Failed || outcomeOf(got, "web-prod") != rollout.Done || len(got) != 3 || len(f.writes) != 0 {
		t.Errorf("%+v, %v; wrote %v", got, err, f.writes)
	}
}

// watching is a gate after each ring that looks for an hour.
type watching struct{ gates }

func (watching) After(rollout.RingPlan, time.Time) unit.Unit {
	return unit.Func("test.gate", func(_ context.Context, looked *bool) (unit.Next, error) {
		if *looked {
			return unit.Done(), nil
		}
		*looked = true
		return unit.Again(time.Hour), nil
	})
}

func TestARollThatIsCancelledBeforeItsLastGateHasSpokenIsNotDone(t *testing.T) {
	f := demo()
	x, p := f.execution(t), plan(t, f, demoInput())
	x.Gates = watching{gates{says: rollout.Verdict{Outcome: rollout.Pass}}}
	f.hook = func(call string, _ bool) error {
		if call == "Read" && f.said("web-prod: done") {
			f.andon = "cancel by ana: errors"
		}
		return nil
	}
	got, err := x.Roll(t.Context(), p)
	if fault.KindOf(err) != fault.Halted || !strings.Contains(err.Error(), "the andon says cancel") || outcomeOf(got, "web-prod") != rollout.Done {
		t.Errorf("%+v, %v", got, err)
	}
	if s := f.clock.Now().Sub(got[1].EndedAt); s > time.Minute {
		t.Errorf("it went on for %s", s)
	}
	f.hook, f.andon = nil, ""
	if got, err := x.Roll(t.Context(), p); err != nil || f.clock.Now().Sub(got[1].EndedAt) < time.Hour {
		t.Errorf("resumed: %+v, %v; ended at %s", got, err, f.clock.Now())
	}
}

// The order to go back comes while the first ring soaks, and is taken back before the
// looks at the later rings have ended.
func TestASoakThatTheAndonHasCutOffIsMadeUpForWhenSomebodyResumes(t *testing.T) {
	f := demo()
	x, p := f.execution(t), plan(t, f, demoInput())
	reads := 0
	f.hook = func(call string, _ bool) error {
		if call == "Read" && f.said("ring dev soaks") {
			if reads++; reads == 1 {
				f.andon = "rollback"
			}
			if reads == 2 { // it has been seen
				f.andon = ""
			}
		}
		return nil
	}
	got, err := x.Roll(t.Context(), p)
	if err != nil || len(got) != 2 || reads < 3 || !f.said("the andon says rollback") {
		t.Fatalf("%+v, %v after %d looks", got, err, reads)
	}
	if soaked := got[1].StartedAt.Sub(got[0].EndedAt); soaked < 10*time.Minute {
		t.Errorf("ring dev soaked for %s", soaked)
	}
}

func TestACancelIsHaltedWhateverBecameOfTheGroups(t *testing.T) {
	f := demo()
	x, p := f.execution(t), plan(t, f, demoInput())
	paused(t, f, x, p)
	f.deleted("web-prod")
	f.andon = "cancel"
	got, err := x.Roll(t.Context(), p)
	if outcomeOf(got, "web-prod") != rollout.Gone || fault.KindOf(err) != fault.Halted {
		t.Errorf("%+v, %v", got, err)
	}
}

// closing is a window that closes when closed says so.
type closing struct {
	gates
	closed func() bool
}

func (c closing) Opens(_ rollout.RingPlan, now time.Time) time.Time {
	if c.closed() {
		return now.Add(time.Hour)
	}
	return now
}

func TestARollThatIsCancelledBeforeItsLastGroupBeganIsNotDone(t *testing.T) {
	f := demo()
	f.template("lt-2", "ami-new")
	f.group("api-prod", "lt-2", "1", "1", 2) // has nothing to do
	in := demoInput()
	in.Fleets[0].Groups = []string{"api-prod", "web-prod"}
	p := plan(t, f, in)
	x := f.execution(t)
	x.Gates = closing{gates{says: rollout.Verdict{Outcome: rollout.Pass}}, func() bool {
		closed := f.said("api-prod: nothing-to-do")
		if closed {
			f.calling.Lock()
			defer f.calling.Unlock()
			f.andon = "cancel"
		}
		return closed
	}}
	got, err := x.Roll(t.Context(), p)
	if len(f.refreshes["web-prod"]) != 0 || outcomeOf(got, "api-prod") != rollout.NothingToDo {
		t.Fatalf("it was begun: %+v", got)
	}
	if fault.KindOf(err) != fault.Halted || !strings.Contains(err.Error(), "the andon says cancel") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAnotherProcessThatIsResumedBeforeItTakesBackLaterRingsGoesOn(t *testing.T) {
	f := demo()
	p := plan(t, f, demoInput())
	x := cutOff(t, f, p)
	f.andon = "rollback by ana: errors"
	f.hook = func(call string, _ bool) error {
		if call == "Read" { // the look of the first ring, whose groups have ended
			f.andon = ""
		}
		return nil
	}
	if got, err := x.Roll(t.Context(), p); err != nil || len(got) != 2 || f.running("web-prod")["ami-new"] != 6 {
		t.Errorf("%+v, %v", got, err)
	}
	if len(f.writes) != 0 {
		t.Errorf("wrote %v", f.writes)
	}
}

func TestARollThatHadEndedStaysWhenItIsCancelled(t *testing.T) {
	f := demo()
	x, p := f.execution(t), plan(t, f, demoInput())
	if _, err := x.Roll(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	f.andon, f.writes = "cancel", nil
	another := f.execution(t)
	another.Pool.(*engine.Pool).Journal = x.Pool.(*engine.Pool).Journal
	got, err := another.Roll(t.Context(), p)
	if err != nil || len(got) != 2 || len(f.writes) != 0 {
		t.Errorf("%+v, %v; wrote %v", got, err, f.writes)
	}
}
