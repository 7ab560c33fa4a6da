package gate

import (
	"context"
	"fmt"
	"time"
)

// Exists is a Probe that can say beforehand whether what it looks at is there.
type Exists interface {
	// Exists returns "" or, in words, what is missing. An error: that is not known.
	Exists(ctx context.Context) (missing string, err error)
}

// Preflight looks, before a plan is made, for what would keep the ring from beginning or
// from ending well. Refusals stand in the way of the plan; remarks are worth a line.
func Preflight(ctx context.Context, g RingGate) (refusals, remarks []string) {
	seen := g.look(ctx, time.Time{}, nil)
	refusals = append(refusals, seen.unread...)
	for _, on := range seen.on {
		remarks = append(remarks, on+": the ring would not begin")
	}
	for _, idle := range seen.idle {
		remarks = append(remarks, idle+": the soak ends well only when it is OK; treat_missing_data = notBreaching makes an alarm without data OK")
	}
	for _, c := range g.Checks {
		e, ok := c.Probe.(Exists)
		if !ok {
			continue
		}
		missing, err := e.Exists(ctx)
		switch {
		case err != nil:
			refusals = append(refusals, fmt.Sprintf("check %s could not be looked at: %s", c.Name, err))
		case missing != "":
			refusals = append(refusals, fmt.Sprintf("check %s: %s", c.Name, missing))
		}
	}
	late, early := g.fits(g.Clock.Now())
	return append(refusals, late...), append(remarks, early...)
}

// fits says when the ring may begin, and whether it is expected to fit.
func (g RingGate) fits(now time.Time) (refusals, remarks []string) {
	opens, closes := g.Calendar.Opening(now)
	switch {
	case opens.IsZero():
		return []string{fmt.Sprintf("no window of ring %s opens from %s on", g.Ring, stamp(now))}, nil
	case opens.After(now):
		remarks = append(remarks, fmt.Sprintf("ring %s waits until %s: %s", g.Ring, stamp(opens), g.Calendar.Look(now).Why))
	}
	if g.Expected > 0 && !closes.IsZero() && opens.Add(g.Expected).After(closes) {
		remarks = append(remarks, fmt.Sprintf("ring %s is expected to take %s, but may begin groups for %s only", g.Ring, g.Expected.Round(time.Minute), closes.Sub(opens).Round(time.Minute)))
	}
	return nil, remarks
}
