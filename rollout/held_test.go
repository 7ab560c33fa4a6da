package rollout_test

import (
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/fault"
)

// lines are the texts of the events with a word in them.
func (f *fleet) lines(word string) (out []string) {
	for _, e := range f.events {
		if strings.Contains(e.Text, word) {
			out = append(out, e.Text)
		}
	}
	return out
}

const endsWait = "; what it holds goes on after `rehydrate roll resume`, and --max-wait ends the wait with exit code 15"

func TestAnAndonThatHoldsSaysWhatEndsTheWaitAndARingBeforeItsBeginningToo(t *testing.T) {
	for order, ending := range map[string]string{"pause": endsWait, "pause-now": endsWait, "run": ""} {
		t.Run(order, func(t *testing.T) {
			f := demo()
			x, p := f.execution(t), plan(t, f, demoInput())
			x.Pool.(*engine.Pool).MaxWait = time.Hour
			f.hook = func(string, bool) error {
				if len(f.running("web-dev")) == 1 && f.running("web-dev")["ami-new"] == 2 && order != "run" {
					f.andon = order + " by ana: errors"
				}
				return nil
			}
			_, err := x.Roll(t.Context(), p)
			if order == "run" {
				if err != nil || f.said("is held") || f.said("the andon says") {
					t.Errorf("%v, %q", err, f.lines("andon"))
				}
				return
			}
			if fault.KindOf(err).ExitCode() != 15 {
				t.Errorf("it ends with %d, %v", fault.KindOf(err).ExitCode(), err)
			}
			if got := f.lines("the andon says " + order + " by ana: errors"); len(got) != 2 || got[0] != "the andon says "+order+" by ana: errors"+ending ||
				got[1] != "ring prod is held before its first group: the andon says "+order+" by ana: errors"+ending {
				t.Errorf("said %q", got)
			}
		})
	}
}

func TestAnAndonThatEndsTheRollPromisesNoGoingOn(t *testing.T) {
	f := demo()
	f.andon = "cancel by ana"
	if _, err := roll(t, f, plan(t, f, demoInput())); fault.KindOf(err) != fault.Conflict {
		t.Error(err)
	}
	if got := f.lines("the andon says cancel"); len(got) != 1 || strings.Contains(got[0], "goes on") {
		t.Errorf("said %q", got)
	}
}
