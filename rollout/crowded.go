package rollout

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// crowd are groups of one ring whose subnets overlap: their surges take addresses from
// each other.
type crowd struct {
	subnets map[string]bool
	groups  []string
	wanted  []int
}

// crowded warns where the subnets have room for each group's surge and not for those of
// all the groups that may move at a time. Each group alone is looked at by room.
func (x *cellReader) crowded(found []claimed, plans []GroupPlan) []PlanFinding {
	var out []PlanFinding
	for _, ring := range x.in.Rings {
		together := max(1, ring.Concurrency)
		if ring.PerCell > 0 {
			together = min(together, ring.PerCell)
		}
		for _, c := range crowds(ring.Name, found, plans) {
			known, free := total(x.look.free, slices.Sorted(maps.Keys(c.subnets)))
			slices.Sort(c.wanted)
			wanted, n := 0, min(together, len(c.wanted))
			for _, w := range c.wanted[len(c.wanted)-n:] {
				wanted += w
			}
			if !known || n < 2 || wanted <= free {
				continue
			}
			slices.Sort(c.groups)
			const shown = 3
			names := strings.Join(c.groups[:min(shown, len(c.groups))], ", ")
			if more := len(c.groups) - shown; more > 0 {
				names += fmt.Sprintf(" and %d more", more)
			}
			out = append(out, PlanFinding{Cell: x.cell, Finding: Finding{Warn: true, Hint: "widen a subnet, or lower concurrency or max_healthy",
				Text: fmt.Sprintf("the subnets of %s%s have %d free addresses; %d of these groups at a time may want %d more instances", names, x.cell.in(), free, n, wanted)}})
		}
	}
	return out
}

// crowds are the groups of a ring with a surge, by the subnets that they share.
func crowds(ring string, found []claimed, plans []GroupPlan) []*crowd {
	var all []*crowd
	for i, p := range plans {
		if p.Ring != ring || p.Nothing || p.Measured.Room.Wanted == 0 {
			continue
		}
		c := &crowd{subnets: map[string]bool{}, groups: []string{p.Group}, wanted: []int{p.Measured.Room.Wanted}}
		add(c.subnets, found[i].group.Subnets)
		all = slices.DeleteFunc(all, func(other *crowd) bool {
			meets := slices.ContainsFunc(found[i].group.Subnets, func(s string) bool { return other.subnets[s] })
			if meets {
				maps.Copy(c.subnets, other.subnets)
				c.groups, c.wanted = append(other.groups, c.groups...), append(other.wanted, c.wanted...)
			}
			return meets
		})
		all = append(all, c)
	}
	return all
}
