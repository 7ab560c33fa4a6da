package rollout_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/rollout"
)

// deleted takes a group out of the account, with its refreshes.
func (f *fleet) deleted(name string) {
	delete(f.groups, name)
	delete(f.refreshes, name)
}

func outcomeOf(rolls []record.Roll, group string) string {
	at := slices.IndexFunc(rolls, func(r record.Roll) bool { return r.Group == group })
	if at < 0 {
		return ""
	}
	return rolls[at].Outcome
}

func TestAGroupThatWasDeletedKeepsNoOtherFromGoingBackAndIsNotLeft(t *testing.T) {
	for name, going := range map[string]func(*fleet){
		"gone":  func(f *fleet) { f.deleted("web-prod") },
		"going": func(f *fleet) { f.groups["web-prod"].Deleting = true },
	} {
		t.Run(name, func(t *testing.T) {
			f := demo()
			x, p := f.execution(t), plan(t, f, demoInput())
			rolls, err := x.Roll(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			going(f)
			back, err := x.Back(t.Context(), p, rolls, "a bug")
			if err != nil || outcomeOf(back, "web-prod") != rollout.Gone || outcomeOf(back, "web-dev") != rollout.RolledBack || f.running("web-dev")["ami-old"] != 2 {
				t.Errorf("%+v, %v", back, err)
			}
			if left := rollout.Left(rolls, back); len(left) != 0 {
				t.Errorf("left: %+v", left)
			}
			if s := standings(t, x, p)["web-prod"]; s.State != rollout.Gone || s.Image != "" || len(s.Mixed) != 0 {
				t.Errorf("it stands as %+v", s)
			}
			x.BackStem = "rollback/again"
			if again, err := x.Back(t.Context(), p, back, "a bug"); err != nil || len(again) != 0 {
				t.Errorf("asked for again: %+v, %v", again, err)
			}
		})
	}
}

func TestAGroupThatSomebodyChangedIsLeftAloneAndKeepsNoOtherFromGoingBack(t *testing.T) {
	f := demo()
	x, p := f.execution(t), plan(t, f, demoInput())
	rolls, err := x.Roll(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	f.template("lt-1", "ami-theirs")
	f.groups["web-prod"].Template.Version, f.writes = "3", nil
	f.groups["web-prod"].Instances[0] = f.launch("lt-1", "3")
	back, err := x.Back(t.Context(), p, rolls, "a bug")
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "web-prod") || fault.HintOf(err) == "" {
		t.Errorf("%v", err)
	}
	if outcomeOf(back, "web-prod") != rollout.Changed || outcomeOf(back, "web-dev") != rollout.RolledBack || f.running("web-dev")["ami-old"] != 2 {
		t.Errorf("%+v", back)
	}
	if d := f.writes; len(d) != 1 || d[0] != "refresh web-dev 1" {
		t.Errorf("wrote %v", d)
	}
	if left := rollout.Left(rolls, back); len(left) != 1 || left[0].Group != "web-prod" {
		t.Errorf("left: %+v", left)
	}
	if s := standings(t, x, p)["web-prod"]; s.State != rollout.Changed || s.Mixed["ami-new"] != 5 || s.Mixed["ami-theirs"] != 1 {
		t.Errorf("it stands as %+v", s)
	}
	// Once it stands as the roll has left it, it goes back, too.
	f.groups["web-prod"].Template.Version, x.BackStem = "2", "rollback/again"
	back, err = x.Back(t.Context(), p, rollout.Left(rolls, back), "a bug")
	if err != nil || len(back) != 1 || f.running("web-prod")["ami-old"] != 6 {
		t.Errorf("%+v, %v; it runs %v", back, err, f.running("web-prod"))
	}
}

func TestAGroupThatIsDeletedInTheMiddleEndsAndNoOtherBegins(t *testing.T) {
	for _, when := range []string{"Find", "List"} {
		t.Run("before a "+when, func(t *testing.T) {
			f := demo()
			p := plan(t, f, demoInput())
			f.hook = func(call string, after bool) error {
				if call == when && !after && len(f.refreshes["web-dev"]) > 0 && f.groups["web-dev"].Instances[0].Template.Version == "2" {
					f.deleted("web-dev")
				}
				if _, there := f.groups["web-dev"]; call == "List" && !after && !there {
					return fault.New(fault.Failed, "", "ValidationError: AutoScalingGroup name not found")
				}
				return nil
			}
			got, err := roll(t, f, p)
			if fault.KindOf(err) != fault.Failed || !strings.Contains(err.Error(), "deleted") || fault.HintOf(err) == "" {
				t.Errorf("%v", err)
			}
			if outcomeOf(got, "web-dev") != rollout.Gone || len(f.refreshes["web-prod"]) != 0 {
				t.Errorf("%+v; the later ring: %+v", got, f.refreshes["web-prod"])
			}
		})
	}
}

func TestAGroupThatWasDeletedBeforeItBeganIsAConflict(t *testing.T) {
	f := demo()
	p := plan(t, f, demoInput())
	f.deleted("web-dev")
	got, err := roll(t, f, p)
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "since the plan it was deleted") || len(f.writes) != 0 {
		t.Errorf("%+v, %v; wrote %v", got, err, f.writes)
	}
}
