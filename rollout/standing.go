package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/record"
)

// Standing is how a group of a roll stands now.
type Standing struct {
	Ring  string `json:"ring"`
	Cell  Cell   `json:"cell,omitzero"`
	Group string `json:"group"`
	State string `json:"state"` // not begun, preparing, moving, held, going back, or an outcome
	// Image is what all its instances run, as far as the roll knows: what it ran before
	// until it moves, and again after a way back. Empty: they may run several, or did
	// when they were last counted; Mixed then says how many ran which.
	Image string         `json:"image,omitempty"`
	Mixed map[string]int `json:"mixed,omitempty"`
	// Between are the image before and the new one, of a group that has begun to move and
	// was not counted since: each of its instances runs one of them.
	Between []string `json:"between,omitempty"`
	Refresh string   `json:"refresh,omitempty"`
	Status  string   `json:"status,omitempty"`  // of the refresh, as AWS says now
	Percent int      `json:"percent,omitempty"` // likewise
	Reason  string   `json:"reason,omitempty"`  // for the status, in AWS's words; it may give none
	Text    string   `json:"text,omitempty"`
	// Alone is what AWS goes on doing with the group when nobody looks after it.
	Alone string `json:"alone,omitempty"`
}

// UnitName is the name of the unit that rolls a group of a plan.
func (x *Execution) UnitName(g GroupPlan) string {
	jobs, _ := x.jobs("roll", []GroupPlan{g}, x.groupUnit)
	return jobs[0].Name
}

// Standing tells how every group of the plan stands, by the last states of the units of
// its roll and of its ways back and, for those that move, by what AWS says of their
// refreshes. It only reads.
func (x *Execution) Standing(ctx context.Context, p *Plan, states map[string]json.RawMessage) ([]Standing, error) {
	var out []Standing
	for g := range p.Groups() {
		s := Standing{Ring: g.Ring, Cell: g.Cell, Group: g.Group, State: "not begun", Image: g.From}
		st, err := x.newest(g, states)
		if err != nil {
			return nil, err
		}
		if st != nil {
			s.Refresh, s.Text = st.Result.Refresh, st.Result.Text
			s.State = st.state()
			s.Image, s.Mixed = st.runs(g)
			if st.Touched && !st.Ended {
				s.Between = []string{g.From, g.To}
			}
		}
		if st != nil && !st.Ended && st.Result.Refresh != "" {
			if err := x.ask(ctx, g, &s); err != nil {
				return nil, err
			}
		}
		out = append(out, s)
	}
	return out, nil
}

// Newest is the result of a group's roll or, if one began after it, of its last way back;
// ok is false when neither was begun.
func (x *Execution) Newest(g GroupPlan, states map[string]json.RawMessage) (r record.Roll, ok bool, err error) {
	st, err := x.newest(g, states)
	if st == nil {
		return record.Roll{}, false, err
	}
	return st.Result, true, err
}

// newest is the last state of a group's roll, or of the way back that began after it; nil
// when it was not begun. A way back that has not looked at the group yet has changed nothing.
func (x *Execution) newest(g GroupPlan, states map[string]json.RawMessage) (last *groupState, err error) {
	name, from := x.UnitName(g), ""
	for unit, raw := range states {
		if len(raw) == 0 || unit != name && !isBack(unit, strings.TrimPrefix(name, "roll")) {
			continue
		}
		var st groupState
		if err := json.Unmarshal(raw, &st); err != nil {
			return nil, fmt.Errorf("read the state of group %s: %w", g.Group, err)
		}
		if last != nil {
			if c := st.Result.StartedAt.Compare(last.Result.StartedAt); c < 0 || c == 0 && unit < from {
				continue
			}
		}
		last, from = &st, unit
	}
	return last, nil
}

// isBack says whether a unit is a way back of the group whose units' names end in place:
// that of its run, or one that somebody asked for later (see Execution.BackStem).
func isBack(unit, place string) bool {
	stem, ok := strings.CutSuffix(unit, place)
	return ok && (stem == "rollback" || strings.HasPrefix(stem, "rollback/"))
}

// runs is what the instances of a group that was begun run; see Standing.
func (st *groupState) runs(g GroupPlan) (image string, mixed map[string]int) {
	if st.Ended {
		for image, ids := range st.Result.Mixed {
			if mixed == nil {
				mixed = map[string]int{}
			}
			mixed[image] = len(ids)
		}
	}
	switch {
	case len(mixed) > 0:
		return "", mixed
	case st.Ended && (st.Touched || st.Back): // it was counted
		return st.Runs, nil
	case !st.Touched:
		return g.From, nil
	}
	return "", nil
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
	s.Status, s.Percent, s.Reason = list[i].Status, list[i].Percent, plain(list[i].Reason)
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
