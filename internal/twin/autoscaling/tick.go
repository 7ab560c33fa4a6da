package autoscaling

import (
	"encoding/json"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

const tickKind = "autoscaling/tick"

// tick is the timer of a group: at most one is set.
type tick struct {
	Group string    `json:"group"`
	Timer string    `json:"timer,omitempty"`
	Due   time.Time `json:"due,omitzero"`
}

func ticks(tx *world.Tx) *world.Rows[tick] { return world.Table[tick](tx, "autoscaling/ticks") }

// wake has the group reconciled at due, or earlier if that was asked for already.
func wake(tx *world.Tx, group string, due time.Time) {
	if due.Before(tx.Now) {
		due = tx.Now
	}
	have, ok := ticks(tx).Get(group)
	if ok && !due.Before(have.Due) {
		return
	}
	if ok {
		tx.Cancel(have.Timer)
	}
	t := tick{Group: group, Due: due}
	t.Timer = tx.At(due, tickKind, tick{Group: group})
	ticks(tx).Put(group, t)
}

func (s *Service) onTick(tx *world.Tx, payload json.RawMessage) error {
	var t tick
	if err := json.Unmarshal(payload, &t); err != nil {
		return err
	}
	ticks(tx).Delete(t.Group)
	return s.reconcile(tx, t.Group)
}
