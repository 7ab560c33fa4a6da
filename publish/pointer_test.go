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
	if n := len(w.stores[1].versions[channel]); n != 2 {
		t.Errorf("the other pointer has %d versions", n)
	}
	w.correct(t)
}
