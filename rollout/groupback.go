package rollout

import (
	"context"
	"fmt"

	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
)

// backUnit brings a group that was rolled as planned, with result r, back to the
// version that it ran before.
func (x *Execution) backUnit(p GroupPlan, r record.Roll, why string) unit.Unit {
	m := &groupMover{Stage: x.Stage, x: x, plan: p}
	return unit.Func("roll.back", func(ctx context.Context, st *groupState) (unit.Next, error) {
		if st.Step != stepCheck {
			return m.advance(ctx, st)
		}
		var err error
		if m.Ports, err = m.ports(ctx, p.Cell); err != nil {
			return unit.Next{}, err
		}
		next, err := m.checkBack(ctx, st, r, why)
		if err != nil {
			return m.orGone(ctx, st, err)
		}
		return next, nil
	})
}

// checkBack makes sure that the group stands where the roll left it, and that the image
// before can be launched. Anything else is left to people: who has moved the group
// since had a reason.
func (m *groupMover) checkBack(ctx context.Context, st *groupState, r record.Roll, why string) (unit.Next, error) {
	p := m.plan
	st.Result = r
	st.Result.Outcome, st.Result.Text, st.Result.Mixed, st.Result.Manual, st.Result.Frozen = "", "", nil, nil, false
	st.Result.StartedAt, st.Back = m.Clock.Now(), true
	g, err := m.group(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	st.Result.MinHealthy = len(inService(g))
	moved := func(format string, args ...any) (unit.Next, error) {
		if _, err := m.count(ctx, st, g, p.To); err != nil {
			return unit.Next{}, err
		}
		return m.end(st, Changed, "it is left alone: since the roll %s", fmt.Sprintf(format, args...)), nil
	}
	if why := m.changed(st, g); why != "" {
		return moved("%s", why)
	}
	if r.Outcome != "" && !m.there(g, p.InUse) { // else a refresh of ours may be under way
		if f := blocked(g, m.preferences(st, g)); f.Refuse {
			return moved("%s: %s", f.Text, f.Hint)
		}
	}
	states, err := m.Images.States(ctx, []string{p.From})
	if err != nil {
		return unit.Next{}, fmt.Errorf("look at the image %s: %w", p.From, err)
	}
	m.goBack(st, why)
	st.Touched = true
	if s := states[p.From]; s != "available" {
		return m.halt(ctx, st, true, "it cannot go back: the image %s is %s", p.From, or(s, "gone"))
	}
	return unit.Again(0), nil
}
