package publish_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish"
)

// Parameter Store gives a version that is written without a description that of the
// version before it.
var hands = map[string]func(s *store, value string) int64{
	"without a description":        func(s *store, value string) int64 { return s.add(channel, value, s.newest(channel).Description) },
	"with one of somebody else's":  func(s *store, value string) int64 { return s.add(channel, value, "hot fix by ann") },
	"twice without a description":  func(s *store, value string) int64 { hand(s, "ami-late-0"); return hand(s, value) },
	"put back by a run that ended": func(s *store, value string) int64 { return s.add(channel, value, "rehydrate/1 run=unknown back=run-x") },
}

func hand(s *store, value string) int64 { return s.add(channel, value, s.newest(channel).Description) }

func TestWhatSomebodyWroteByHandPassesForNoPublication(t *testing.T) {
	for name, write := range hands {
		t.Run(name, func(t *testing.T) {
			w := three(t, 1)
			v := write(w.stores[0], "ami-old-0")
			all, err := w.stage().History(t.Context(), w.places(channel)[0])
			if e := all[len(all)-1]; err != nil || e.Envelope != nil && e.Envelope.Run != "unknown" {
				t.Errorf("history: %+v, %v", e.Envelope, err)
			}
			found, err := w.stage().Verify(t.Context(), []publish.Expected{{Place: w.places(channel)[0]}})
			if err != nil || found[0].State != publish.Incorrect || !strings.Contains(strings.Join(found[0].Why, "; "), "was not written by this program") {
				t.Errorf("verify: %+v, %v", found, err)
			}
			if err := w.promote(t, "p-1", channel, devChannel, nil); fault.KindOf(err) != fault.GateSaysNo {
				t.Errorf("promote: %v", err)
			}
			if _, _, err := w.rollback(t, "back-1", v); fault.KindOf(err) != fault.GateSaysNo || !strings.Contains(err.Error(), "by hand") {
				t.Errorf("roll back to it: %v", err)
			}
			if len(w.log) > 0 {
				t.Errorf("wrote %v", w.log)
			}
		})
	}
}

func TestWhatSomebodyWroteByHandOverAPublicationIsNotGoneOver(t *testing.T) {
	for name, write := range hands {
		t.Run(name, func(t *testing.T) {
			w := three(t, 2)
			write(w.stores[0], "ami-old-0")
			in := w.input("run-late", "late", t0.Add(time.Hour))
			if _, err := w.publish(t, in, nil); fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "by hand over version 3") {
				t.Errorf("got %v", err)
			}
			if len(w.log) > 0 {
				t.Errorf("wrote %v", w.log)
			}
			// The hint is a way out.
			if _, _, err := w.rollback(t, "back-1", 3); err != nil {
				t.Fatal(err)
			}
			if _, err := w.publish(t, in, nil); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]string{"ami-late-0", "ami-late-1"}, w.held()); d != "" {
				t.Error(d)
			}
			w.correct(t)
		})
	}
}

func TestTheFirstPublicationGoesOverAnOlderValueByHand(t *testing.T) {
	w := newCells(1)
	w.stores[0].add(channel, "ami-old-0", "")
	if _, err := w.publish(t, w.input("run-1", "new", t0), nil); err != nil {
		t.Fatal(err)
	}
	w.correct(t) // and the label previous is on nothing that a rollback would not go to
	if _, _, err := w.rollback(t, "back-1", 0); fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestARollbackPassesOverWhatSomebodyWroteByHand(t *testing.T) {
	for name, write := range hands {
		t.Run(name, func(t *testing.T) {
			w := newCells(1).base(t)
			write(w.stores[0], "ami-hand-0")
			w.stores[0].add(channel, "ami-new-0", publish.Envelope{Run: "run-new", BakedAt: t0}.String())
			w.stores[0].add("/golden/demo/builds/run-new", "ami-new-0", "")
			_, p, err := w.rollback(t, "back-1", 0)
			if err != nil || len(p.Warnings) == 0 || !strings.Contains(p.Warnings[0], "version 2") && !strings.Contains(p.Warnings[0], "version 3") {
				t.Fatalf("%+v, %v", p, err)
			}
			if d := cmp.Diff([]string{"ami-old-0"}, w.held()); d != "" {
				t.Error(d)
			}
			w.correct(t)
		})
	}
}

// TestTheSameImageWrittenAgainIsStillPublished: a second version with the image and the
// description of the first says nothing new.
func TestTheSameImageWrittenAgainIsStillPublished(t *testing.T) {
	w := three(t, 1)
	v := hand(w.stores[0], "ami-new-0")
	if out := publish.ByHand(w.stores[0].versions[channel]); out[v] || out[1] {
		t.Errorf("%v", out)
	}
	if _, err := w.publish(t, w.input("run-late", "late", t0.Add(time.Hour)), nil); err != nil {
		t.Error(err)
	}
}
