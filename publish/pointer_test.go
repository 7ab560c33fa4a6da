package publish_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/publish"
)

// Two runs of a line may move it at the same moment: what one of them has moved is held
// for the other, and not written again.
func TestAPointerThatAnotherRunMovedToTheSameImageIsHeld(t *testing.T) {
	w := newCells(2).base(t)
	s := w.stage()
	s.Events = event.Func(func(e event.Event) {
		if strings.HasPrefix(e.Text, "moved ") && strings.Contains(e.Text, "eu-west-1") {
			w.stores[1].add(channel, "ami-new-1", publish.Envelope{Run: "run-other", Build: "run-1", BakedAt: t0}.String())
		}
	})
	p, err := s.Plan(t.Context(), w.input("run-1", "new", t0))
	if err != nil {
		t.Fatal(err)
	}
	raw, _, err := drive(t, s, p, 0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := publish.Result(raw)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{publish.Moved, publish.Held}, outcomes(got)); d != "" {
		t.Error(d)
	}
	if b := got.Pointers[1].Build; b != "/golden/demo/builds/run-1" {
		t.Errorf("it is said to be held as %s", b)
	}
	if n := len(w.stores[1].versions[channel]); n != 2 {
		t.Errorf("the other pointer has %d versions", n)
	}
	w.correct(t)
}

// Nothing is written for what is held, so no entry of the run's own exists.
func TestAPointerThatIsHeldIsSaidToBeWhatItWasPublishedAs(t *testing.T) {
	for name, c := range map[string]struct {
		held publish.Envelope
		want string
	}{
		"by another run":    {publish.Envelope{Run: "run-0", BakedAt: t0}, "/golden/demo/builds/run-0"},
		"as of another one": {publish.Envelope{Run: "run-b", Build: "run-0", BakedAt: t0}, "/golden/demo/builds/run-0"},
		"by hand":           {publish.Envelope{}, ""},
	} {
		got, err := run(t, held("ami-new", c.held), input("ami-new"))
		if err != nil || got.Pointers[0].Outcome != publish.Held || got.Version != 1 || got.Build != c.want || got.Pointers[0].Build != c.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
