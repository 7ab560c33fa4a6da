package rollout

import (
	"context"
	"fmt"
	"slices"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

// pin sets a group that follows an alias to the number it runs, so that a rollback
// has a place to go.
func (m *groupMover) pin(ctx context.Context, st *groupState) (unit.Next, error) {
	st.Step = stepVersion
	if !m.plan.Pin {
		return unit.Again(0), nil
	}
	g, err := m.group(ctx)
	if err != nil {
		return unit.Next{}, err
	}
	if g.Template.Version == m.plan.InUse {
		return unit.Again(0), nil
	}
	if g.Template.ID != m.plan.Template.ID || g.Template.Version != m.plan.Template.Version {
		return unit.Next{}, fault.New(fault.Conflict, "plan again", "pin group %s to version %s: somebody set it to %s of %s",
			m.name(), m.plan.InUse, g.Template.Version, g.Template.ID)
	}
	return unit.Again(0), m.pinTo(ctx, m.plan)
}

func (m *groupMover) pinTo(ctx context.Context, p GroupPlan) error {
	m.wrote = true
	name := m.named(p.Group)
	if err := m.Groups.Pin(ctx, p.Group, Desired{Template: Template{ID: p.Template.ID, Version: p.InUse}, Mixed: p.Mixed}); err != nil {
		return fmt.Errorf("pin group %s to version %s: %w", name, p.InUse, err)
	}
	m.say(event.Changed, "pinned %s to template version %s, which it runs", name, p.InUse)
	return nil
}

// pinOthers pins one of the other groups of the plan that launch from the latest version
// of the template of which one is to be made: they would launch that one with their next
// instance, whatever ring they are in, and also when the roll never comes to them. One
// that has changed since the plan is left to its own turn.
func (m *groupMover) pinOthers(ctx context.Context) (pinned bool, err error) {
	plans := m.x.latest[templatePlace{m.plan.Cell, m.plan.Template.ID}]
	var names []string
	for _, p := range plans {
		if p.Group != m.plan.Group {
			names = append(names, p.Group)
		}
	}
	if len(names) == 0 {
		return false, nil
	}
	list, err := m.Groups.Find(ctx, names, nil)
	if err != nil {
		return false, fmt.Errorf("read the groups that launch from the latest version of %s: %w", m.plan.Template.ID, err)
	}
	for _, g := range list {
		p := plans[slices.IndexFunc(plans, func(p GroupPlan) bool { return p.Group == g.Name })]
		now := running(g)
		if g.Template.ID == p.Template.ID && g.Template.Version == latest && !g.Deleting && sameJSON(g.Mixed, p.Mixed) &&
			(slices.Contains(now, p.InUse) || !numbered(now[0])) {
			return true, m.pinTo(ctx, p)
		}
	}
	return false, nil
}

// latest is the alias of a template's newest version.
const latest = "$Latest"

// templatePlace is a launch template of a cell.
type templatePlace struct {
	cell     Cell
	template string
}

// onLatest are the groups of a plan that launch from the latest versions of templates.
func onLatest(p *Plan) map[templatePlace][]GroupPlan {
	out := map[templatePlace][]GroupPlan{}
	for g := range p.Groups() {
		if at := (templatePlace{g.Cell, g.Template.ID}); g.Pin && g.Template.Version == latest {
			out[at] = append(out[at], g)
		}
	}
	return out
}
