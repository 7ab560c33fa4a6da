package retire

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish/usage"
)

// actions are what a plan does, by image number.
func actions(p *Plan) map[string]Action {
	out := map[string]Action{}
	for _, i := range p.Items {
		out[i.Image] = i.Action
	}
	return out
}

func TestImagesGoThroughTheStagesWithAge(t *testing.T) {
	w := standard()
	p := w.plan(t, input())
	for n, want := range map[int]Action{1: Deregister, 2: Disable, 3: Deprecate, 4: Keep, 5: Keep} {
		if got := actions(p)[id(n)]; got != want {
			i, _ := p.item(home, id(n))
			t.Errorf("image %d: %s, want %s: %s", n, got, want, i.Why)
		}
	}
	if len(w.calls) != 0 {
		t.Errorf("a plan changed something: %v", w.calls)
	}
	i, _ := p.item(home, id(1))
	if len(i.With) != 2 || i.With[0].ID != "/golden/web/builds/run-1" || i.With[1].ID != "snap-1" || !strings.Contains(i.Why, "no use in 1 cell") {
		t.Errorf("got %+v", i)
	}
	if len(p.Runs) != 1 || p.Runs[0].Run != "run-1" {
		t.Errorf("runs %+v", p.Runs)
	}
}

func TestEveryUseKeepsAnImage(t *testing.T) {
	template := usage.TemplateVersion{Template: "lt-1", Number: 1, Default: true, Image: id(1)}
	for name, c := range map[string]struct {
		use  func(*world, *Input)
		want string
	}{
		"a live instance":        {func(w *world, _ *Input) { w.instances = []usage.Instance{{ID: "i-1", Image: id(1), State: "running"}} }, "instance i-1 runs it"},
		"a stopped instance":     {func(w *world, _ *Input) { w.instances = []usage.Instance{{ID: "i-1", Image: id(1), State: "stopped"}} }, "instance i-1 runs it"},
		"a template's version":   {func(w *world, _ *Input) { w.versions = []usage.TemplateVersion{template} }, "version 1 of launch template lt-1 names it"},
		"a launch configuration": {func(w *world, _ *Input) { w.configs = []usage.LaunchConfiguration{{Name: "lc", Image: id(1)}} }, "launch configuration lc names it"},
		"another parameter":      {func(w *world, _ *Input) { w.parameters["/else"] = []usage.Parameter{{Value: id(1)}} }, "parameter /else holds it"},
		"the channel itself":     {func(w *world, _ *Input) { w.hold(5, 1) }, "channel /golden/web/latest holds it"},
		"the version before":     {func(w *world, _ *Input) { w.hold(1, 5) }, "could be rolled back to it"},
		"a label": {func(w *world, _ *Input) {
			w.hold(1, 4, 5)
			w.parameters[channel][0].Labels = []string{"previous"}
		}, "has it as version 1 (previous)"},
		"a run that has not ended": {func(w *world, _ *Input) { w.runs = append(w.runs, Run{ID: "r", Cell: home, Uses: []string{id(1)}}) }, "run r works with it"},
		"a roll's way back": {func(w *world, _ *Input) {
			w.groups = []usage.Group{{Name: "web"}}
			w.runs = append(w.runs, Run{ID: "r", Cell: home, Ended: true, Rolls: []Roll{{Cell: home, Group: "web", From: id(1), To: id(5)}}})
		}, "group web ran it before run r"},
		"the configuration": {func(_ *world, in *Input) { in.Sources = map[string]string{id(1): "the source of image line db"} }, "the source of image line db"},
	} {
		t.Run(name, func(t *testing.T) {
			w, in := standard(), input()
			c.use(w, &in)
			p := w.plan(t, in)
			i, _ := p.item(home, id(1))
			if i.Action != Keep || !strings.Contains(i.Why, c.want) {
				t.Errorf("%s: %s", i.Action, i.Why)
			}
			if len(p.Runs) != 0 {
				t.Errorf("its run would go: %+v", p.Runs)
			}
		})
	}
}

