package gate

import (
	"context"
	"fmt"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/schedule"
	"github.com/goldenami/rehydrate/internal/unit"
)

// beforeState is the state of Before.
type beforeState struct {
	ended
	Decision *unit.Decision `json:"decision,omitempty"`
	Opens    time.Time      `json:"opens,omitzero"` // what is waited for
	Blind    time.Time      `json:"blind,omitzero"` // since when alarms cannot be read
}

// Before lets a ring begin: approved, in an open window, in no freeze, and with none of
// its alarms on. It ends with Pass, Refused, Closed or Unknown.
func Before(g RingGate) unit.Unit {
	return unit.Func("roll.before", g.before)
}

func (g RingGate) before(ctx context.Context, s *beforeState) (unit.Next, error) {
	if g.Approval != "" && s.Decision == nil {
		d, ok := unit.DecisionOf(ctx)
		if !ok {
			return unit.Next{Approval: g.asks()}, nil
		}
		s.Decision = &d
		g.tell(event.Found, "ring "+g.Ring+" is "+d.Words())
	}
	if s.Decision != nil && !s.Decision.Approved {
		g.end(&s.ended, Refused, "ring "+g.Ring+" is "+s.Decision.Words())
		return unit.Done(), nil
	}
	now := g.Clock.Now()
	look := g.Calendar.Look(now)
	switch {
	case look.Never():
		g.end(&s.ended, Closed, fmt.Sprintf("ring %s may not begin: %s, and no window opens any more", g.Ring, look.Why))
		return unit.Done(), nil
	case !look.Open:
		if !s.Opens.Equal(look.Opens) {
			s.Opens = look.Opens
			// Of the kinds that listeners hear by default: somebody may be waiting for it.
			g.tell(event.Changed, fmt.Sprintf("ring %s waits until %s: %s", g.Ring, stamp(look.Opens), look.Why))
		}
		return unit.Again(look.Opens.Sub(now)), nil
	}
	return g.clear(ctx, s, now, look)
}

// asks is what the person who approves is asked.
func (g RingGate) asks() string { return fmt.Sprintf("ring %s by %s", g.Ring, g.Approval) }

// clear looks at the alarms before anything moves: a ring that begins under an alarm
// would be rolled back for what it did not do.
func (g RingGate) clear(ctx context.Context, s *beforeState, now time.Time, look schedule.Look) (unit.Next, error) {
	seen := g.look(ctx, time.Time{}, nil)
	if err := ctx.Err(); err != nil {
		return unit.Next{}, err
	}
	switch {
	case len(seen.on) > 0:
		g.end(&s.ended, Closed, fmt.Sprintf("ring %s does not begin under an alarm: %s", g.Ring, list(seen.on)))
		return unit.Done(), nil
	case len(seen.unread) > 0:
		if s.Blind.IsZero() {
			s.Blind = now
			g.tell(event.Warned, fmt.Sprintf("ring %s does not begin yet: %s", g.Ring, list(seen.unread)))
		}
		if left := s.Blind.Add(Patience).Sub(now); left > 0 {
			return unit.Next{After: min(Interval, left), Whole: left}, nil
		}
		g.end(&s.ended, Unknown, fmt.Sprintf("ring %s does not begin: for %s %s", g.Ring, Patience, list(seen.unread)))
		return unit.Done(), nil
	case len(seen.idle) > 0:
		g.tell(event.Warned, fmt.Sprintf("the soak of ring %s cannot end well before every alarm is OK: %s", g.Ring, list(seen.idle)))
	}
	s.Blind = time.Time{}
	g.within(now, look)
	g.end(&s.ended, Pass, "ring "+g.Ring+" may begin")
	return unit.Done(), nil
}

// within says so when the roll is not expected to end while the window is open.
func (g RingGate) within(now time.Time, look schedule.Look) {
	if look.Until.IsZero() || g.Expected == 0 || !now.Add(g.Expected).After(look.Until) {
		return
	}
	g.tell(event.Warned, fmt.Sprintf("ring %s is expected to take until %s, but at %s %s: no group begins after that",
		g.Ring, stamp(now.Add(g.Expected)), stamp(look.Until), look.Why))
}
