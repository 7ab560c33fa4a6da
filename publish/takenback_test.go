package publish_test

import (
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

func TestWhatARollbackTookBackIsNotPublishedAgainByTheNextRun(t *testing.T) {
	w := three(t, 2)
	if _, _, err := w.rollback(t, "back", 0); err != nil {
		t.Fatal(err)
	}
	held := strings.Join(w.held(), " ")
	_, err := w.publish(t, w.input("nightly", "new", t0), nil)
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "a rollback took it back (it stood as version 3; version 4 holds ami-hand-") {
		t.Fatalf("%v", err)
	}
	if hint := fault.HintOf(err); !strings.Contains(hint, "rollback --to 3") || !strings.Contains(hint, "--force") {
		t.Errorf("hint %q", hint)
	}
	if now := strings.Join(w.held(), " "); now != held {
		t.Errorf("%s, was %s", now, held)
	}
	// What was baked since goes over it, and what was taken back stays taken back.
	if _, err := w.publish(t, w.input("run-late", "late", t0.Add(24*time.Hour)), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.publish(t, w.input("nightly-2", "new", t0), nil); fault.KindOf(err) != fault.Conflict {
		t.Errorf("%v", err)
	}
}

func TestWhatWasTakenBackStandsAgainWhenSomebodyAsksForIt(t *testing.T) {
	w := three(t, 2)
	if _, _, err := w.rollback(t, "back", 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.rollback(t, "forth", 3); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.held(), " "); got != "ami-new-0 ami-new-1" {
		t.Errorf("%s", got)
	}
	if got, err := w.publish(t, w.input("nightly", "new", t0), nil); err != nil || !got.Skipped {
		t.Errorf("%+v, %v", got, err)
	}
}
