package revoke

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/publish/usage"
)

func planned(t *testing.T, w *world, in Input) *Plan {
	t.Helper()
	p, err := w.stage().Plan(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if len(w.calls) != 0 {
		t.Fatalf("a plan changed something: %v", w.calls)
	}
	return p
}

func TestAPlanMarksMovesAndDisables(t *testing.T) {
	w, c := standard()
	c.instances = []usage.Instance{{ID: "i-1", Image: id(3), State: "running", Group: "web"}, {ID: "i-2", Image: id(3), State: "running", Group: "web"}, {ID: "i-3", Image: id(3), State: "stopped"}}
	c.parameters["/golden/web/builds/run-3"] = []usage.Parameter{{Value: id(3), Version: 1}}
	p := planned(t, w, input())
	if len(p.Images) != 1 || !p.Images[0].Mark || !p.Images[0].Disable || p.Err() != nil {
		t.Errorf("images %+v, %v", p.Images, p.Err())
	}
	if len(p.Labels) != 1 || p.Labels[0].Label != "revoked-3" || len(p.Moves) != 1 || p.Moves[0].To != id(2) || p.Moves[0].ToVersion != 2 || p.Moves[0].Version != 3 {
		t.Errorf("labels %+v, moves %+v", p.Labels, p.Moves)
	}
	var what []string
	for _, d := range p.Drain {
		what = append(what, d.Do)
	}
	want := []string{"roll group web: 2 of its instances run it, to " + id(2), "replace instance i-3, which is in no group, to " + id(2)}
	if !slices.Equal(what, want) {
		t.Errorf("drain %q", what)
	}
}

func TestDescendantsAndCopiesGoToo(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		via    string
		ours   bool
	}{
		"baked from it":             {func(w *world) { w.add(home, 4, func(i *usage.Image) { i.Tags[usage.TagSource] = id(3) }) }, "baked from " + id(3), true},
		"copied from it, EC2 says":  {func(w *world) { w.add(home, 4, func(i *usage.Image) { i.Source = id(3) }) }, "copy of " + id(3), true},
		"copied from it, a tag":     {func(w *world) { w.add(other, 4, func(i *usage.Image) { i.Tags["rehydrate:copy-of"] = id(3) }) }, "copy of " + id(3), true},
		"of the same run elsewhere": {func(w *world) { w.add(other, 4, func(i *usage.Image) { i.Tags[usage.TagRun] = "run-3" }) }, "from the run that made " + id(3), true},
		"over a link that is gone": {func(w *world) {
			w.add(home, 4, func(i *usage.Image) { i.Source = id(9) })
			w.cells[home].ancestry[id(4)] = []string{id(9), id(3)}
		}, "descends from " + id(3), true},
		"in the second generation": {func(w *world) {
			w.add(home, 4, func(i *usage.Image) { i.Tags[usage.TagSource] = id(5) })
			w.add(home, 5, func(i *usage.Image) { i.Tags[usage.TagSource] = id(3) })
		}, "baked from " + id(5), true},
		"without our tags": {func(w *world) { w.add(home, 4, func(i *usage.Image) { i.Source, i.Tags = id(3), nil }) }, "copy of " + id(3), false},
		"of a line of others": {func(w *world) {
			w.add(home, 4, func(i *usage.Image) { i.Source, i.Tags[usage.TagLine] = id(3), "theirs" })
		}, "copy of " + id(3), false},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := standard()
			w.cell(other)
			c.change(w)
			in := input()
			in.Cells = append(in.Cells, other)
			p := planned(t, w, in)
			n := slices.IndexFunc(p.Images, func(m Member) bool { return m.Image == id(4) })
			if n < 0 || p.Images[n].Via != c.via || p.Images[n].Ours != c.ours || p.Images[n].Disable != c.ours || p.Images[n].Mark != c.ours {
				t.Errorf("got %+v", p.Images)
			}
			if c.ours == (len(p.Notes) > 0) {
				t.Errorf("notes %v", p.Notes)
			}
		})
	}
	w, _ := standard()
	w.add(home, 4, func(i *usage.Image) { i.Tags[usage.TagRun], i.Architecture = "run-3", "arm64" })
	if p := planned(t, w, input()); len(p.Images) != 1 {
		t.Errorf("its twin of another architecture is revoked as well: %+v", p.Images)
	}
}

