package channel

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish"
)

// Scenario 21: whoever has the lease dies. It runs out, another run publishes; when the
// dead one comes back it is stopped, and where its call was already under way, what it
// did is put right or, if it dies then, found.
func TestALeaseOfTheDeadRunsOutAndTheirLateWriteIsFound(t *testing.T) {
	for name, dies := range map[string]bool{"it lives and puts it right": false, "it dies and verify finds it": true} {
		t.Run(name, func(t *testing.T) {
			l := openLine(t, fiveCells[:2])
			older, err := l.stage.Plan(t.Context(), l.input("run-1", 1))
			if err != nil {
				t.Fatal(err)
			}
			state, _, _, err := l.advance(older, nil, func() bool { return l.moved == 1 })
			if err != nil {
				t.Fatal(err)
			}
			begun := l.Clock().Now()
			if _, err := l.publish("run-2", 2); err != nil { // over one that moved and one that did not
				t.Fatal(err)
			}
			if waited := l.Clock().Now().Sub(begun); waited < time.Minute || waited > 5*time.Minute {
				t.Errorf("the newer run took %s", waited)
			}
			l.hold(2)
			// The call that was under way lands now.
			late := older.Moves[1]
			ports, _ := l.Ports(t.Context(), late.Cell)
			if _, err := ports.Parameters.Put(context.Background(), publish.NewVersion{Name: channel, Value: late.Image,
				DataType: publish.DataTypeImage, Description: late.Envelope.String(), Overwrite: true}); err != nil {
				t.Fatal(err)
			}
			l.Clock().Step(time.Minute)
			if states, all := l.verify(); states[publish.Incorrect] != 1 || !strings.Contains(strings.Join(all[1].Why, ";"), "older image over") {
				t.Errorf("verify: %v, %v", states, all[1].Why)
			}
			if dies {
				if _, err := l.publish("run-3", 3); err != nil { // nobody is kept from publishing
					t.Fatal(err)
				}
				l.hold(3)
			} else {
				raw, _, _, err := l.advance(older, state, nil)
				if err == nil {
					_, err = publish.Result(raw)
				}
				if fault.KindOf(err) != fault.Conflict {
					t.Errorf("the late run: %v", err)
				}
				l.hold(2)
			}
			l.correct()
		})
	}
}
