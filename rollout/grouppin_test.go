package rollout_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

func TestGroupsOnLatestArePinnedBeforeTheirTemplateGetsAVersionWhateverTheirRing(t *testing.T) {
	f := demo()
	f.groups["web-prod"].Template.Version = "$Latest"
	p := plan(t, f, demoInput())
	f.fate["ami-new"] = "RollbackSuccessful: it fails" // the roll never comes to the second ring
	got, err := roll(t, f, p)
	if fault.KindOf(err) != fault.RolledBack || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if d := cmp.Diff([]string{"pin web-prod 1", "version lt-1 2", "refresh web-dev 2"}, f.writes); d != "" {
		t.Error(d)
	}
}

func TestAGroupOnLatestThatSomebodyHasSetIsLeftToItsOwnTurn(t *testing.T) {
	for what, move := range map[string]func(*fleet){
		"another version": func(f *fleet) { f.groups["web-prod"].Template.Version = "1" },
		"deleted":         func(f *fleet) { f.deleted("web-prod") },
		"being deleted":   func(f *fleet) { f.groups["web-prod"].Deleting = true },
	} {
		t.Run(what, func(t *testing.T) {
			f := demo()
			f.groups["web-prod"].Template.Version = "$Latest"
			p := plan(t, f, demoInput())
			move(f)
			f.fate["ami-new"] = "RollbackSuccessful: it fails"
			if _, err := roll(t, f, p); fault.KindOf(err) != fault.RolledBack {
				t.Fatal(err)
			}
			if d := cmp.Diff([]string{"version lt-1 2", "refresh web-dev 2"}, f.writes); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestAGroupOfNobodyOnTheLatestVersionIsWarnedOf(t *testing.T) {
	f := demo()
	f.group("batch", "lt-1", "$Latest", "1", 2)
	f.group("fixed", "lt-1", "1", "1", 2)
	f.template("lt-2", "ami-old")
	f.group("other", "lt-2", "$Latest", "1", 2)
	in := demoInput()
	in.Channels = []string{"/golden/web/latest"}
	p := planWithAll(t, f, in)
	var said []string
	for _, x := range p.Findings {
		if x.Warn {
			said = append(said, x.Text)
		}
	}
	if len(said) != 1 || !strings.HasPrefix(said[0], "group batch belongs to no fleet") {
		t.Errorf("%q", said)
	}
	in.Image = "ami-old" // nothing is made of it
	for _, x := range planWithAll(t, f, in).Findings {
		if x.Warn {
			t.Error(x.Text)
		}
	}
}

// besides are groups on $Latest of one template, in one ring.
func besides(t *testing.T) (*fleet, *rollout.Execution, *rollout.Plan) {
	t.Helper()
	f, in := demo(), demoInput()
	for _, name := range []string{"web-a", "web-b", "web-c"} {
		f.group(name, "lt-1", "$Latest", "1", 2)
		in.Fleets[1].Groups = append(in.Fleets[1].Groups, name)
	}
	p := plan(t, f, in)
	x := f.execution(t)
	x.Limits = func(string) rollout.Limits { return rollout.Limits{Concurrency: 4} }
	return f, x, p
}

// checkPinned checks that no group could launch the new version before its roll.
func checkPinned(t *testing.T, f *fleet) {
	t.Helper()
	made := slices.Index(f.writes, "version lt-1 2")
	for _, name := range []string{"web-a", "web-b", "web-c"} {
		if at := slices.Index(f.writes, "pin "+name+" 1"); at < 0 || made >= 0 && at > made {
			t.Errorf("%s was not pinned before the version was made: %q", name, f.writes)
		}
		begun := 0
		for _, w := range f.writes {
			if w == "refresh "+name+" 2" {
				begun++
			}
		}
		if begun != 1 || f.running(name)["ami-new"] != 2 {
			t.Errorf("%s was refreshed %d times and runs %v", name, begun, f.running(name))
		}
	}
	if n := len(f.versions["lt-1"]); n != 2 {
		t.Errorf("there are %d versions", n)
	}
}

func TestGroupsOnLatestThatRollBesideEachOtherArePinnedBeforeOneMakesTheVersion(t *testing.T) {
	f, x, p := besides(t)
	if got, err := x.Roll(t.Context(), p); err != nil || len(got) != 5 {
		t.Fatalf("%+v, %v", got, err)
	}
	checkPinned(t, f)
}

func TestAPinThatIsThrottledOrWhoseAnswerIsLostIsMadeAgainBeforeTheVersion(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after the call %t", after), func(t *testing.T) {
			f, x, p := besides(t)
			left := 3
			f.hook = func(call string, now bool) error {
				if call == "Pin" && now == after && left > 0 {
					left--
					return errInjected
				}
				return nil
			}
			if got, err := x.Roll(t.Context(), p); err != nil || len(got) != 5 {
				t.Fatalf("%+v, %v", got, err)
			}
			checkPinned(t, f)
		})
	}
}

func TestNoVersionIsMadeWhileAGroupOnLatestCannotBePinned(t *testing.T) {
	f, x, p := besides(t)
	f.hook = func(call string, after bool) error {
		if call == "Pin" && !after {
			return fault.New(fault.Denied, "", "not allowed")
		}
		return nil
	}
	if _, err := x.Roll(t.Context(), p); fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), "pin group web-") {
		t.Error(err)
	}
	if len(f.writes) != 0 {
		t.Errorf("wrote %v", f.writes)
	}
	f.hook = nil
	another := f.execution(t)
	another.Limits, another.Pool.(*engine.Pool).Journal = x.Limits, x.Pool.(*engine.Pool).Journal
	if got, err := another.Roll(t.Context(), p); err != nil || len(got) != 5 {
		t.Fatalf("gone on with: %+v, %v", got, err)
	}
	checkPinned(t, f)
}

// everything answers a question for all groups, too.
type everything struct{ *fleet }

func planWithAll(t *testing.T, f *fleet, in rollout.Input) *rollout.Plan {
	t.Helper()
	s := f.stage()
	s.Cells = rollout.Everywhere(rollout.Ports{Groups: everything{f}, Templates: f, Refreshes: f, Instances: f, Images: f})
	p, err := s.Plan(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (e everything) Find(ctx context.Context, names []string, tags map[string]string) ([]rollout.Group, error) {
	if len(names) == 0 {
		for name := range e.groups {
			names = append(names, name)
		}
	}
	return e.fleet.Find(ctx, names, tags)
}
