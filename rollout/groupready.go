package rollout

import (
	"context"
	"fmt"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

// ready looks once more at what the plan would have refused: days may lie between the
// plan, or a hold, and this. What is wrong can be put right, and the run be resumed.
func (m *groupMover) ready(st *groupState, g Group) error {
	if f := blocked(g, m.preferences(st, g)); f.Refuse {
		return fault.New(fault.Conflict, f.Hint+"; then go on: rehydrate run --resume (after a change of the configuration: a new run)", "roll group %s: since the plan it has changed: %s", m.name(), f.Text)
	}
	return nil
}

// blocked is the first thing for which a refresh of the group would be refused in a plan;
// none when Refuse is not set.
func blocked(g Group, r Preferences) Finding {
	for _, f := range preflight(g, r) {
		if f.Refuse {
			return f
		}
	}
	return Finding{}
}

// letGo goes on with a group that the andon has held, if it still stands where it was
// left: who has given it another version or policy meanwhile meant it.
func (m *groupMover) letGo(ctx context.Context, st *groupState) (unit.Next, error) {
	g, err := m.group(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	if why := m.changed(st, g); why != "" {
		return m.halt(ctx, st, false, "while it was held %s", why)
	}
	if err := m.ready(st, g); err != nil {
		return unit.Next{}, err
	}
	st.Step = stepBefore
	return unit.Again(0), nil
}

// changed says what of a group is neither as the plan found it nor as the roll leaves
// it; "" when nothing is.
func (m *groupMover) changed(st *groupState, g Group) string {
	p := m.plan
	switch v := g.Template.Version; {
	case g.Template.ID != p.Template.ID:
		return fmt.Sprintf("its launch template changed from %s to %s", p.Template.ID, g.Template.ID)
	case v != p.InUse && v != st.Result.ToV:
		return fmt.Sprintf("its template version changed to %s", v)
	case !sameJSON(g.Mixed, p.Mixed):
		return "its mixed-instances policy changed"
	}
	return ""
}

// preferences are those of the refresh that is to begin. Those of a way back are of the
// group as it is now.
func (m *groupMover) preferences(st *groupState, g Group) Preferences {
	prefs := m.plan.Preferences
	if !st.Back {
		return prefs
	}
	// The group may have become one of a single instance since, which must not be
	// ended before another one serves.
	prefs = prefs.forGroup(g, g.Desired)
	// A way back that failed must not bring the new image again: see docs/roll.md.
	prefs.Rollback, prefs.Checkpoints, prefs.CheckpointDelay, prefs.Soak, prefs.Alarms = false, nil, 0, 0, nil
	return prefs
}