func TestWhatIsNoUseKeepsNothing(t *testing.T) {
	for name, use := range map[string]func(*world){
		"an old version beyond the rollback depth": func(w *world) { w.hold(1, 4, 5) },
		"a revoked version": func(w *world) {
			w.hold(4, 1, 5)
			w.parameters[channel][1].Labels = []string{"revoked-2"}
		},
		"a roll of a group that is gone": func(w *world) {
			w.runs = append(w.runs, Run{ID: "r", Cell: home, Ended: true, Rolls: []Roll{{Cell: home, Group: "web", From: id(1), To: id(5)}}})
		},
		"a roll before the last": func(w *world) {
			w.groups = []usage.Group{{Name: "web"}}
			w.runs = append(w.runs, Run{ID: "r", Cell: home, Ended: true, Rolls: []Roll{{Cell: home, Group: "web", From: id(1), To: id(4)}}},
				Run{ID: "s", Cell: home, Ended: true, Rolls: []Roll{{Cell: home, Group: "web", From: id(4), To: id(5)}}})
		},
		"an idle version of our own": func(w *world) {
			w.versions = []usage.TemplateVersion{{Template: "lt-1", Number: 1, Default: true, Image: id(9)},
				{Template: "lt-1", Number: 2, Image: id(1), Description: "rehydrate: version 1 with image " + id(1)},
				{Template: "lt-1", Number: 3, Image: id(5), Description: "rehydrate: version 1 with image " + id(5)}}
			w.groups = []usage.Group{{Name: "web", Template: usage.Template{ID: "lt-1", Version: "3"}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := standard()
			use(w)
			p := w.plan(t, input())
			if i, _ := p.item(home, id(1)); i.Action != Deregister {
				t.Errorf("%s: %s", i.Action, i.Why)
			}
		})
	}
}

func TestWhatCannotBeReadKeepsEverything(t *testing.T) {
	for _, call := range []string{"own", "shared", "snapshots", "runs", "instances", "templates", "configurations", "groups", "references", "parameters", "history", "parts", "open " + home.String()} {
		w := standard()
		w.hook = func(c string) error {
			if c == call {
				return errors.New("no answer")
			}
			return nil
		}
		p := w.plan(t, input())
		if strings.HasPrefix(call, "open ") && len(p.Unknown) != 1 {
			t.Errorf("%s failed, which is said in: %q", call, p.Unknown)
		}
		if !p.Nothing() || len(p.Unknown) == 0 {
			t.Errorf("%s failed: %v, unknown %v", call, actions(p), p.Unknown)
		}
	}
	in := input()
	in.Cells = append(in.Cells, usage.Cell{Account: "444455556666", Region: "eu-west-1"})
	p := standard().plan(t, in)
	i, _ := p.item(home, id(1))
	if !p.Nothing() || !strings.Contains(i.Why, "would be deregistered, but it is not known that nobody uses it: open 444455556666/eu-west-1") {
		t.Errorf("another account cannot be read: %s", i.Why)
	}
}

func TestForeignImagesAreNotEvenListed(t *testing.T) {
	w := standard()
	w.set(1, func(i *usage.Image) { i.Owner = "999988887777" })
	w.set(2, func(i *usage.Image) { i.Tags[usage.TagLine] = "db" })
	w.set(3, func(i *usage.Image) { delete(i.Tags, usage.TagLine) })
	p := w.plan(t, input())
	if len(p.Items) != 2 || !p.Nothing() {
		t.Errorf("got %v", actions(p))
	}
}

func TestSharingWithStrangersKeepsAnImage(t *testing.T) {
	for _, who := range []string{"444455556666", "all", "arn:aws:organizations::1:organization/o-1"} {
		w := standard()
		w.shared[id(2)] = []string{home.Account, who}
		p := w.plan(t, input())
		if i, _ := p.item(home, id(2)); i.Action != Keep || !strings.Contains(i.Why, "shared with "+who) {
			t.Errorf("%s: %s", i.Action, i.Why)
		}
	}
	w := standard()
	w.shared[id(2)] = []string{home.Account}
	if a := actions(w.plan(t, input()))[id(2)]; a != Disable {
		t.Errorf("shared with an account that was read: %s", a)
	}
}

func TestProtectionDisabledTimeAndNumberAreHonoured(t *testing.T) {
	for name, c := range map[string]struct {
		n      int
		change func(*world, *Input)
		want   Action
		why    string
	}{
		"protected": {1, func(w *world, _ *Input) { w.set(1, func(i *usage.Image) { i.Protected = "enabled-with-cooldown" }) }, Keep, "protected from deregistration (enabled-with-cooldown)"},
		"disabled yesterday": {1, func(w *world, _ *Input) {
			w.set(1, func(i *usage.Image) { i.Tags[TagDisabled] = now.AddDate(0, 0, -1).Format(time.RFC3339) })
		}, Keep, "disabled since 2026-05-31; deregistered from 2026-06-30 on"},
		"disabled by a person": {1, func(w *world, _ *Input) { w.set(1, func(i *usage.Image) { delete(i.Tags, TagDisabled) }) }, Keep, "disabled by somebody else"},
		"revoked long ago": {1, func(w *world, _ *Input) {
			w.set(1, func(i *usage.Image) {
				delete(i.Tags, TagDisabled)
				i.Tags[usage.TagRevoked] = now.AddDate(0, 0, -50).Format(time.RFC3339)
			})
		}, Deregister, ""},
		"still pending":    {2, func(w *world, _ *Input) { w.set(2, func(i *usage.Image) { i.State = "pending" }) }, Keep, "it is pending"},
		"among the newest": {3, func(_ *world, in *Input) { in.Policy.Keep = 3 }, Keep, "number 3 of the newest 3"},
		"revoked ones do not count": {3, func(w *world, in *Input) {
			in.Policy.Keep = 3
			w.set(4, func(i *usage.Image) { i.Tags[usage.TagRevoked] = "x" })
		}, Keep, "number 2 of"},
		"without stages":               {2, func(_ *world, in *Input) { in.Policy = Policy{Keep: 1, RollbackDepth: 1} }, Keep, "70 days old"},
		"straight to the end":          {2, func(_ *world, in *Input) { in.Policy = Policy{Keep: 1, RollbackDepth: 1, DeregisterAfter: 60 * days} }, Deregister, "deregistered after 60 days"},
		"deprecated already":           {3, func(w *world, _ *Input) { w.set(3, func(i *usage.Image) { i.DeprecatedAt = now }) }, Keep, "disabled from"},
		"nothing is ever deregistered": {1, func(_ *world, in *Input) { in.Policy.DeregisterAfter = 0 }, Keep, "deregisters nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			w, in := standard(), input()
			c.change(w, &in)
			p := w.plan(t, in)
			if i, _ := p.item(home, id(c.n)); i.Action != c.want || !strings.Contains(i.Why, c.why) {
				t.Errorf("%s: %s", i.Action, i.Why)
			}
		})
	}
}

