package rollout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

func TestAGroupThatBecameUnfitSinceThePlanIsAConflictUntilItIsPutRight(t *testing.T) {
	for what, spoil := range map[string]func(*rollout.Group){
		"Launch is suspended": func(g *rollout.Group) { g.Suspended = []string{"Launch"} },
		"in standby":          func(g *rollout.Group) { g.Instances[1].State = "Standby" },
		"protected":           func(g *rollout.Group) { g.Instances[1].Protected = true },
		"one instance":        func(g *rollout.Group) { g.Desired, g.Instances = 1, g.Instances[:1] },
	} {
		t.Run(what, func(t *testing.T) {
			f := demo()
			x, p := f.execution(t), plan(t, f, demoInput())
			good := *f.groups["web-dev"]
			good.Instances = append([]rollout.Member(nil), good.Instances...)
			spoil(f.groups["web-dev"])
			_, err := x.Roll(t.Context(), p)
			if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), what) || !strings.Contains(fault.HintOf(err), "run --resume") || len(f.writes) != 0 {
				t.Fatalf("%v; hint %q; wrote %v", err, fault.HintOf(err), f.writes)
			}
			f.groups["web-dev"] = &good
			if got, err := x.Roll(t.Context(), p); err != nil || len(got) != 2 {
				t.Errorf("put right: %+v, %v", got, err)
			}
		})
	}
}

// paused rolls until some of web-prod is on the new version, and has the andon hold it.
func paused(t *testing.T, f *fleet, x *rollout.Execution, p *rollout.Plan) {
	t.Helper()
	begun := false
	f.hook = func(call string, after bool) error {
		switch {
		case call == "Find" && after:
			begun = begun || f.groups["web-prod"].Instances[0].Template.Version == "2"
		case call == "Read" && begun:
			f.andon = "pause-now"
		}
		return nil
	}
	local := x.Pool.(*engine.Pool).Local
	local.MaxWait = 15 * time.Minute
	if got, err := x.Roll(t.Context(), p); fault.KindOf(err) != fault.Waiting {
		t.Fatalf("%+v, %v", got, err)
	}
	f.hook, f.andon, local.MaxWait = nil, "", 0
}

func TestAGroupThatWasGivenAnotherVersionWhileItWasHeldIsNotRolledOverIt(t *testing.T) {
	f := demo()
	x, p := f.execution(t), plan(t, f, demoInput())
	paused(t, f, x, p)
	f.template("lt-1", "ami-theirs")
	f.groups["web-prod"].Template.Version, f.writes = "3", nil
	got, err := x.Roll(t.Context(), p)
	if fault.KindOf(err) != fault.Halted || !strings.Contains(err.Error(), "while it was held its template version changed to 3") || len(f.writes) != 0 {
		t.Errorf("%v; wrote %v", err, f.writes)
	}
	if len(got) != 2 || got[1].Outcome != rollout.Halted || len(got[1].Mixed) != 2 || got[1].Frozen {
		t.Errorf("%+v", got)
	}
}

// The andon is pulled again between the look at what was held and the start.
func TestAGroupThatIsHeldJustBeforeItsRefreshIsLookedAtAnew(t *testing.T) {
	f := demo()
	x, p := f.execution(t), plan(t, f, demoInput())
	paused(t, f, x, p)
	f.hook = func(call string, after bool) error {
		if call == "Start" && !after {
			f.andon = "pause-now"
			return errInjected
		}
		return nil
	}
	local := x.Pool.(*engine.Pool).Local
	local.MaxWait = 15 * time.Minute
	if got, err := x.Roll(t.Context(), p); fault.KindOf(err) != fault.Waiting {
		t.Fatalf("%+v, %v", got, err)
	}
	if s := standings(t, x, p)["web-prod"]; s.State != "held" {
		t.Errorf("it stands as %+v", s)
	}
	f.hook, f.andon, f.writes, local.MaxWait = nil, "", nil, 0
	f.template("lt-1", "ami-theirs")
	f.groups["web-prod"].Template.Version = "3"
	if _, err := x.Roll(t.Context(), p); fault.KindOf(err) != fault.Halted || len(f.writes) != 0 {
		t.Errorf("%v; wrote %v", err, f.writes)
	}
}

