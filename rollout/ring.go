package rollout

import (
	"encoding/json"
	"fmt"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// GroupResult reads the state of a group's unit. An Outcome of "" means not ended.
func GroupResult(raw json.RawMessage) (record.Roll, error) {
	var st groupState
	if err := json.Unmarshal(raw, &st); err != nil {
		return record.Roll{}, fmt.Errorf("read the state of a group's roll: %w", err)
	}
	return st.Result, nil
}

// Gravest is the outcome that decides for all: halted before rolled back before done
// in part before failed; "" when every group is done or had nothing to do. An outcome
// that is unknown, or none, counts as failed.
func Gravest(rolls []record.Roll) string {
	_, worst := gravest(rolls)
	return []string{"", Failed, Partial, RolledBack, Halted}[worst]
}

// gravest is the place and the gravity of the worst outcome; 0 is none.
func gravest(rolls []record.Roll) (at, worst int) {
	grave := map[string]int{Failed: 1, Partial: 2, RolledBack: 3, Halted: 4}
	at = -1
	for i, r := range rolls {
		n := grave[r.Outcome]
		if n == 0 && r.Outcome != Done && r.Outcome != NothingToDo {
			n = 1 // an outcome that is unknown, or none, is no success
		}
		if n > worst {
			worst, at = n, i
		}
	}
	return at, worst
}

// Err is the gravest outcome as an error: halted before rolled back before done in
// part before failed; nil when every group is done or had nothing to do.
func Err(rolls []record.Roll) error {
	return errOf(rolls, func(r record.Roll) string { return r.Group })
}

func errOf(rolls []record.Roll, name func(record.Roll) string) error {
	kinds := []fault.Kind{fault.Failed, fault.Failed, fault.Partial, fault.RolledBack, fault.Halted}
	hints := []string{"", "", "see which instances are left: rehydrate roll status", "the fleet runs what it ran before; find out why the image fails",
		"the group may run two images: look at it, then roll again or go back"}
	at, worst := gravest(rolls)
	if at < 0 {
		return nil
	}
	r := rolls[at]
	switch r.Outcome {
	case Gone:
		hints[worst] = "look at who deleted it; the next roll plans without it"
	case Changed:
		kinds[worst], hints[worst] = fault.Conflict, "look at who changed it, and go back by hand if need be"
	}
	return fault.New(kinds[worst], hints[worst], "roll group %s to %s: %s: %s", name(r), r.To, or(r.Outcome, "not ended"), r.Text)
}