func TestChannelsGoToTheLastGoodImage(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*world, *cell)
		to      string
		refused string
	}{
		"the one before":           {func(*world, *cell) {}, id(2), ""},
		"not one that is disabled": {func(w *world, _ *cell) { w.add(home, 2, func(i *usage.Image) { i.State = usage.StateDisabled }) }, id(1), ""},
		"not one that is gone":     {func(_ *world, c *cell) { delete(c.images, id(2)) }, id(1), ""},
		"not one that is revoked":  {func(w *world, _ *cell) { w.add(home, 2, func(i *usage.Image) { i.Tags[usage.TagRevoked] = "x" }) }, id(1), ""},
		"not one that is labelled": {func(_ *world, c *cell) { c.parameters[channel][1].Labels = []string{"revoked-2"} }, id(1), ""},
		"not a descendant": {func(w *world, c *cell) {
			c.hold(channel, 1, 2, 3, 2, 3)
			w.add(home, 2, func(i *usage.Image) { i.Tags[usage.TagSource] = id(3) })
		}, id(1), ""},
		"not one that was taken back": {func(_ *world, c *cell) {
			c.parameters[channel][1].Description = "rehydrate/1 run=r2"
			c.parameters[channel][2].Description = "rehydrate/1 run=r1 back=r2"
		}, id(1), ""},
		"not one that was rolled back": {func(_ *world, c *cell) {
			c.hold(channel, 1, 3, 2, 3)
			c.parameters[channel][3].Description = "rehydrate/1 run=run-r build=run-2 gen=1"
		}, id(1), ""},
		"only one that was rolled back": {func(_ *world, c *cell) {
			c.hold(channel, 3, 2, 3)
			c.parameters[channel][2].Description = "rehydrate/1 run=run-r build=run-1 gen=1"
			c.hold(ring, 1)
		}, "", "no good version before it: " + id(2) + " was rolled back"},
		"not one by hand":                    {func(_ *world, c *cell) { c.parameters[channel][1].Description = "" }, id(1), ""},
		"not one by hand, with what it kept": {func(_ *world, c *cell) { c.parameters[channel][1].Description = c.parameters[channel][0].Description }, id(1), ""},
		"only by hand":                       {func(_ *world, c *cell) { c.hold(channel, 2, 3); c.parameters[channel][0].Description = "ann" }, "", "version 1 (" + id(2) + ") was written by hand"},
		"there is none":                      {func(_ *world, c *cell) { c.hold(channel, 3); c.hold(ring, 1) }, "", "no good version before it: there is no other"},
		"only descendants": {func(w *world, c *cell) {
			w.add(home, 1, func(i *usage.Image) { i.Tags[usage.TagSource] = id(3) })
			w.add(home, 2, func(i *usage.Image) { i.Tags[usage.TagSource] = id(3) })
		}, "", "no good version before it: " + id(2) + " is revoked as well, " + id(1) + " is revoked as well"},
		"all are bad": {func(_ *world, c *cell) { delete(c.images, id(1)); delete(c.images, id(2)); c.hold(ring, 1) }, "", id(2) + " is gone, " + id(1) + " is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			w, x := standard()
			c.change(w, x)
			x.hold(ring, 1)
			p := planned(t, w, input())
			if c.refused != "" {
				if fault.KindOf(p.Err()).ExitCode() != 10 || !strings.Contains(p.Err().Error(), c.refused) {
					t.Errorf("got %v", p.Err())
				}
				in := input()
				in.Force = true
				if p := planned(t, w, in); p.Err() != nil || len(p.Notes) == 0 || !p.Images[0].Disable {
					t.Errorf("forced: %v, %+v", p.Err(), p.Images)
				}
				return
			}
			if len(p.Moves) != 1 || p.Moves[0].To != c.to {
				t.Errorf("got %+v, refused %v", p.Moves, p.Refused)
			}
		})
	}
}

