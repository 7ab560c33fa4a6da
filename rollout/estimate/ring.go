package estimate

import (
	"slices"
	"time"
)

// Placed is a group's time in its cell.
type Placed struct {
	Cell     string
	Duration Span
}

// Ring is how long groups take that begin in their order, at most overall at a time
// and perCell in each cell; 0 of either sets no limit. A group that may not begin
// yet keeps none back that may.
func Ring(groups []Placed, overall, perCell int) Span {
	return Span{
		Low:    lasts(groups, overall, perCell, func(s Span) time.Duration { return s.Low }),
		Likely: lasts(groups, overall, perCell, func(s Span) time.Duration { return s.Likely }),
		High:   lasts(groups, overall, perCell, func(s Span) time.Duration { return s.High }),
	}
}

// running is a group at work.
type running struct {
	cell string
	ends time.Duration
}

func lasts(groups []Placed, overall, perCell int, of func(Span) time.Duration) time.Duration {
	waiting := slices.Clone(groups)
	busy := map[string]int{}
	var now time.Duration
	var at []running // by end
	for len(waiting)+len(at) > 0 {
		waiting = slices.DeleteFunc(waiting, func(g Placed) bool {
			if overall > 0 && len(at) >= overall || perCell > 0 && busy[g.Cell] >= perCell {
				return false
			}
			busy[g.Cell]++
			r := running{g.Cell, now + of(g.Duration)}
			i, _ := slices.BinarySearchFunc(at, r, func(a, b running) int { return int(a.ends - b.ends) })
			at = slices.Insert(at, i, r)
			return true
		})
		now = at[0].ends
		busy[at[0].cell]--
		at = at[1:]
	}
	return now
}