func TestEachArchitectureKeepsItsOwnNewest(t *testing.T) {
	w := standard()
	w.set(3, func(i *usage.Image) { i.Architecture = "arm64" })
	if a := actions(w.plan(t, input()))[id(3)]; a != Keep {
		t.Errorf("the only arm64 image: %s", a)
	}
}

func TestStrangeSnapshotsStay(t *testing.T) {
	w := standard()
	w.set(1, func(i *usage.Image) { i.Snapshots = []string{"snap-1", "snap-strange", "snap-5"} })
	p := w.plan(t, input())
	i, _ := p.item(home, id(1))
	if len(i.With) != 2 || len(i.Stays) != 2 || !strings.Contains(i.Stays[0], "does not carry the line's tag") || !strings.Contains(i.Stays[1], id(5)) {
		t.Errorf("with %v, stays %v", i.With, i.Stays)
	}
}

func TestContradictingPoliciesAreRefused(t *testing.T) {
	for name, change := range map[string]func(*Policy){
		"keep nothing":             func(p *Policy) { p.Keep = 0 },
		"no way back":              func(p *Policy) { p.RollbackDepth = 0 },
		"deprecate after disable":  func(p *Policy) { p.DeprecateAfter = 70 * days },
		"deregister first":         func(p *Policy) { p.DeregisterAfter = 10 * days },
		"an age before the origin": func(p *Policy) { p.DisableAfter = -days },
	} {
		in := input()
		change(&in.Policy)
		s, _ := standard().stage()
		if _, err := s.Plan(t.Context(), in); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, _ := standard().stage()
	if _, err := s.Plan(t.Context(), Input{Policy: policy}); fault.KindOf(err) != fault.Usage {
		t.Errorf("no line: %v", err)
	}
}

func TestTheHashIsOfDecisionsOnly(t *testing.T) {
	a := standard().plan(t, input())
	w := standard()
	w.instances = []usage.Instance{{ID: "i-1", Image: id(5), State: "running"}}
	if b := w.plan(t, input()); a.Hash != b.Hash {
		t.Error("an instance on a kept image changed the hash")
	}
	w.instances[0].Image = id(1)
	if b := w.plan(t, input()); a.Hash == b.Hash {
		t.Error("an image more that is kept did not change the hash")
	}
}

// Where a publication encrypts, the copy that the channel names lies beside the image of the
// bake. Both are one of the newest that stay.
func TestAnImageAndItsCopyBesideItAreKeptAsOne(t *testing.T) {
	w := standard()
	for n, of := range map[int]int{6: 3, 7: 4, 8: 5} { // copies of 3 to 5
		w.add(n, map[int]int{3: 40, 4: 39, 5: 38}[of])
		w.set(n, func(i *usage.Image) { i.Tags[usage.TagRun] = fmt.Sprintf("run-%d", of) })
		w.set(of, func(i *usage.Image) { i.CreatedAt = now.AddDate(0, 0, -map[int]int{3: 40, 4: 39, 5: 38}[of]) })
	}
	w.hold(8)
	got := map[int]Action{}
	for _, i := range w.plan(t, input()).Items {
		for n := 3; n <= 8; n++ {
			if i.Image == id(n) {
				got[n] = i.Action
			}
		}
	}
	if want := map[int]Action{3: Deprecate, 6: Deprecate, 4: Keep, 7: Keep, 5: Keep, 8: Keep}; !maps.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
