package gate

import (
	"context"
	"fmt"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/unit"
)

// afterState is the state of After. It changes only when something does, so that a
// soak of many looks has few records.
type afterState struct {
	ended
	Began time.Time            `json:"began,omitzero"` // since when alarms count
	Ends  time.Time            `json:"ends,omitzero"`  // of the soak
	Blind time.Time            `json:"blind,omitzero"` // since when something is unknown or not good
	Bad   map[string]int       `json:"bad,omitempty"`  // a check's bad looks in a row
	Seen  map[string]time.Time `json:"seen,omitempty"` // changes of alarms that were looked into
}

// After watches a ring that has rolled. It ends with
//
//   - Rollback when an alarm is in ALARM, or was since the ring began, or when a check
//     was bad as many times in a row as it may not be;
//   - Pass when the soak is over and, in one look, every alarm is OK and every check
//     good;
//   - Unknown when that look does not come within Patience of the soak's end.
//
// The soak counts by the run's clock from its first Advance, whichever process watches.
// Alarms of a time in which none did are found in their history.
func After(g RingGate) unit.Unit {
	w := &watcher{RingGate: g, ran: map[string]glance{}}
	return unit.Func("roll.after", w.after)
}

// watcher remembers within one process when each check was made, and what it found.
type watcher struct {
	RingGate
	ran map[string]glance
}

type glance struct {
	at     time.Time
	health Health
	text   string
}

func (w *watcher) after(ctx context.Context, s *afterState) (unit.Next, error) {
	now := w.Clock.Now()
	if s.Ends.IsZero() {
		s.Began, s.Ends = w.Began, now.Add(w.Soak)
		if s.Began.IsZero() {
			s.Began = now
		}
		if w.Soak > 0 {
			w.tell(event.Progress, fmt.Sprintf("ring %s soaks for %s, until %s", w.Ring, w.Soak, stamp(s.Ends)))
		}
	}
	over := !now.Before(s.Ends)
	seen := w.look(ctx, s.Began, s.Seen)
	checks := w.check(ctx, s, now, over)
	if err := ctx.Err(); err != nil {
		return unit.Next{}, err
	}
	s.Seen = seen.since
	if bad := append(seen.on, checks.failed...); len(bad) > 0 {
		w.end(&s.ended, Rollback, fmt.Sprintf("ring %s is not well: %s", w.Ring, list(bad)))
		return unit.Done(), nil
	}
	return w.decide(s, now, over, append(append(seen.unread, seen.idle...), checks.doubtful...))
}

// decide ends the soak or goes on with it; doubts are what is not known to be good.
func (w *watcher) decide(s *afterState, now time.Time, over bool, doubts []string) (unit.Next, error) {
	switch {
	case len(doubts) == 0 && !s.Blind.IsZero():
		s.Blind = time.Time{}
		w.tell(event.Found, "ring "+w.Ring+": everything that is watched is known and good again")
	case len(doubts) > 0 && s.Blind.IsZero():
		s.Blind = now
		w.tell(event.Warned, fmt.Sprintf("ring %s: %s", w.Ring, list(doubts)))
	}
	if !over {
		left := s.Ends.Sub(now)
		return unit.Next{After: min(w.pace(), left), Whole: left}, nil
	}
	if len(doubts) == 0 {
		w.end(&s.ended, Pass, w.passed())
		return unit.Done(), nil
	}
	// Patience counts from the end of the soak, or from when doubt came up after it.
	since := s.Ends
	if s.Blind.After(since) {
		since = s.Blind
	}
	if left := since.Add(Patience).Sub(now); left > 0 {
		return unit.Next{After: min(w.pace(), left), Whole: left}, nil
	}
	w.end(&s.ended, Unknown, fmt.Sprintf("ring %s cannot be said to be well, %s after its soak: %s", w.Ring, Patience, list(doubts)))
	return unit.Done(), nil
}

func (w *watcher) passed() string {
	switch {
	case len(w.Alarms)+len(w.Checks) > 0:
		return fmt.Sprintf("ring %s is well: %d alarms OK, %d checks good after %s", w.Ring, len(w.Alarms), len(w.Checks), w.Soak)
	case w.Soak > 0:
		return fmt.Sprintf("ring %s has soaked for %s; nothing was watched", w.Ring, w.Soak)
	}
	return "ring " + w.Ring + " has no soak"
}

// pace is the time between looks; without anything to look at the soak is one wait.
func (w *watcher) pace() time.Duration {
	pace := Interval
	if len(w.Alarms)+len(w.Checks) == 0 {
		pace = w.Soak
	}
	for _, c := range w.Checks {
		pace = min(pace, every(c))
	}
	return pace
}

func every(c Check) time.Duration {
	if c.Every <= 0 {
		return Interval
	}
	return c.Every
}

// findings are what the checks say.
type findings struct{ failed, doubtful []string }

// check makes the checks whose turn it is. At the end of the soak those that were good
// are made once more; those that were not keep their distance.
func (w *watcher) check(ctx context.Context, s *afterState, now time.Time, over bool) findings {
	var f findings
	for _, c := range w.Checks {
		last, ran := w.ran[c.Name]
		if ran && now.Sub(last.at) < every(c) && !(over && last.health == Good) {
			if last.health != Good {
				f.doubtful = append(f.doubtful, last.text)
			}
			continue
		}
		health, text := c.Probe.Look(ctx)
		w.ran[c.Name] = w.count(s, &f, c, glance{at: now, health: health, text: text})
	}
	return f
}

// count takes over what a check has found, and puts it into words.
func (w *watcher) count(s *afterState, f *findings, c Check, g glance) glance {
	switch g.health {
	case Good:
		delete(s.Bad, c.Name)
		return g
	case Bad:
		if s.Bad == nil {
			s.Bad = map[string]int{}
		}
		s.Bad[c.Name]++
		if n := s.Bad[c.Name]; n >= max(c.Failures, 1) {
			f.failed = append(f.failed, fmt.Sprintf("check %s was bad %d times in a row: %s", c.Name, n, g.text))
			return g
		}
		g.text = fmt.Sprintf("check %s: %s", c.Name, g.text)
	default:
		g.text = fmt.Sprintf("check %s could not be made: %s", c.Name, g.text)
	}
	f.doubtful = append(f.doubtful, g.text)
	return g
}
