package rollout

import (
	"context"
	"fmt"
	"sync"

	"github.com/goldenami/rehydrate/internal/fault"
)

// Found is a group with the fleet that it belongs to.
type Found struct {
	Fleet string // empty: of none
	Ring  string
	Cell  Cell
	Group Group
	Ports Ports // of the cell
}

// Find reads the groups of the fleets, in their order, in one paging a cell. Cells
// that cannot be read are findings, as in a plan. A group of several fleets counts
// for the first.
func (s *Stage) Find(ctx context.Context, fleets []Fleet) ([]Found, []PlanFinding, error) {
	cells, of := cellsOf(fleets)
	return s.gather(ctx, cells, func(ctx context.Context, c Cell, ports Ports) ([]Found, error) {
		r := &reader{Stage: s, in: Input{Fleets: fleets}}
		list, err := r.find(ctx, c, ports, of[c])
		if err != nil {
			return nil, err
		}
		var out []Found
		for _, x := range list {
			if len(x.fleets) > 0 {
				out = append(out, Found{Fleet: x.fleets[0].Name, Ring: x.fleets[0].Ring, Cell: c, Group: x.group, Ports: ports})
			}
		}
		return out, nil
	})
}

// All reads every group of the cells.
func (s *Stage) All(ctx context.Context, cells []Cell) ([]Found, []PlanFinding, error) {
	return s.gather(ctx, cells, func(ctx context.Context, c Cell, ports Ports) ([]Found, error) {
		list, err := ports.Groups.Find(ctx, nil, nil)
		if err != nil {
			return nil, fmt.Errorf("list the groups%s: %w", c.in(), err)
		}
		var out []Found
		for _, g := range list {
			out = append(out, Found{Cell: c, Group: g, Ports: ports})
		}
		return out, nil
	})
}

func (s *Stage) gather(ctx context.Context, cells []Cell, read func(context.Context, Cell, Ports) ([]Found, error)) ([]Found, []PlanFinding, error) {
	found := make([][]Found, len(cells))
	var guard sync.Mutex
	var unread []PlanFinding
	err := each(ctx, manyCells, len(cells), func(ctx context.Context, n int) error {
		ports, err := s.ports(ctx, cells[n])
		if err == nil {
			found[n], err = read(ctx, cells[n], ports)
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		guard.Lock()
		defer guard.Unlock()
		unread = append(unread, PlanFinding{Cell: cells[n], Finding: unreadable(err)})
		return nil
	})
	var out []Found
	for _, some := range found {
		out = append(out, some...)
	}
	return out, unread, err
}

// unreadable is the finding of a cell that could not be read, and will not be without
// somebody doing something.
func unreadable(err error) Finding {
	return Finding{Refuse: true, Kind: fault.KindOf(err), Text: err.Error(),
		Hint: or(fault.HintOf(err), "see that the role can be taken on, and may read groups, templates, instances and images")}
}

// cellsOf are the cells of fleets in order, and the fleets of each.
func cellsOf(fleets []Fleet) (order []Cell, of map[Cell][]Fleet) {
	of = map[Cell][]Fleet{}
	for _, f := range fleets {
		for _, c := range f.cells() {
			if of[c] == nil {
				order = append(order, c)
			}
			of[c] = append(of[c], f)
		}
	}
	return order, of
}

// Has says whether the fleet's selector matches a group.
func (f Fleet) Has(g Group) bool { return f.has(g) }

// InUse is the template version that a group runs: a number, or $Latest or $Default
// where nothing better is known. There are several when its instances run several.
func InUse(g Group) []string { return running(g) }

// Preflight is what stands in the way of rolling a group with nothing chosen for it,
// as far as the group itself shows.
func Preflight(g Group) []Finding { return preflight(g, Preferences{}.forGroup(g, g.Desired)) }
