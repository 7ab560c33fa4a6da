package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

// errPulled is that the andon says cancel or rollback before a ring is through. Roll says
// what follows.
var errPulled = errors.New("the andon was pulled")

// gate runs what stands before or after a ring; nil stands for nothing. The andon is
// looked at in the middle of the longest wait, which errPulled ends.
func (x *Execution) gate(ctx context.Context, p RingPlan, at string, u unit.Unit) error {
	if u == nil {
		return nil
	}
	name := "roll/" + part(p.Name) + "/" + at
	ended := false
	states, err := x.Pool.Run(ctx, []unit.Job{{Name: name, Unit: u}}, unit.Policy{
		Leave: func() unit.Leave {
			if o := x.Andon.Order(); o == Cancel || o == Rollback {
				return unit.Stop
			}
			return unit.Go
		},
		Watch: func(ctx context.Context) (bool, error) {
			changed, err := x.Andon.Look(ctx)
			if o := x.Andon.Order(); err == nil && (o == Cancel || o == Rollback) {
				err = errPulled
			}
			return changed, err
		},
		Every: andonEvery, Failing: x.failing,
		Ended: func(string, json.RawMessage) error { ended = true; return nil },
	})
	switch {
	case errors.Is(err, errPulled) && !ended:
		return errPulled
	case errors.Is(err, errPulled):
		err = nil
	}
	if err != nil || at == "soak" || states[name] == nil {
		return err
	}
	v, err := x.Gates.Verdict(states[name])
	if err != nil {
		return fmt.Errorf("read what the gate %s ring %s says: %w", at, p.Name, err)
	}
	if v.Outcome == Pass {
		return nil
	}
	kind := fault.Halted
	if at == "before" {
		kind = fault.GateSaysNo // nothing of this ring has moved
	}
	return fault.As(&gateSays{Verdict: v, ring: p.Name, at: at}, kind, "look at what the gate names; then roll again or go back: rehydrate roll rollback")
}

type soakState struct {
	Soaked bool `json:"soaked,omitempty"`
}

// soak waits as the plan says.
func (x *Execution) soak(p RingPlan) unit.Unit {
	return unit.Func("roll.soak", func(_ context.Context, st *soakState) (unit.Next, error) {
		if st.Soaked {
			return unit.Done(), nil
		}
		st.Soaked = true
		x.Stage.Events.Emit(event.Event{Stage: "roll", Unit: "roll/" + p.Name, Kind: event.Progress,
			Text: fmt.Sprintf("ring %s soaks for %s", p.Name, p.Soak)})
		return unit.Again(p.Soak), nil
	})
}

// Soaks reads whether a state is of a soak that has begun.
func Soaks(state json.RawMessage) bool {
	var st soakState
	return json.Unmarshal(state, &st) == nil && st.Soaked
}
