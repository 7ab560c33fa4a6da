package rollout

import "github.com/goldenami/rehydrate/internal/record"

// names knows whether a roll is in several accounts or Regions, where a group's name
// alone does not say which group is meant.
type names struct{ several bool }

// learn takes over where the groups of a plan are. A part of a plan that was seen whole
// before changes nothing.
func (n *names) learn(p *Plan) {
	first, any := Cell{}, false
	for g := range p.Groups() {
		if any && g.Cell != first {
			n.several = true
			return
		}
		first, any = g.Cell, true
	}
}

// in is what names something in a cell, for people.
func (n *names) in(c Cell, name string) string {
	if n.several {
		return name + c.in()
	}
	return name
}

// err is the gravest outcome as an error; see Err.
func (n *names) err(rolls []record.Roll) error {
	return errOf(rolls, func(r record.Roll) string { return n.in(Cell{r.Account, r.Region}, r.Group) })
}

// named is what names something in the group's cell, for people.
func (m *groupMover) named(name string) string { return m.x.names.in(m.plan.Cell, name) }

// name is the group's name, for people.
func (m *groupMover) name() string { return m.named(m.plan.Group) }

// unit is what the group's events are about.
func (m *groupMover) unit() string {
	if m.x.names.several {
		return "roll/" + m.x.cellName(m.plan.Cell) + "/" + m.plan.Group
	}
	return "roll/" + m.plan.Group
}
