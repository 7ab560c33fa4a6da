package rollout

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
)

// ringState holds the states of the ring's groups, in their order.
type ringState struct {
	At     int               `json:"at"`
	Groups []json.RawMessage `json:"groups,omitempty"`
	Moved  bool              `json:"moved,omitempty"` // a group really rolled
	Soaked bool              `json:"soaked,omitempty"`
}

// RingUnit rolls a ring's groups one after the other, stops at the first one that is
// not done, and soaks at the end.
func (s *Stage) RingUnit(p RingPlan) unit.Unit {
	return unit.Func("roll.ring", func(ctx context.Context, st *ringState) (unit.Next, error) {
		return s.ring(ctx, p, st)
	})
}

func (s *Stage) ring(ctx context.Context, p RingPlan, st *ringState) (unit.Next, error) {
	if st.At >= len(p.Groups) {
		return s.soak(p, st), nil
	}
	if len(st.Groups) == st.At {
		st.Groups = append(st.Groups, nil)
	}
	raw, next, err := s.GroupUnit(p.Groups[st.At]).Advance(ctx, st.Groups[st.At])
	if err != nil {
		return unit.Next{}, err
	}
	st.Groups[st.At] = raw
	if !next.Done {
		return next, nil
	}
	r, err := GroupResult(raw)
	if err != nil {
		return unit.Next{}, err
	}
	switch r.Outcome {
	case Done:
		st.Moved = true
	case NothingToDo:
	default:
		return unit.Done(), nil
	}
	if st.At++; st.At < len(p.Groups) {
		return unit.Again(0), nil
	}
	return s.soak(p, st), nil
}

func (s *Stage) soak(p RingPlan, st *ringState) unit.Next {
	if st.Soaked || !st.Moved || p.Soak == 0 {
		return unit.Done()
	}
	st.Soaked = true
	s.Events.Emit(event.Event{Stage: "roll", Unit: "roll/" + p.Name, Kind: event.Progress,
		Text: fmt.Sprintf("ring %s soaks for %s", p.Name, p.Soak)})
	return unit.Again(p.Soak)
}

// GroupResult reads the state of a GroupUnit. An Outcome of "" means not ended.
func GroupResult(raw json.RawMessage) (record.Roll, error) {
	var st groupState
	if err := json.Unmarshal(raw, &st); err != nil {
		return record.Roll{}, fmt.Errorf("read the state of a group's roll: %w", err)
	}
	return st.Result, nil
}

// RingResults reads the state of a RingUnit: one result for every group that was
// begun.
func RingResults(raw json.RawMessage) ([]record.Roll, error) {
	var st ringState
	if len(raw) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(raw, &st); err != nil {
		return nil, fmt.Errorf("read the state of a ring's roll: %w", err)
	}
	var out []record.Roll
	for _, g := range st.Groups {
		if g == nil {
			continue
		}
		r, err := GroupResult(g)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
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
	kinds := []fault.Kind{fault.Failed, fault.Failed, fault.Partial, fault.RolledBack, fault.Halted}
	hints := []string{"", "", "see which instances are left: rehydrate fleet show", "the fleet runs what it ran before; find out why the image fails",
		"the group may run two images: look at it, then roll again or go back"}
	at, worst := gravest(rolls)
	if at < 0 {
		return nil
	}
	r := rolls[at]
	return fault.New(kinds[worst], hints[worst], "roll group %s to %s: %s: %s", r.Group, r.To, or(r.Outcome, "not ended"), r.Text)
}
