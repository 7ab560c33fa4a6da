package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
)

// claimed is a group with the fleets that it matches.
type claimed struct {
	group  Group
	fleets []Fleet
}

// find reads a cell's groups in one paging, whatever the number of fleets, and says
// whose they are. Groups of no fleet come last, where they were read at all.
func (r *reader) find(ctx context.Context, c Cell, ports Ports, fleets []Fleet) ([]claimed, error) {
	names, tags, local := selection(fleets, len(r.in.Channels) > 0)
	list, err := ports.Groups.Find(ctx, names, tags)
	if err != nil {
		return nil, fmt.Errorf("find the groups of fleet %s%s: %w", fleetNames(fleets), c.in(), err)
	}
	var out, nobodys []claimed
	for _, g := range list {
		x := claimed{group: g}
		for _, f := range fleets {
			if !local || f.has(g) {
				x.fleets = append(x.fleets, f)
			}
		}
		if len(x.fleets) > 0 {
			out = append(out, x)
		} else {
			nobodys = append(nobodys, x)
		}
	}
	return append(out, nobodys...), nil
}

// selection is what to ask Find for so that one asking serves all fleets: the union
// of names, the tags of an only fleet, or everything. Local says that what comes back
// is yet to be matched with the fleets.
func selection(fleets []Fleet, everything bool) (names []string, tags map[string]string, local bool) {
	if everything {
		return nil, nil, true
	}
	if len(fleets) == 1 && len(fleets[0].Groups) == 0 && len(fleets[0].Tags) > 0 {
		return nil, fleets[0].Tags, false
	}
	for _, f := range fleets {
		if len(f.Groups) == 0 {
			return nil, nil, true
		}
		names = append(names, f.Groups...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil, true
}

// has says whether the fleet's selector matches a group.
func (f Fleet) has(g Group) bool {
	switch {
	case len(f.Groups) > 0:
		return slices.Contains(f.Groups, g.Name)
	case len(f.Tags) > 0:
		for k, v := range f.Tags {
			if have, ok := g.Tags[k]; !ok || have != v {
				return false
			}
		}
		return true
	}
	return g.Template.ID != "" && (slices.Contains(f.Templates, g.Template.ID) || slices.Contains(f.Templates, g.Template.Name))
}

func (f Fleet) tags() string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(f.Tags)) {
		out = append(out, k+"="+f.Tags[k])
	}
	return strings.Join(out, ", ")
}

func fleetNames(fleets []Fleet) string {
	var out []string
	for _, f := range fleets {
		out = append(out, f.Name)
	}
	return strings.Join(out, ", ")
}

// contested refuses a group that is in several fleets.
func (p *GroupPlan) contested(fleets []Fleet) {
	if len(fleets) < 2 {
		return
	}
	p.refuse(fault.Usage, "give each group to one fleet", "it belongs to fleet %s and to fleet %s", fleets[0].Name, fleets[1].Name)
}
