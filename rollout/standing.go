package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Standing is how a group of a roll stands now.
type Standing struct {
	Ring    string `json:"ring"`
	Cell    Cell   `json:"cell,omitzero"`
	Group   string `json:"group"`
	State   string `json:"state"` // not begun, preparing, moving, held, going back, or an outcome
	Refresh string `json:"refresh,omitempty"`
	Status  string `json:"status,omitempty"`  // of the refresh, as AWS says now
	Percent int    `json:"percent,omitempty"` // likewise
	Text    string `json:"text,omitempty"`
	// Alone is what AWS goes on doing with the group when nobody looks after it.
	Alone string `json:"alone,omitempty"`
}

// UnitName is the name of the unit that rolls a group of a plan.
func (x *Execution) UnitName(g GroupPlan) string {
	jobs, _ := x.jobs("roll", []GroupPlan{g}, x.groupUnit)
	return jobs[0].Name
}

// Standing tells how every group of the plan stands, by the states of its units and, for
// those that move, by what AWS says of their refreshes. It only reads.
func (x *Execution) Standing(ctx context.Context, p *Plan, states map[string]json.RawMessage) ([]Standing, error) {
	var out []Standing
	for g := range p.Groups() {
		s := Standing{Ring: g.Ring, Cell: g.Cell, Group: g.Group, State: "not begun"}
		var st groupState
		if raw := states[x.UnitName(g)]; len(raw) > 0 {
			if err := json.Unmarshal(raw, &st); err != nil {
				return nil, fmt.Errorf("read the state of group %s: %w", g.Group, err)
			}
			s.Refresh, s.Text = st.Result.Refresh, st.Result.Text
			s.State = st.state()
		}
		if !st.Ended && st.Touched {
			if err := x.ask(ctx, g, &s); err != nil {
				return nil, err
			}
		}
		out = append(out, s)
	}
	return out, nil
}

func (st groupState) state() string {
	switch {
	case st.Ended:
		return st.Result.Outcome
	case st.Step == stepHeld:
		return "held"
	case st.Back:
		return "going back"
	case st.Touched:
		return "moving"
	}
	return "preparing"
}

// ask asks AWS for the refresh of a group that moves.
func (x *Execution) ask(ctx context.Context, g GroupPlan, s *Standing) error {
	ports, err := x.Stage.ports(ctx, g.Cell)
	if err != nil {
		return err
	}
	list, err := ports.Refreshes.List(ctx, g.Group)
	if err != nil {
		return fmt.Errorf("list the instance refreshes of group %s: %w", g.Group, err)
	}
	i := slices.IndexFunc(list, func(r Refresh) bool { return r.ID == s.Refresh })
	if i < 0 {
		s.Alone = "nothing that is known: its refresh does not show"
		return nil
	}
	s.Status, s.Percent = list[i].Status, list[i].Percent
	s.Alone = alone(list[i], g.Preferences)
	return nil
}

// alone is what AWS goes on doing with a refresh that begins with these preferences when
// nobody looks after it.
func (r Preferences) alone() string {
	text := "goes on to the end of a refresh that has begun"
	var at []string
	for _, c := range r.Checkpoints {
		if c < 100 {
			at = append(at, fmt.Sprintf("%d%%", c))
		}
	}
	if len(at) > 0 {
		delay := r.CheckpointDelay
		if delay == 0 {
			delay = time.Hour // the API's default
		}
		text += fmt.Sprintf(", with a wait of %s at %s", delay, strings.Join(at, " and "))
	}
	if r.Rollback {
		return text + "; rolls back by itself when it fails"
	}
	return text + "; stops where it is when it fails"
}

// alone is what AWS does with a refresh when nobody looks after it.
func alone(r Refresh, p Preferences) string {
	switch {
	case terminal(r.Status):
		return "nothing: the refresh has ended; what comes after it waits for a run"
	case r.Status == cancelling:
		return "ends the refresh once what is on its way has arrived"
	case r.Status == rollbackInProgress:
		return "goes on rolling back to its end"
	}
	text := "goes on to its end"
	for _, c := range p.Checkpoints {
		if c > r.Percent && c < 100 {
			delay := p.CheckpointDelay
			if delay == 0 {
				delay = time.Hour // the API's default
			}
			text += fmt.Sprintf(", with a wait of %s at %d%%", delay, c)
			break
		}
	}
	if p.Rollback {
		return text + "; rolls back by itself when it fails"
	}
	return text + "; stops where it is when it fails"
}
