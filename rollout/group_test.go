package rollout_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/rollout"
)

// demo is a dev and a prod group on one template, one image behind.
func demo() *fleet {
	f := newFleet()
	f.template("lt-1", "ami-old")
	f.group("web-dev", "lt-1", "1", "1", 2)
	f.group("web-prod", "lt-1", "1", "1", 6)
	return f
}

func demoInput() rollout.Input {
	return rollout.Input{Image: "ami-new", Rings: []rollout.Ring{{Name: "dev", Soak: 10 * time.Minute}, {Name: "prod", Soak: time.Hour}},
		Fleets: []rollout.Fleet{
			{Name: "prod", Ring: "prod", Groups: []string{"web-prod"}, Refresh: rollout.Preferences{Rollback: true}},
			{Name: "dev", Ring: "dev", Groups: []string{"web-dev"}, Refresh: rollout.Preferences{Rollback: true}},
		}}
}

func plan(t *testing.T, f *fleet, in rollout.Input) *rollout.Plan {
	t.Helper()
	p, err := f.stage().Plan(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	return p
}

// roll executes the plan, as the run does.
func roll(t *testing.T, f *fleet, p *rollout.Plan) ([]record.Roll, error) {
	t.Helper()
	return f.execution(t).Roll(t.Context(), p)
}

func TestRingsRollInOrderOntoOneSharedVersion(t *testing.T) {
	f := demo()
	p := plan(t, f, demoInput())
	got, err := roll(t, f, p)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"version lt-1 2", "refresh web-dev 2", "refresh web-prod 2"}, f.writes); d != "" {
		t.Error(d)
	}
	if len(got) != 2 {
		t.Fatalf("%d results", len(got))
	}
	r := got[1]
	want := record.Roll{Ring: "prod", Fleet: "prod", Group: "web-prod", From: "ami-old", To: "ami-new", Template: "lt-1",
		FromV: "1", ToV: "2", Refresh: "r-1", Outcome: "done", Text: "all 6 instances run ami-new", Instances: r.Instances,
		OnImage: 6, Of: 6, StartedAt: r.StartedAt, EndedAt: r.EndedAt, MinHealthy: 6}
	if d := cmp.Diff(want, r); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]int{"ami-new": 6}, f.running("web-prod")); d != "" {
		t.Error(d)
	}
}

func TestTheRingSoaksBeforeTheNextOneOnly(t *testing.T) {
	f := demo()
	got, err := roll(t, f, plan(t, f, demoInput()))
	if err != nil {
		t.Fatal(err)
	}
	if soaked := got[1].StartedAt.Sub(got[0].EndedAt); soaked < 10*time.Minute || soaked > 11*time.Minute {
		t.Errorf("soaked for %s between the rings", soaked)
	}
	if after := f.clock.Now().Sub(got[1].EndedAt); after > time.Minute {
		t.Errorf("soaked for %s after the last ring", after)
	}
}

func TestAGroupOnTheImageIsLeftAlone(t *testing.T) {
	f := demo()
	if _, err := roll(t, f, plan(t, f, demoInput())); err != nil {
		t.Fatal(err)
	}
	f.writes = nil
	p := plan(t, f, demoInput())
	if !p.Nothing() {
		t.Error("the plan has something to do")
	}
	got, err := roll(t, f, p)
	if err != nil || len(f.writes) > 0 {
		t.Errorf("wrote %v, %v", f.writes, err)
	}
	for _, r := range got {
		if r.Outcome != rollout.NothingToDo {
			t.Errorf("%s: %s", r.Group, r.Outcome)
		}
	}
}

// $Latest has moved on to other user data that nobody has released.
func TestAGroupOnLatestIsPinnedToWhatItRuns(t *testing.T) {
	f := newFleet()
	f.template("lt-1", "ami-old")
	f.template("lt-1", "ami-old")
	f.group("web-dev", "lt-1", "$Latest", "1", 2)
	in := demoInput()
	in.Rings, in.Fleets = in.Rings[:1], in.Fleets[1:]
	got, err := roll(t, f, plan(t, f, in))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"pin web-dev 1", "version lt-1 3", "refresh web-dev 3"}, f.writes); d != "" {
		t.Error(d)
	}
	v := f.version("lt-1", got[0].ToV)
	if v.Image != "ami-new" || !strings.Contains(string(v.Data), `"UserData":"v1"`) {
		t.Errorf("rolled to %s", v.Data)
	}
}

