package wua

import (
	"fmt"
	"slices"
	"strings"
)

// knowledge is a KB with the updates that carry it. One KB may be several updates (the
// monthly removal tool, one update for each version of .NET), and one update may carry
// several KBs; a baseline judges KBs, the agent installs updates.
type knowledge struct {
	kb      string
	members []int    // indices of updates
	open    []int    // members that are to be installed before the KB counts as installed
	gone    bool     // every member is superseded
	over    []string // the KBs that supersede it, if gone
}

// group sorts the updates by KB and works out which of them still count.
func (a *Answer) group() error {
	over, err := a.superseders()
	if err != nil {
		return err
	}
	index := map[string]int{}
	for i, u := range a.Updates {
		for _, kb := range distinct(u.KBs) {
			at, ok := index[kb]
			if !ok {
				at = len(a.kbs)
				index[kb] = at
				a.kbs = append(a.kbs, knowledge{kb: kb, gone: true})
			}
			k := &a.kbs[at]
			k.members = append(k.members, i)
			k.gone = k.gone && len(over[i]) > 0
			if !a.present(i) && len(over[i]) == 0 {
				k.open = append(k.open, i)
			}
		}
	}
	for at := range a.kbs {
		if k := &a.kbs[at]; k.gone {
			for _, i := range k.members {
				for _, by := range over[i] {
					k.over = append(k.over, a.Updates[by].KBs...)
				}
			}
			k.over = distinct(k.over)
		}
	}
	slices.SortFunc(a.kbs, func(x, y knowledge) int { return strings.Compare(x.kb, y.kb) })
	return nil
}

// present says that an update is installed, or will be after a restart.
func (a *Answer) present(i int) bool { return a.Updates[i].Installed || a.Updates[i].RebootRequired }

// superseders lists for every update those of the answer that supersede it. Updates
// without a KB do not count (specification §4). A circle is an error: all of it would
// vanish from the catalogue, and nothing of it would be missing.
func (a *Answer) superseders() ([][]int, error) {
	index := make(map[string]int, len(a.Updates))
	for i, u := range a.Updates {
		index[u.ID] = i
	}
	over := make([][]int, len(a.Updates))
	for i, u := range a.Updates {
		if len(u.KBs) == 0 {
			continue
		}
		for _, id := range distinct(u.Supersedes) {
			if old, ok := index[id]; ok {
				over[old] = append(over[old], i)
			}
		}
	}
	if i := circle(over); i >= 0 {
		return nil, fmt.Errorf("update %s supersedes itself, through others or at once", a.Updates[i].ID)
	}
	return over, nil
}

// circle is a node of a circle in a graph, or -1: what is left when nodes that nothing
// points from are taken away again and again.
func circle(edges [][]int) int {
	left := make([]int, len(edges)) // edges that leave a node
	into := make([][]int, len(edges))
	var free []int
	for i, to := range edges {
		left[i] = len(to)
		if len(to) == 0 {
			free = append(free, i)
		}
		for _, j := range to {
			into[j] = append(into[j], i)
		}
	}
	for n := 0; n < len(free); n++ {
		for _, i := range into[free[n]] {
			if left[i]--; left[i] == 0 {
				free = append(free, i)
			}
		}
	}
	return slices.IndexFunc(left, func(n int) bool { return n > 0 })
}

func distinct(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}
