package rollout

import (
	"slices"
	"time"

	"github.com/goldenami/rehydrate/rollout/estimate"
)

// Estimate is how long a group's refresh may take, and what its surge may cost.
type Estimate struct {
	estimate.Refresh
	Cost *estimate.Cost `json:"cost,omitempty"` // of the surge; nil: no price is known
}

// RingMeasured are the figures of a ring.
type RingMeasured struct {
	Duration estimate.Span  `json:"duration"` // without the soak
	Surge    estimate.Hours `json:"surge"`
	Cost     *estimate.Cost `json:"cost,omitempty"` // nil: the price of a group is not known
	Window   *Window        `json:"window,omitempty"`
}

// Window is the ring's next window, and whether the ring fits into it.
type Window struct {
	Opens  time.Time `json:"opens,omitzero"`
	Closes time.Time `json:"closes,omitzero"` // zero: not soon
	// Open says that it is open already when the ring is to begin.
	Open bool `json:"open,omitempty"`
	// Fits says that even the longest estimate ends before the window closes; Likely
	// that the likely one does. A window that never opens fits nothing.
	Fits   bool `json:"fits"`
	Likely bool `json:"likely"`
}

// measured are the values of a group that may move.
func (x *cellReader) measured(g Group) Measured {
	m := Measured{Min: g.Min, Max: g.Max, Desired: g.Desired}
	for _, i := range g.Instances {
		m.Instances = append(m.Instances, i.ID)
		if i.State == InService {
			m.InService++
		}
		if x.images[i.ID] == x.in.image(x.cell) {
			m.OnImage++
		}
	}
	return m
}

// estimate is how long the group's refresh may take.
func (x *cellReader) estimate(g Group, p GroupPlan) Estimate {
	if p.Nothing {
		return Estimate{}
	}
	pref, b := p.Preferences, p.Measured.Bounds
	in := estimate.Group{Desired: g.Desired, Replace: len(g.Instances) - p.Measured.OnImage, Floor: b.Floor, Ceiling: b.Ceiling,
		Balanced: g.Balanced, Warmup: g.Warmup, Checkpoints: pref.Checkpoints, CheckpointDelay: pref.CheckpointDelay, Soak: pref.Soak}
	if b.Units { // steps are of instances, and each may be the heaviest
		step := max(1, (b.Ceiling-b.Floor)/max(1, g.MaxWeight))
		in.Ceiling = in.Desired + surge(g, b)
		in.Floor = in.Ceiling - step
	}
	if pref.Warmup != nil {
		in.Warmup = pref.Warmup
	}
	if len(pref.Checkpoints) > 0 && pref.CheckpointDelay == 0 {
		in.CheckpointDelay = time.Hour // the API's own
	}
	e := Estimate{Refresh: estimate.Default().Of(in)}
	if price, ok := x.in.Prices.Hourly(x.cell.Region, x.types(g, p)); ok {
		e.Cost = x.in.Prices.Cost(e.Surge, price)
	}
	return e
}

// measure adds up each ring, and sees whether it fits into its window. A ring begins
// when the one before has likely ended and soaked.
func (p *Plan) measure(in Input) {
	begins := p.At
	for i := range p.Rings {
		ring := &p.Rings[i]
		m := &RingMeasured{}
		var groups []estimate.Placed
		cost, priced := estimate.Cost{}, true
		for _, g := range ring.Groups {
			e := g.Measured.Estimate
			groups = append(groups, estimate.Placed{Cell: g.Cell.String(), Duration: e.Duration})
			m.Surge = m.Surge.Plus(e.Surge)
			switch {
			case e.Cost != nil:
				cost = estimate.Cost{Currency: e.Cost.Currency, Low: cost.Low + e.Cost.Low, Likely: cost.Likely + e.Cost.Likely, High: cost.High + e.Cost.High}
			case e.Surge.High > 0:
				priced = false
			}
		}
		if priced && cost.Currency != "" {
			m.Cost = &cost
		}
		at := slices.IndexFunc(in.Rings, func(r Ring) bool { return r.Name == ring.Name })
		m.Duration = estimate.Ring(groups, max(1, in.Rings[at].Concurrency), in.Rings[at].PerCell)
		if in.Rings[at].Opens != nil {
			m.Window = fits(in.Rings[at].Opens, begins, m.Duration)
			if m.Window.Opens.After(begins) {
				begins = m.Window.Opens
			}
		}
		ring.Measured = m
		begins = begins.Add(m.Duration.Likely + ring.Soak)
	}
}

func fits(next func(time.Time) (time.Time, time.Time), from time.Time, d estimate.Span) *Window {
	opens, closes := next(from)
	w := &Window{Opens: opens, Closes: closes}
	if opens.IsZero() {
		return w
	}
	w.Open = !opens.After(from)
	begin := from
	if opens.After(begin) {
		begin = opens
	}
	w.Fits = closes.IsZero() || !begin.Add(d.High).After(closes)
	w.Likely = closes.IsZero() || !begin.Add(d.Likely).After(closes)
	return w
}