func TestFailuresEndWithWhatIsTrue(t *testing.T) {
	for _, c := range []struct {
		name     string
		fate     map[string]string
		rollback bool
		outcome  string
		kind     fault.Kind
		running  map[string]int
		says     string
	}{
		{"AWS rolls back", map[string]string{"ami-new": "RollbackSuccessful:unhealthy"}, true,
			rollout.RolledBack, fault.RolledBack, map[string]int{"ami-old": 2}, "unhealthy"},
		{"AWS could not, we go back", map[string]string{"ami-new": "Failed:stuck for an hour"}, true,
			rollout.RolledBack, fault.RolledBack, map[string]int{"ami-old": 2}, "stuck for an hour"},
		{"without rollback the group is left mixed", map[string]string{"ami-new": "Failed:stuck"}, false,
			rollout.Halted, fault.Halted, map[string]int{"ami-old": 1, "ami-new": 1}, "stuck"},
		{"a rollback that fails is not tried again", map[string]string{"ami-new": "RollbackFailed:gone"}, true,
			rollout.Halted, fault.Halted, map[string]int{"ami-old": 1, "ami-new": 1}, "gone"},
		{"our own way back fails", map[string]string{"ami-new": "Failed:a", "ami-old": "Failed:b"}, true,
			rollout.Halted, fault.Halted, nil, "Failed"},
		{"somebody cancels", map[string]string{"ami-new": "Cancelled:by a person"}, true,
			rollout.Halted, fault.Halted, nil, "by a person"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := demo()
			f.fate = c.fate
			in := demoInput()
			in.Fleets[1].Refresh.Rollback = c.rollback
			got, err := roll(t, f, plan(t, f, in))
			if len(got) != 1 || got[0].Outcome != c.outcome || fault.KindOf(err) != c.kind {
				t.Fatalf("results %+v, %v", got, err)
			}
			if !strings.Contains(got[0].Text, c.says) {
				t.Errorf("text %q does not tell %q", got[0].Text, c.says)
			}
			if c.running != nil {
				if d := cmp.Diff(c.running, f.running("web-dev")); d != "" {
					t.Error(d)
				}
			}
			if d := cmp.Diff(map[string]int{"ami-old": 6}, f.running("web-prod")); d != "" {
				t.Error("the next ring was touched:", d)
			}
		})
	}
}

