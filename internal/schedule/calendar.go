package schedule

import (
	"fmt"
	"slices"
	"time"
)

// Freeze is a time in which nothing may begin.
type Freeze struct {
	Name string    `json:"name"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Calendar is the windows of which one must be open, and the freezes of which none may
// hold. Without windows every time is open.
type Calendar struct {
	Windows []Window `json:"windows,omitempty"`
	Freezes []Freeze `json:"freezes,omitempty"`
}

// Look is what a calendar says about a moment.
type Look struct {
	Open bool
	// Until is when an open calendar closes; zero: it is open for at least the next
	// 35 days.
	Until time.Time
	// Opens is when a closed calendar opens; zero: never.
	Opens time.Time
	// Why says in words what closes it, now or at Until.
	Why string
}

const (
	// horizon is how far ahead a close is looked for.
	horizon = 35 * 24 * time.Hour
	// steps bounds how often freezes and windows may take turns until one lets through.
	steps = 1000
)

// Look tells whether work may begin at t, how long, or when.
func (c Calendar) Look(t time.Time) Look {
	if f, ok := c.frozen(t); ok {
		opens, _ := c.opening(t)
		return Look{Why: fmt.Sprintf("freeze %q holds until %s", f.Name, f.To.UTC().Format(time.RFC3339)), Opens: opens}
	}
	if !c.inWindow(t) {
		opens, _ := c.opening(t)
		return Look{Why: "no window is open", Opens: opens}
	}
	until, why := c.closing(t)
	return Look{Open: true, Until: until, Why: why}
}

// Never says that nothing may begin from t on, whatever the wait.
func (l Look) Never() bool { return !l.Open && l.Opens.IsZero() }

func (c Calendar) frozen(t time.Time) (Freeze, bool) {
	at := slices.IndexFunc(c.Freezes, func(f Freeze) bool { return Span{f.From, f.To}.holds(t) })
	if at < 0 {
		return Freeze{}, false
	}
	return c.Freezes[at], true
}

func (c Calendar) inWindow(t time.Time) bool {
	return len(c.Windows) == 0 || slices.ContainsFunc(c.Windows, func(w Window) bool { _, in := w.In(t); return in })
}

// opening is the first moment from t on at which no freeze holds and a window is open.
func (c Calendar) opening(t time.Time) (time.Time, bool) {
	for range steps {
		if f, ok := c.frozen(t); ok {
			t = f.To
			continue
		}
		if c.inWindow(t) {
			return t, true
		}
		var first time.Time
		for _, w := range c.Windows {
			if at, ok := w.Next(t); ok && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
		if first.IsZero() {
			return time.Time{}, false
		}
		// Windows that open within a freeze are skipped at once, by its end.
		t = first
	}
	return time.Time{}, false
}

// closing is when the calendar, which is open at t, closes, and by what.
func (c Calendar) closing(t time.Time) (time.Time, string) {
	end, why := time.Time{}, ""
	if len(c.Windows) > 0 {
		end, why = t, "the window closes"
		for end.Before(t.Add(horizon)) {
			later := end
			for _, w := range c.Windows {
				if s, in := w.In(end); in && s.To.After(later) {
					later = s.To
				}
			}
			if later.Equal(end) {
				break
			}
			end = later
		}
		if !end.Before(t.Add(horizon)) {
			end, why = time.Time{}, ""
		}
	}
	for _, f := range c.Freezes {
		if f.From.After(t) && f.From.Before(t.Add(horizon)) && f.To.After(f.From) && (end.IsZero() || f.From.Before(end)) {
			end, why = f.From, fmt.Sprintf("freeze %q begins", f.Name)
		}
	}
	return end, why
}

// Opening is when the calendar is open first, from t on, and when it closes again. A
// zero opening: never; a zero close: not within the 35 days after.
func (c Calendar) Opening(t time.Time) (opens, closes time.Time) {
	opens, ok := c.opening(t)
	if !ok {
		return time.Time{}, time.Time{}
	}
	closes, _ = c.closing(opens)
	return opens, closes
}
