package schedule

import (
	"fmt"
	"time"

	_ "time/tzdata" // systems without a zone database, Windows above all, have windows too
)

// The bounds of a window. Systems Manager's maintenance windows last 1 to 24 hours and
// are moved by at most 6 days (CreateMaintenanceWindow: Duration, ScheduleOffset);
// ours may last up to a week.
const (
	MinWindow = 10 * time.Minute
	MaxWindow = 7 * 24 * time.Hour
	MaxOffset = 6
)

// Window is a time in which work may begin, again and again.
//
// It opens at the occurrences of a cron or at expression. An opening that a change of
// clocks leaves out is at the moment of the change: a monthly window must not be lost.
// The duration is real time, so on such days a window may close an hour off.
type Window struct {
	Opens    Schedule      `json:"opens"`
	Offset   int           `json:"offset,omitempty"` // whole days later
	Duration time.Duration `json:"duration"`
	Zone     string        `json:"zone,omitempty"` // IANA name; empty: UTC
}

// Validate says what is wrong with a window.
func (w Window) Validate() error {
	switch kind := w.Opens.Kind(); {
	case kind != "cron" && kind != "at":
		return fmt.Errorf("a window opens by cron(...) or at(...), not by %q", w.Opens.String())
	case w.Offset < 0 || w.Offset > MaxOffset:
		return fmt.Errorf("an offset of %d days; 0 to %d", w.Offset, MaxOffset)
	case w.Duration < MinWindow || w.Duration > MaxWindow:
		return fmt.Errorf("a duration of %s; %s to %s", w.Duration, MinWindow, MaxWindow)
	case kind == "cron" && w.Opens.cron.minutes.size() != 1:
		return fmt.Errorf("%s opens several times an hour; name one minute", w.Opens)
	}
	_, err := LoadZone(w.Zone)
	return err
}

// LoadZone finds a time zone by its IANA name; an empty one is UTC. The machine's own
// zone has no name, so that a configuration means the same everywhere.
func LoadZone(name string) (*time.Location, error) {
	if name == "Local" {
		return nil, fmt.Errorf("time zone Local differs from machine to machine; write a name such as Europe/Berlin")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("unknown time zone %q; write a name such as Europe/Berlin or UTC", name)
	}
	return zone, nil
}

// String is the window in words.
func (w Window) String() string {
	zone := w.Zone
	if zone == "" {
		zone = "UTC"
	}
	text := fmt.Sprintf("%s for %s in %s", w.Opens, w.Duration, zone)
	if w.Offset > 0 {
		text = fmt.Sprintf("%d days after %s", w.Offset, text)
	}
	return text
}

// Next is the first opening after t, false if there is none any more.
func (w Window) Next(t time.Time) (time.Time, bool) {
	zone, err := LoadZone(w.Zone)
	if err != nil {
		return time.Time{}, false
	}
	return w.Opens.next(t, zone, w.Offset, true)
}

// Span is a time from From up to but not including To.
type Span struct {
	From, To time.Time
}

func (s Span) holds(t time.Time) bool { return !t.Before(s.From) && t.Before(s.To) }

// In is the span of the window that t lies in. Where openings come before the window
// has closed, it is that of the last one that had opened by t.
func (w Window) In(t time.Time) (Span, bool) {
	zone, err := LoadZone(w.Zone)
	if err != nil {
		return Span{}, false
	}
	from, ok := w.Opens.last(t, t.Add(-w.Duration), zone, w.Offset)
	in := Span{from, from.Add(w.Duration)}
	return in, ok && in.holds(t)
}