func TestAWayBackThatWasHeldWhileItsGroupBecameOneOfASingleInstanceGoesOn(t *testing.T) {
	f := demo()
	x, p := f.execution(t), plan(t, f, demoInput())
	rolls, err := x.Roll(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	f.hook = func(call string, after bool) error {
		if call == "Find" && after && f.groups["web-prod"].Instances[0].Template.Version == "1" {
			f.andon = "pause-now"
		}
		return nil
	}
	local := x.Pool.(*engine.Pool).Local
	local.MaxWait = 15 * time.Minute
	if back, err := x.Back(t.Context(), p, rolls, "a bug"); fault.KindOf(err) != fault.Waiting {
		t.Fatalf("%+v, %v", back, err)
	}
	f.hook, f.andon, local.MaxWait = nil, "", 0
	g := f.groups["web-prod"]
	g.Desired, g.Instances = 1, g.Instances[5:]
	back, err := x.Back(t.Context(), p, rolls, "a bug")
	if err != nil || outcomeOf(back, "web-prod") != rollout.RolledBack || f.running("web-prod")["ami-old"] != 1 {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestAGroupThatWasHeldAndBecameUnfitWaitsForThePersonWhoPutsItRight(t *testing.T) {
	f := demo()
	x, p := f.execution(t), plan(t, f, demoInput())
	paused(t, f, x, p)
	f.groups["web-prod"].Suspended = []string{"Terminate"}
	if _, err := x.Roll(t.Context(), p); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "Terminate is suspended") {
		t.Fatal(err)
	}
	f.groups["web-prod"].Suspended = nil
	if got, err := x.Roll(t.Context(), p); err != nil || len(got) != 2 || f.running("web-prod")["ami-new"] != 6 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAGroupThatCannotBeRefreshedIsLeftAloneByAWayBackAndKeepsNoOtherFromIt(t *testing.T) {
	f := demo()
	x, p := f.execution(t), plan(t, f, demoInput())
	rolls, err := x.Roll(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	f.groups["web-prod"].Suspended = []string{"Launch"}
	back, err := x.Back(t.Context(), p, rolls, "a bug")
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "Launch is suspended") || !strings.Contains(err.Error(), "resume-processes") {
		t.Error(err)
	}
	if outcomeOf(back, "web-prod") != rollout.Changed || outcomeOf(back, "web-dev") != rollout.RolledBack {
		t.Errorf("%+v", back)
	}
}

func TestTheWayBackOfAGroupThatBecameOneOfASingleInstanceLaunchesFirst(t *testing.T) {
	f := demo()
	x, p := f.execution(t), plan(t, f, demoInput())
	rolls, err := x.Roll(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	f.groups["web-dev"].Desired, f.groups["web-dev"].Instances = 1, f.groups["web-dev"].Instances[:1]
	if back, err := x.Back(t.Context(), p, rolls, "a bug"); err != nil || len(back) != 2 {
		t.Fatalf("%+v, %v", back, err)
	}
	if f.prefs.MaxHealthy == nil || *f.prefs.MaxHealthy != 200 || *f.prefs.MinHealthy != 100 { // web-dev goes last
		t.Errorf("%+v", f.prefs)
	}
}

func TestAnInstanceInStandbyCountsByWhatItRuns(t *testing.T) {
	f := demo()
	in := demoInput()
	in.Fleets[1].Refresh.Standby = "Ignore"
	x, p := f.execution(t), plan(t, f, in)
	aside := f.launch("lt-1", "1")
	aside.State, f.stuck[aside.ID] = "Standby", true // the refresh leaves it alone
	f.groups["web-dev"].Instances = append(f.groups["web-dev"].Instances, aside)
	got, err := x.Roll(t.Context(), p)
	if outcomeOf(got, "web-dev") != rollout.Partial || fault.KindOf(err) != fault.Partial || !strings.Contains(err.Error(), "standby") {
		t.Errorf("%+v, %v", got, err)
	}
	// Back on the image before, with the one in standby that has never left it.
	back, err := x.Back(t.Context(), p, got, "a bug")
	if err != nil || outcomeOf(back, "web-dev") != rollout.RolledBack || back[len(back)-1].Frozen {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestAnInstanceInStandbyThatCannotBeSeenIsNotTakenForDone(t *testing.T) {
	f := demo()
	in := demoInput()
	in.Fleets[1].Refresh.Standby = "Ignore"
	x, p := f.execution(t), plan(t, f, in)
	aside := f.launch("lt-1", "1")
	aside.State, f.stuck[aside.ID] = "Standby", true
	f.groups["web-dev"].Instances = append(f.groups["web-dev"].Instances, aside)
	delete(f.runs, aside.ID)
	if got, err := x.Roll(t.Context(), p); outcomeOf(got, "web-dev") != rollout.Partial || fault.KindOf(err) != fault.Partial {
		t.Errorf("%+v, %v", got, err)
	}
	if s := standings(t, x, p)["web-dev"]; s.Image != "" {
		t.Errorf("it stands as %+v", s)
	}
}

func TestAGroupWithWeightsIsDoneAndGoesBackByItsUnits(t *testing.T) {
	f := demo()
	for _, g := range f.groups {
		g.MinWeight, g.MaxWeight, g.Desired = 2, 2, 2*len(g.Instances)
		for i := range g.Instances {
			g.Instances[i].Weight = 2
		}
	}
	f.weight = 2
	x, p := f.execution(t), plan(t, f, demoInput())
	rolls, err := x.Roll(t.Context(), p)
	if err != nil || outcomeOf(rolls, "web-prod") != rollout.Done {
		t.Fatalf("%+v, %v", rolls, err)
	}
	if back, err := x.Back(t.Context(), p, rolls, "a bug"); err != nil || len(back) != 2 {
		t.Errorf("%+v, %v", back, err)
	}
	f.groups["web-dev"].Desired = 6
	x.BackStem = "rollback/short"
	if _, err := x.Back(t.Context(), p, rolls, "a bug"); fault.KindOf(err) != fault.Halted || !strings.Contains(err.Error(), "capacity in service is 4 of 6") {
		t.Error(err)
	}
}

func TestAGroupWithLessInServiceThanWantedIsPartialAndSaysSoPlainly(t *testing.T) {
	for left, want := range map[int]string{
		1: "the refresh says it succeeded, but the capacity in service is 1 of 2 (all of it runs ami-new)",
		0: "the refresh says it succeeded, but the capacity in service is 0 of 2",
	} {
		f := demo()
		x, p := f.execution(t), plan(t, f, demoInput())
		f.hook = func(string, bool) error {
			if f.running("web-dev")["ami-new"] == 2 {
				f.groups["web-dev"].Instances = f.groups["web-dev"].Instances[:left]
			}
			return nil
		}
		got, err := x.Roll(t.Context(), p)
		if fault.KindOf(err) != fault.Partial || len(got) != 1 || got[0].Text != want {
			t.Errorf("%d left: %+v, %v", left, got, err)
		}
	}
}