func TestEveryChannelThatHoldsItMoves(t *testing.T) {
	w, c := standard()
	c.hold(ring, 1, 3)
	c.hold("/golden/db/latest", 2, 3)
	p := planned(t, w, input())
	if len(p.Moves) != 3 || len(p.Labels) != 3 {
		t.Errorf("moves %+v, labels %+v", p.Moves, p.Labels)
	}
}

func TestNothingIsDisabledThatAScaleOutNeeds(t *testing.T) {
	version := func(n int64, image string) usage.TemplateVersion {
		return usage.TemplateVersion{Template: "lt-1", Number: n, Image: image, Default: n == 1}
	}
	on := func(v string) []usage.Group {
		return []usage.Group{{Name: "web", Template: usage.Template{ID: "lt-1", Version: v}}}
	}
	for name, c := range map[string]struct {
		use  func(*cell)
		want string // empty: it is disabled
	}{
		"a saved version": {func(c *cell) { c.versions, c.groups = []usage.TemplateVersion{version(1, id(3))}, on("1") }, "group web launches it from version 1"},
		"$Latest": {func(c *cell) {
			c.versions, c.groups = []usage.TemplateVersion{version(1, id(1)), version(2, id(3))}, on("$Latest")
		}, "group web launches it from version 2"},
		"a launch configuration": {func(c *cell) {
			c.configs, c.groups = []usage.LaunchConfiguration{{Name: "lc", Image: id(3)}}, []usage.Group{{Name: "web", LaunchConfiguration: "lc"}}
		}, "launch configuration lc"},
		"a parameter of others": {func(c *cell) {
			c.versions, c.groups = []usage.TemplateVersion{version(1, "resolve:ssm:/else")}, on("1")
			c.hold("/else", 3)
		}, "group web launches it"},
		"a channel's old version": {func(c *cell) {
			c.versions, c.groups = []usage.TemplateVersion{version(1, "resolve:ssm:"+channel+":3")}, on("1")
		}, "group web launches it"},
		"the channel, which moves": {func(c *cell) {
			c.versions, c.groups = []usage.TemplateVersion{version(1, "resolve:ssm:"+channel)}, on("1")
		}, ""},
		"an unused version": {func(c *cell) {
			c.versions, c.groups = []usage.TemplateVersion{version(1, id(2)), version(2, id(3))}, on("1")
		}, ""},
		"a stranger's account": {func(c *cell) { c.shared[id(3)] = []string{"999988887777"} }, "shared with 999988887777"},
		"what cannot be read": {func(c *cell) {
			c.w.hook = func(call string) error { return map[string]error{"groups": errors.New("no answer")}[call] }
		}, "not all could be read"},
	} {
		t.Run(name, func(t *testing.T) {
			w, x := standard()
			c.use(x)
			p := planned(t, w, input())
			if p.Images[0].Disable != (c.want == "") {
				t.Fatalf("got %+v", p.Images[0])
			}
			if c.want == "" {
				return
			}
			if fault.KindOf(p.Err()).ExitCode() != 10 || !strings.Contains(p.Err().Error(), c.want) {
				t.Errorf("got %v", p.Err())
			}
			if hint := fault.HintOf(p.Err()); strings.Contains(hint, "permission") != (name == "what cannot be read") {
				t.Errorf("hint %q", hint)
			}
			if !p.Images[0].Mark || len(p.Moves) != 1 {
				t.Errorf("it is not even marked: %+v", p)
			}
			in := input()
			in.Force = true
			if f := planned(t, w, in); !f.Images[0].Disable || f.Err() != nil {
				t.Errorf("forced: %+v", f.Images[0])
			}
		})
	}
}

