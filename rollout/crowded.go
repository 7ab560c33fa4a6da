package rollout

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// share is what a group may want of its subnets in one Availability Zone at the worst
// moment: Auto Scaling spreads the surge over the zones.
type share struct {
	ring, group, zone string
	subnets           map[string]bool // the group's in that zone
	wanted            int
}

// crowded warns where subnets have fewer free addresses than the groups that launch
// only there, and may move at a time, may want. Each zone is judged by itself: free
// addresses of one are of no use in another.
func (x *cellReader) crowded(found []claimed, plans []GroupPlan) []PlanFinding {
	all := x.shares(found, plans)
	var out []PlanFinding
	for _, ring := range x.in.Rings {
		told := map[string]bool{} // groups, so that the largest set does not say it again
		for _, set := range pools(ring.Name, all) {
			f, groups, ok := x.short(ring, set, all)
			if !ok || !slices.ContainsFunc(groups, func(g string) bool { return !told[g] }) {
				continue
			}
			add(told, groups)
			out = append(out, PlanFinding{Cell: x.cell, Finding: f})
		}
	}
	return out
}

// shares are those of the groups with a surge. A group with a subnet that is not known
// has none: its room says so.
func (x *cellReader) shares(found []claimed, plans []GroupPlan) []share {
	var out []share
	for i, p := range plans {
		subnets := x.subnets(found[i].group)
		if known, _ := x.free(subnets); p.Nothing || p.Measured.Room.Wanted == 0 || !known {
			continue
		}
		zones := map[string]map[string]bool{}
		for _, s := range subnets {
			zone := x.look.subnets[s].Zone
			if zones[zone] == nil {
				zones[zone] = map[string]bool{}
			}
			zones[zone][s] = true
		}
		each := (p.Measured.Room.Wanted + len(zones) - 1) / len(zones)
		for _, zone := range slices.Sorted(maps.Keys(zones)) {
			out = append(out, share{p.Ring, p.Group, zone, zones[zone], each})
		}
	}
	return out
}

// pools are sets of subnets of one zone to look at: what each group has there, and all
// that groups have there which meet in some subnet; small sets first.
func pools(ring string, all []share) []map[string]bool {
	var out, joined []map[string]bool
	keep := func(list []map[string]bool, set map[string]bool) []map[string]bool {
		if slices.ContainsFunc(list, func(o map[string]bool) bool { return maps.Equal(o, set) }) {
			return list
		}
		return append(list, set)
	}
	for _, s := range all {
		if s.ring != ring {
			continue
		}
		out = keep(out, s.subnets)
		set := maps.Clone(s.subnets)
		joined = slices.DeleteFunc(joined, func(other map[string]bool) bool {
			meets := !apart(set, other)
			if meets {
				maps.Copy(set, other)
			}
			return meets
		})
		joined = append(joined, set)
	}
	for _, set := range joined {
		out = keep(out, set)
	}
	slices.SortStableFunc(out, func(a, b map[string]bool) int { return len(a) - len(b) })
	return out
}

func apart(a, b map[string]bool) bool {
	for s := range a {
		if b[s] {
			return false
		}
	}
	return true
}

func within(a, b map[string]bool) bool {
	for s := range a {
		if !b[s] {
			return false
		}
	}
	return true
}

// short says whether a set of subnets has too few addresses for the groups that launch
// nowhere else in the zone.
func (x *cellReader) short(ring Ring, set map[string]bool, all []share) (f Finding, groups []string, is bool) {
	var wanted []int
	zone := ""
	for _, s := range all {
		if s.ring == ring.Name && within(s.subnets, set) {
			wanted, groups, zone = append(wanted, s.wanted), append(groups, s.group), s.zone
		}
	}
	names := slices.Sorted(maps.Keys(set))
	_, free := x.free(names)
	most := ring.most(wanted)
	if most <= free {
		return Finding{}, nil, false
	}
	slices.Sort(groups)
	const shown = 3
	who := strings.Join(groups[:min(shown, len(groups))], ", ")
	if more := len(groups) - shown; more > 0 {
		who += fmt.Sprintf(" and %d more", more)
	}
	if n := ring.together(len(groups)); n < len(groups) {
		who = fmt.Sprintf("%d of %s at a time", n, who)
	}
	what, has := "subnet", "has"
	if len(names) > 1 {
		what, has = "subnets", "have"
	}
	return Finding{Warn: true, Hint: "widen it, give the groups another subnet of that zone, or lower concurrency or max_healthy",
		Text: fmt.Sprintf("%s %s%s (zone %s) %s %d free address%s; %s may want %d more there", what, strings.Join(names, ", "), x.cell.in(), or(zone, "unknown"), has, free, es(free), who, most)}, groups, true
}

func es(n int) string {
	if n == 1 {
		return ""
	}
	return "es"
}
