package discover

import (
	"cmp"
	"slices"
	"strings"
)

// set are groups of one line and ring whose names are in the same accounts and Regions,
// and that the same refresh suits: a group of one is empty meanwhile unless it may double.
type set struct {
	line, ring string
	single     bool
	groups     []Group
}

// place is an account's Region.
type place struct{ account, region string }

// sets puts groups together as fleets may have them: names first by where they are.
func sets(groups []Group) []set {
	type name struct {
		line, ring, name string
		single           bool
	}
	at := map[name][]Group{}
	var order []name
	for _, g := range groups {
		if g.Fleet != "" || g.Line == "" || g.Blocked() {
			continue
		}
		n := name{g.Line, g.Ring, g.Name, g.Desired == 1}
		if at[n] == nil {
			order = append(order, n)
		}
		at[n] = append(at[n], g)
	}
	var out []set
	for _, n := range order {
		k := slices.IndexFunc(out, func(s set) bool {
			return s.line == n.line && s.ring == n.ring && s.single == n.single && slices.Equal(places(s.groups), places(at[n]))
		})
		if k < 0 {
			out, k = append(out, set{line: n.line, ring: n.ring, single: n.single}), len(out)
		}
		out[k].groups = append(out[k].groups, at[n]...)
	}
	return out
}

// places are where groups are, each once, in order.
func places(groups []Group) []place {
	var out []place
	for _, g := range groups {
		out = append(out, place{g.Account, g.Region})
	}
	slices.SortFunc(out, func(a, b place) int {
		return cmp.Or(strings.Compare(a.account, b.account), strings.Compare(a.region, b.region))
	})
	return slices.Compact(out)
}

// part is a fleet block.
type part struct {
	set
	accounts, regions []string
	strange           string // an account without an account block
}

// parts are the blocks of a set. A block is in every one of its Regions of every one of
// its accounts, so accounts go together only where the set is in the same Regions of
// them.
func (s set) parts(accounts []Account) []part {
	var ids []string
	for _, p := range places(s.groups) {
		ids = addOnce(ids, p.account)
	}
	var out []part
	for _, id := range ids {
		var mine []Group
		var regions []string
		for _, g := range s.groups {
			if g.Account != id {
				continue
			}
			mine = append(mine, g)
			if g.Region != "" {
				regions = addOnce(regions, g.Region)
			}
		}
		slices.Sort(regions)
		p := part{set: set{s.line, s.ring, s.single, mine}, regions: regions}
		at := slices.IndexFunc(accounts, func(a Account) bool { return a.ID == id })
		switch {
		case at >= 0:
			p.accounts = []string{accounts[at].Label}
		default:
			p.strange = id
		}
		k := slices.IndexFunc(out, func(o part) bool {
			return p.strange == "" && o.strange == "" && slices.Equal(o.regions, p.regions)
		})
		if k < 0 {
			out = append(out, p)
			continue
		}
		out[k].groups, out[k].accounts = append(out[k].groups, mine...), append(out[k].accounts, p.accounts...)
	}
	return out
}
