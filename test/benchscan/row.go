//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Sample is the outcome of one run of a side.
type Sample struct {
	Value float64  // in the unit of the row
	Set   []string // the answer, in any order; nil: there is nothing to compare
}

// Side is one way to do a task.
type Side struct {
	Name string
	// Also says what this side does in addition to the task, or that it does nothing.
	Also string
	Run  func(context.Context) (Sample, error)
}

// Row is one comparison, or one figure with a limit.
type Row struct {
	Task string
	Unit string // of the samples: "ms", "MB", "blocks"
	Bar  Bar
	Ours Side
	Peer Side // without Run: Ours alone is held to the bar
	Runs int  // 0: as many as were asked for; less is for what is slow or never varies
}

// Bar is what a row is held to.
type Bar struct {
	kind  string
	limit float64
}

// AtLeast wants the peer's median to be at least times ours.
func AtLeast(times float64) Bar { return Bar{"at least", times} }

// Within wants our median to be at most times the peer's.
func Within(times float64) Bar { return Bar{"within", times} }

// AtMost wants our median to be no more than limit, in the row's unit.
func AtMost(limit float64) Bar { return Bar{"at most", limit} }

// Shown sets no bar: the figure is given for orientation.
func Shown() Bar { return Bar{} }

func (b Bar) text(unit string) string {
	switch b.kind {
	case "at least":
		return fmt.Sprintf("≥ %g× faster", b.limit)
	case "within":
		return fmt.Sprintf("≤ %g× its time", b.limit)
	case "at most":
		return fmt.Sprintf("≤ %g %s", b.limit, unit)
	}
	return "none"
}

// met reports whether the medians meet the bar; peer is 0 when there is none.
func (b Bar) met(ours, peer float64) bool {
	switch b.kind {
	case "at least":
		return peer >= b.limit*ours
	case "within":
		return ours <= b.limit*peer
	case "at most":
		return ours <= b.limit
	}
	return true
}

// result is a measured row.
type result struct {
	Row
	ours, peer []float64 // sorted
	differ     []string  // differences between the answers
	err        error
}

func (r *result) failed() bool {
	return r.err != nil || len(r.differ) > 0 || !r.Bar.met(median(r.ours), median(r.peer))
}

// measure runs both sides once unmeasured, so that both are warm, and then runs
// times in turn, so that whatever else the machine does hits both alike. Every pair
// of answers is compared.
func measure(ctx context.Context, row Row, runs int) *result {
	r := &result{Row: row}
	if row.Runs > 0 {
		runs = row.Runs
	}
	for i := range runs + 1 {
		if r.err = r.once(ctx, i > 0); r.err != nil || len(r.differ) > 0 {
			return r
		}
	}
	slices.Sort(r.ours)
	slices.Sort(r.peer)
	return r
}

func (r *result) once(ctx context.Context, counts bool) error {
	ours, err := r.Ours.Run(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Ours.Name, err)
	}
	if counts {
		r.ours = append(r.ours, ours.Value)
	}
	if r.Peer.Run == nil {
		return nil
	}
	peer, err := r.Peer.Run(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Peer.Name, err)
	}
	if counts {
		r.peer = append(r.peer, peer.Value)
	}
	if (ours.Set == nil) != (peer.Set == nil) {
		return errors.New("only one side gives an answer to compare")
	}
	r.differ = differences(ours.Set, peer.Set)
	return nil
}

// differences lists what only one of two answers has.
func differences(ours, peer []string) []string {
	var out []string
	count := map[string]int{}
	for _, s := range ours {
		count[s]++
	}
	for _, s := range peer {
		count[s]--
	}
	for s, n := range count {
		switch {
		case n > 0:
			out = append(out, "only ours: "+s)
		case n < 0:
			out = append(out, "only the peer's: "+s)
		}
	}
	slices.Sort(out)
	return out
}

// median of sorted values; 0 of none.
func median(v []float64) float64 {
	switch n := len(v); {
	case n == 0:
		return 0
	case n%2 == 1:
		return v[n/2]
	default:
		return (v[n/2-1] + v[n/2]) / 2
	}
}
