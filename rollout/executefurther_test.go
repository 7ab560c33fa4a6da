package rollout_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

// cutOff rolls until some of web-prod, in the last ring, is on the new version, and has
// another process go on.
func cutOff(t *testing.T, f *fleet, p *rollout.Plan) *rollout.Execution {
	t.Helper()
	ctx, kill := context.WithCancel(t.Context())
	x := f.execution(t)
	f.hook = func(call string, after bool) error {
		if call == "Find" && after && f.groups["web-prod"].Instances[0].Template.Version == "2" {
			kill()
		}
		return nil
	}
	if got, err := x.Roll(ctx, p); ctx.Err() == nil {
		t.Fatalf("it went on to its end: %+v, %v", got, err)
	}
	f.hook, f.writes = nil, nil
	another := f.execution(t)
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

func TestAnotherProcessThatIsResumedWhileItTakesBackGoesOn(t *testing.T) {
	f := demo()
	p := plan(t, f, demoInput())
	x := cutOff(t, f, p)
	f.andon = "pause by ana: a look"
	looks := 0
	f.hook = func(call string, _ bool) error {
		if looks++; call == "Read" && looks > 20 {
			f.andon = ""
		}
		return nil
	}
	if got, err := x.Roll(t.Context(), p); err != nil || len(got) != 2 || f.running("web-prod")["ami-new"] != 6 {
		t.Errorf("%+v, %v", got, err)
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
