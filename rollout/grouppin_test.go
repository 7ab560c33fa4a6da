package rollout_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