func TestAForeignImageIsLeftAloneAndItsDescendantsAreNot(t *testing.T) {
	w, _ := standard()
	foreign := func(i *usage.Image) { i.Owner, i.Tags = "136693071363", nil }
	w.add(home, 8, foreign)
	w.add(home, 3, func(i *usage.Image) { i.Tags[usage.TagSource] = id(8) })
	in := input()
	in.Image = id(8)
	p := planned(t, w, in)
	if p.Images[0].Ours || p.Images[0].Mark || p.Images[0].Disable || len(p.Images) != 2 || !p.Images[1].Disable || len(p.Moves) != 1 {
		t.Errorf("got %+v, moves %+v", p.Images, p.Moves)
	}
	in.Image = id(9) // gone altogether, and nobody's ancestor
	if _, err := w.stage().Plan(t.Context(), in); fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestWrongRequestsTouchNothing(t *testing.T) {
	for name, change := range map[string]func(*Input){
		"no image":           func(in *Input) { in.Image = "" },
		"a name":             func(in *Input) { in.Image = "web" },
		"no reason":          func(in *Input) { in.Reason = " " },
		"a very long reason": func(in *Input) { in.Reason = strings.Repeat("ä", 257) },
		"nowhere":            func(in *Input) { in.Cells = nil },
	} {
		w, _ := standard()
		in := input()
		change(&in)
		if _, err := w.stage().Plan(t.Context(), in); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheTextSaysWhatWillHappen(t *testing.T) {
	w, c := standard()
	c.versions = []usage.TemplateVersion{{Template: "lt-1", Number: 1, Image: id(3), Default: true}}
	c.groups = []usage.Group{{Name: "web", Template: usage.Template{ID: "lt-1"}}}
	text := planned(t, w, input()).Text()
	for _, want := range []string{"revoke " + id(3) + ": CVE-2026-1", "marked, not disabled yet", "would break: 111122223333/eu-west-1: group web", "back to " + id(2), "drain by 2026-06-04 12:00 UTC", "(it still launches it)"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// A copy that is still being made becomes available after the revocation has ended.
func TestACopyThatIsStillBeingMadeIsNotDone(t *testing.T) {
	w, c := standard()
	w.cell(other)
	w.add(other, 4, func(i *usage.Image) { i.Tags["rehydrate:copy-of"], i.State = id(3), "pending" })
	in := input()
	in.Cells = append(in.Cells, other)
	p := planned(t, w, in)
	if b := p.Blocked(); len(b) != 1 || b[0].Image != id(4) || !strings.Contains(p.Err().Error(), "it is pending") {
		t.Fatalf("blocked %+v, %v", b, p.Err())
	}
	if _, err := w.stage().Apply(t.Context(), p, run); fault.KindOf(err).ExitCode() != 3 || c.images[id(3)].State != usage.StateDisabled {
		t.Errorf("%v, image 3 is %s", err, c.images[id(3)].State)
	}
	w.add(other, 4, func(i *usage.Image) { i.Tags["rehydrate:copy-of"] = id(3) })
	w.calls = nil
	if _, err := w.stage().Apply(t.Context(), planned(t, w, in), run); err != nil || w.cells[other].images[id(4)].State != usage.StateDisabled {
		t.Errorf("once it is available: %v", err)
	}
}

func TestAnImageThatIsNowhereToBeSeenIsNotSaidToBeNobodys(t *testing.T) {
	w, _ := standard()
	in := input()
	in.Image, in.Cells = id(9), append(in.Cells, other) // whose role cannot be assumed
	if _, err := w.stage().Plan(t.Context(), in); fault.KindOf(err) != fault.Partial || !strings.Contains(err.Error(), other.String()) {
		t.Errorf("got %v", err)
	}
}

func TestAnAccountThatCannotBeOpenedIsSaidOnceAndKeepsTheImage(t *testing.T) {
	w, _ := standard()
	in := input()
	in.Cells = append(in.Cells, other)
	p := planned(t, w, in)
	if len(p.Unknown) != 1 || !strings.HasPrefix(p.Unknown[0], "open "+other.String()) || p.Images[0].Disable {
		t.Errorf("unknown %q, disabled %v", p.Unknown, p.Images[0].Disable)
	}
}

func TestEC2IsAskedForAnAncestryOnce(t *testing.T) {
	w, c := standard()
	asked := 0
	w.hook = func(call string) error {
		if call == "ancestry" {
			asked++
			return errors.New("no answer")
		}
		return nil
	}
	w.add(home, 4, func(i *usage.Image) { i.Source = id(3) })
	w.add(home, 5, func(i *usage.Image) { i.Source = id(4) })
	w.add(home, 6, func(i *usage.Image) { i.Source = id(8) })
	c.hold(ring, 1)
	if p := planned(t, w, input()); asked != 1 || len(p.Unknown) != 1 || p.Images[0].Disable {
		t.Errorf("asked %d times, unknown %v", asked, p.Unknown)
	}
}

func TestAFamilyIsWhatARevocationWouldFind(t *testing.T) {
	w, _ := standard()
	w.add(home, 4, func(i *usage.Image) { i.Tags[usage.TagSource] = id(3) })
	w.add(home, 5, func(i *usage.Image) { i.Source = id(4) })
	in := input()
	family, unknown, err := w.stage().Family(t.Context(), id(3), append(in.Cells, other), in.Channels)
	var ids []string
	for _, m := range family {
		ids = append(ids, m.Image)
	}
	if err != nil || !slices.Equal(ids, []string{id(3), id(4), id(5)}) || len(unknown) != 1 || len(w.calls) != 0 {
		t.Errorf("%q, unknown %v, %v, calls %q", ids, unknown, err, w.calls)
	}
}

func TestAVersionThatARollWithdrewIsNotGoneBackTo(t *testing.T) {
	w, c := standard()
	c.parameters[channel][1].Labels = []string{publish.LabelWithdrawn + "-2"}
	if p := planned(t, w, input()); len(p.Moves) != 1 || p.Moves[0].To != id(1) {
		t.Errorf("moves %+v", p.Moves)
	}
}

func TestAnImageThatCannotBeLookedAtIsNotGoneBackTo(t *testing.T) {
	w, c := standard()
	c.hold(ring, 1)
	looks := 0
	w.hook = func(call string) error {
		if call == "image" {
			if looks++; looks == 1 {
				return errors.New("no answer")
			}
		}
		return nil
	}
	if p := planned(t, w, input()); len(p.Moves) != 1 || p.Moves[0].To != id(1) {
		t.Errorf("moves %+v", p.Moves)
	}
	w.hook = func(call string) error { return map[string]error{"image": errors.New("no answer")}[call] }
	if p := planned(t, w, input()); fault.KindOf(p.Err()) != fault.GateSaysNo || !strings.Contains(p.Err().Error(), "could not be looked at: no answer") {
		t.Errorf("got %v", p.Err())
	}
}

func TestTheTextTellsWhatIsLeftAloneAndWhatIsDone(t *testing.T) {
	w, _ := standard()
	w.add(home, 3, func(i *usage.Image) {
		i.State, i.Tags[usage.TagRevoked], i.Tags[usage.TagDeadline] = usage.StateDisabled, "2026-05-01T00:00:00Z", "2026-06-04T12:00:00Z"
	})
	w.add(home, 4, func(i *usage.Image) { i.Source, i.Tags = id(3), nil })
	w.cells[home].hold(channel, 1, 2)
	text := planned(t, w, input()).Text()
	for _, want := range []string{"(named): it is disabled", "(copy of " + id(3) + "): left alone, it is not ours", "nothing to do: it is revoked already", "note      " + id(4)} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
