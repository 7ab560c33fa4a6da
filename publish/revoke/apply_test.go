package revoke

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish/usage"
)

func TestTheOrderIsMarkLabelMoveDisable(t *testing.T) {
	w, c := standard()
	out, err := w.stage().Apply(t.Context(), planned(t, w, input()), run)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"tag " + id(3), "label " + channel + ":3 revoked-3", "move " + channel + " " + id(2), "disable " + id(3)}
	if !slices.Equal(w.calls, want) {
		t.Errorf("calls %q", w.calls)
	}
	if i := c.images[id(3)]; i.Tags[usage.TagReason] != "CVE-2026-1" || i.Tags[usage.TagRevoked] != "2026-06-01T12:00:00Z" || len(out.Disabled) != 1 || len(out.Moved) != 1 {
		t.Errorf("%+v, %+v", i, out)
	}
	w.calls = nil
	if p := planned(t, w, input()); !p.Nothing() || p.Err() != nil || !strings.Contains(p.Text(), "nothing to do") {
		t.Errorf("a second time: %s", p.Text())
	}
}

func TestBlockedImagesAreMarkedAndTheChannelMovesAllTheSame(t *testing.T) {
	w, c := standard()
	c.versions = []usage.TemplateVersion{{Template: "lt-1", Number: 1, Image: id(3), Default: true}}
	c.groups = []usage.Group{{Name: "web", Template: usage.Template{ID: "lt-1"}}}
	out, err := w.stage().Apply(t.Context(), planned(t, w, input()), run)
	if fault.KindOf(err).ExitCode() != 3 || len(out.Kept) != 1 || len(out.Moved) != 1 || c.images[id(3)].State != usage.StateAvailable {
		t.Fatalf("%v, %+v", err, out)
	}
	// The group is rolled, and the repetition finishes.
	c.versions[0].Image = id(2)
	w.calls = nil
	if _, err := w.stage().Apply(t.Context(), planned(t, w, input()), run); err != nil || !slices.Equal(w.calls, []string{"disable " + id(3)}) {
		t.Errorf("%v, %q", err, w.calls)
	}
}

func TestARefusedPlanDoesNothing(t *testing.T) {
	w, c := standard()
	c.hold(channel, 3)
	out, err := w.stage().Apply(t.Context(), planned(t, w, input()), run)
	if fault.KindOf(err).ExitCode() != 10 || len(w.calls)+len(out.Done) != 0 {
		t.Errorf("%v, %q", err, w.calls)
	}
}

func TestWhatComesToNeedTheImageAfterThePlanKeepsIt(t *testing.T) {
	for name, use := range map[string]func(*cell){
		"a group": func(c *cell) {
			c.configs, c.groups = []usage.LaunchConfiguration{{Name: "lc", Image: id(3)}}, []usage.Group{{Name: "web", LaunchConfiguration: "lc"}}
		},
		"a sharing":      func(c *cell) { c.shared[id(3)] = []string{"all"} },
		"a ring channel": func(c *cell) { c.hold(ring, 1, 2, 3) },
		"no answer": func(c *cell) {
			c.w.hook = func(call string) error { return map[string]error{"templates": errors.New("no answer")}[call] }
		},
	} {
		w, c := standard()
		p := planned(t, w, input())
		use(c)
		out, err := w.stage().Apply(t.Context(), p, run)
		if fault.KindOf(err).ExitCode() != 11 || len(out.Kept) != 1 || c.images[id(3)].State != usage.StateAvailable {
			t.Errorf("%s: %v, %+v", name, err, out)
		}
	}
}

func TestAChannelThatMovedSinceIsAConflictAndNothingIsDisabled(t *testing.T) {
	w, c := standard()
	p := planned(t, w, input())
	w.add(home, 4, nil)
	c.hold(channel, 1, 2, 3, 4)
	out, err := w.stage().Apply(t.Context(), p, run)
	if fault.KindOf(err).ExitCode() != 11 || len(out.Kept) != 1 || c.images[id(3)].State != usage.StateAvailable {
		t.Errorf("%v, %+v", err, out)
	}
}

// Whatever call is cut off, nothing is disabled while a channel holds it, and a
// repetition ends as an undisturbed revocation does.
func TestARepetitionFinishesWhateverFailed(t *testing.T) {
	cut := errors.New("the line is dead")
	for n := 1; ; n++ {
		w, c := standard()
		w.add(home, 4, func(i *usage.Image) { i.Tags[usage.TagSource] = id(3) })
		p := planned(t, w, input())
		at := 0
		w.hook = func(call string) error {
			if at++; at >= n {
				return cut
			}
			if strings.HasPrefix(call, "disable") && c.parameters[channel][len(c.parameters[channel])-1].Value == id(3) {
				t.Errorf("%s while the channel holds it", call)
			}
			return nil
		}
		_, err := w.stage().Apply(t.Context(), p, run)
		w.hook = nil
		if at < n {
			if err != nil || n < 15 {
				t.Errorf("after %d calls: %v", n, err)
			}
			break
		}
		if err == nil {
			t.Errorf("cut at call %d and nobody said so", n)
		}
		w.calls = nil
		again := planned(t, w, input())
		if _, err := w.stage().Apply(t.Context(), again, run); err != nil {
			t.Fatalf("cut at call %d, repeated: %v", n, err)
		}
		for _, m := range []int{3, 4} {
			if i := c.images[id(m)]; i.State != usage.StateDisabled || i.Tags[usage.TagRevoked] == "" {
				t.Errorf("cut at call %d: image %d is %s, %v", n, m, i.State, i.Tags)
			}
		}
		if h := c.parameters[channel]; len(h) != 4 || h[3].Value != id(2) {
			t.Errorf("cut at call %d: the channel is %+v", n, h)
		}
	}
}

func TestOneFailureIsPartialWhenSomethingWasDone(t *testing.T) {
	w, _ := standard()
	p := planned(t, w, input())
	w.hook = func(call string) error {
		if strings.HasPrefix(call, "move") {
			return fault.New(fault.Denied, "", "not allowed")
		}
		return nil
	}
	out, err := w.stage().Apply(t.Context(), p, run)
	if fault.KindOf(err).ExitCode() != 3 || len(out.Done) != 2 || len(out.Failed) != 1 || len(out.Kept) != 1 || !strings.Contains(out.Text(p.Input.By), "failed") {
		t.Errorf("%v, %+v", err, out)
	}
}

func TestMovesOfOnePublicationGoTogether(t *testing.T) {
	got := together([]Move{{Channel: "/a", Build: "x"}, {Channel: "/b", Build: "x"}, {Channel: "/a", Build: "x", Cell: other}, {Channel: "/a", Build: "y"}, {Channel: "/a"}, {Channel: "/a"}})
	var sizes []int
	for _, g := range got {
		sizes = append(sizes, len(g))
	}
	if !slices.Equal(sizes, []int{2, 1, 1, 1, 1}) {
		t.Errorf("got %v", got)
	}
}

func TestTheResultOfARepetitionHasAListAndNoNull(t *testing.T) {
	w, _ := standard()
	for range 2 {
		out, err := w.stage().Apply(t.Context(), planned(t, w, input()), run)
		said, jerr := json.Marshal(out)
		if err != nil || jerr != nil || strings.Contains(string(said), "null") {
			t.Errorf("%s, %v, %v", said, err, jerr)
		}
		w.calls = nil
	}
}