func TestARefreshThatOnlySaysItSucceededIsPartial(t *testing.T) {
	f := demo()
	f.stuck["i-001"] = true
	got, err := roll(t, f, plan(t, f, demoInput()))
	if fault.KindOf(err) != fault.Partial || got[0].OnImage != 1 || got[0].Of != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAnUnknownStatusIsWaitedForWithAWarning(t *testing.T) {
	f := demo()
	f.fate["ami-new"] = "Pondering"
	f.hook = func(string, bool) error {
		if f.said("Pondering") {
			delete(f.fate, "ami-new")
		}
		return nil
	}
	if _, err := roll(t, f, plan(t, f, demoInput())); err != nil {
		t.Fatal(err)
	}
	if !f.said("unknown status Pondering") {
		t.Error("nobody was warned")
	}
}

func TestARefreshThatDoesNotEndIsGivenUpAfterItsLongestTime(t *testing.T) {
	for _, status := range []string{"Pondering", "InProgress"} {
		f := demo()
		f.fate["ami-new"] = status
		begun := f.clock.Now()
		x := f.execution(t)
		x.Andon = nil // two weeks of looking at it
		got, err := x.Roll(t.Context(), plan(t, f, demoInput()))
		if fault.KindOf(err) != fault.Halted || len(got) != 1 || got[0].Outcome != rollout.Halted || !strings.Contains(got[0].Text, "r-1 has not ended") {
			t.Errorf("%s: %+v, %v", status, got, err)
		}
		if took := f.clock.Now().Sub(begun); took < 14*24*time.Hour || took > 16*24*time.Hour {
			t.Errorf("%s: given up after %s", status, took)
		}
	}
}

func TestARefreshThatNeverShowsHaltsTheRollWithItsID(t *testing.T) {
	f := demo()
	p := plan(t, f, demoInput())
	f.hook = func(call string, _ bool) error {
		if call == "List" { // the andon is read beside it
			f.refreshes["web-dev"] = nil
		}
		return nil
	}
	got, err := roll(t, f, p)
	if fault.KindOf(err) != fault.Halted || len(got) != 1 || !strings.Contains(got[0].Text, "r-1 was started and does not show") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestANewVersionMayShowLate(t *testing.T) {
	f := demo()
	f.hide = 3
	if _, err := roll(t, f, plan(t, f, demoInput())); err != nil {
		t.Fatal(err)
	}
}

func TestAForeignRefreshIsNeverTouched(t *testing.T) {
	foreign := rollout.Refresh{ID: "r-foreign", Status: "InProgress", Desired: rollout.Desired{Template: rollout.Template{ID: "lt-1", Version: "1"}}}
	t.Run("the plan refuses", func(t *testing.T) {
		f := demo()
		f.fate["ami-old"] = "InProgress"
		f.refreshes["web-dev"] = []rollout.Refresh{foreign}
		p, err := f.stage().Plan(t.Context(), demoInput())
		if err != nil || fault.KindOf(p.Err()) != fault.Conflict {
			t.Errorf("%v, %v", err, p.Err())
		}
	})
	t.Run("the roll refuses one that came since", func(t *testing.T) {
		f := demo()
		p := plan(t, f, demoInput())
		f.fate["ami-old"] = "InProgress"
		f.refreshes["web-dev"] = []rollout.Refresh{foreign}
		_, err := roll(t, f, p)
		if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "r-foreign") {
			t.Errorf("got %v", err)
		}
	})
}

func TestAGroupThatMovedSinceThePlanIsAConflict(t *testing.T) {
	for what, move := range map[string]func(*rollout.Group){
		"template": func(g *rollout.Group) { g.Template.ID = "lt-2" },
		"version":  func(g *rollout.Group) { g.Template.Version = "9" },
		"policy":   func(g *rollout.Group) { g.Mixed = json.RawMessage(`{"InstancesDistribution":{}}`) },
	} {
		t.Run(what, func(t *testing.T) {
			f := demo()
			p := plan(t, f, demoInput())
			move(f.groups["web-dev"])
			if _, err := roll(t, f, p); fault.KindOf(err) != fault.Conflict || len(f.writes) > 0 {
				t.Errorf("got %v, wrote %v", err, f.writes)
			}
		})
	}
}

func TestCapacityMayMoveBetweenPlanAndRoll(t *testing.T) {
	f := demo()
	p := plan(t, f, demoInput())
	g := f.groups["web-dev"]
	g.Desired, g.Instances = 3, append(g.Instances, f.launch("lt-1", "1"))
	if err := f.stage().Check(t.Context(), demoInput(), p); err != nil {
		t.Error(err)
	}
	if _, err := roll(t, f, p); err != nil {
		t.Error(err)
	}
}

func TestCheckRefusesMovedPreconditions(t *testing.T) {
	f := demo()
	p := plan(t, f, demoInput())
	f.template("lt-1", "ami-old")
	f.groups["web-prod"].Template.Version = "2"
	if err := f.stage().Check(t.Context(), demoInput(), p); fault.KindOf(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
}

// Every call fails once, before or after its effect, in a roll that succeeds and in
// one that is rolled back by us; the end is the same as if nothing had failed.
func TestARollSurvivesAFailureAtEveryCall(t *testing.T) {
	for name, fate := range map[string]map[string]string{"success": {}, "rollback": {"ami-new": "Failed:unhealthy"}} {
		t.Run(name, func(t *testing.T) {
			quiet := demo()
			quiet.fate = fate
			want, _ := roll(t, quiet, plan(t, quiet, demoInput()))
			points := 0
			for _, after := range []bool{false, true} {
				for at := 1; ; at++ {
					f := demo()
					f.fate = fate
					p := plan(t, f, demoInput())
					calls, hit := 0, false
					f.hook = func(_ string, a bool) error {
						if a != after {
							return nil
						}
						if calls++; calls == at {
							hit = true
							return errInjected
						}
						return nil
					}
					got, _ := roll(t, f, p)
					if !hit {
						break
					}
					points++
					if d := cmp.Diff(quiet.writes, f.writes); d != "" {
						t.Fatalf("call %d (after=%t): %s", at, after, d)
					}
					for i := range got {
						for _, r := range []*record.Roll{&got[i], &want[i]} { // ids and times depend on the looks
							r.Instances, r.StartedAt, r.EndedAt, r.MinHealthy, r.Manual, r.Mixed = nil, time.Time{}, time.Time{}, 0, nil, nil
						}
					}
					if d := cmp.Diff(want, got); d != "" {
						t.Fatalf("call %d (after=%t): %s", at, after, d)
					}
				}
			}
			if points < 25 {
				t.Errorf("only %d failures were tried", points)
			}
			t.Logf("%d failures", points)
		})
	}
}
