package rehearse

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// cutWidth is the width in which a wait is drawn that is cut out of the axis of time.
const cutWidth = 46.0

// cutLeast is the shortest wait, in seconds, that is cut out.
const cutLeast = 600.0

// span is a part of the time, in seconds.
type span struct{ from, to float64 }

// axis maps time to places from left to right. Waits that are long beside all the rest
// are cut: drawn in a fixed width, because nothing happens in them.
type axis struct {
	until       float64 // seconds at the right edge
	left, right float64
	cuts        []span
	each        float64 // width of a second outside of cuts
}

// axisOf is an axis over all the time, with its long waits cut out.
func axisOf(until float64, waits []Wait, left, right float64) axis {
	a := axis{until: math.Max(until, 1), left: left, right: right}
	all := merged(waits)
	rest := a.until
	for _, s := range all {
		rest -= s.to - s.from
	}
	for _, s := range all {
		if s.to-s.from >= math.Max(rest/2, cutLeast) {
			a.cuts = append(a.cuts, s)
		}
	}
	kept := a.until
	for _, s := range a.cuts {
		kept -= s.to - s.from
	}
	if width := right - left - cutWidth*float64(len(a.cuts)); width > (right-left)/3 {
		a.each = width / math.Max(kept, 1)
	} else { // too many to be cut
		a.cuts, a.each = nil, (right-left)/a.until
	}
	return a
}

// merged are the times of waits, in order, those that touch put together.
func merged(waits []Wait) (out []span) {
	waits = slices.SortedFunc(slices.Values(waits), func(a, b Wait) int { return cmp.Compare(a.From, b.From) })
	for _, w := range waits {
		switch n := len(out); {
		case w.To <= w.From:
		case n > 0 && w.From <= out[n-1].to:
			out[n-1].to = math.Max(out[n-1].to, w.To)
		default:
			out = append(out, span{w.From, w.To})
		}
	}
	return out
}

// x is where a time is.
func (a axis) x(s float64) float64 {
	at := a.left + a.each*s
	for _, c := range a.cuts {
		switch {
		case s >= c.to:
			at += cutWidth - a.each*(c.to-c.from)
		case s > c.from:
			at += (cutWidth - a.each*(c.to-c.from)) * (s - c.from) / (c.to - c.from)
		}
	}
	return math.Min(math.Max(at, a.left), a.right)
}

// steps are the distances between marks on the axis of time.
var steps = []time.Duration{10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour}

// marks are the times that are written below the axis: round ones outside of cuts, about
// eight of them, and none so close to the next that they would touch.
func (a axis) marks() (out []float64) {
	kept := (a.right - a.left - cutWidth*float64(len(a.cuts))) / a.each
	step := steps[len(steps)-1].Seconds()
	for _, s := range steps {
		if kept/s.Seconds() <= 8 {
			step = s.Seconds()
			break
		}
	}
	from := 0.0
	for _, c := range append(slices.Clone(a.cuts), span{from: math.Nextafter(a.until, math.Inf(1)), to: math.Inf(1)}) {
		for v := math.Ceil(from/step) * step; v < c.from; v += step {
			if n := len(out); n == 0 || a.x(v)-a.x(out[n-1]) >= 55 {
				out = append(out, v)
			}
		}
		from = c.to
	}
	return out
}
