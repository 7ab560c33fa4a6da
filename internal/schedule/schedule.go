package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// longest is the longest expression that AWS takes, in characters (EventBridge,
// PutRule: ScheduleExpression).
const longest = 256

// Schedule is a parsed expression. The zero Schedule never falls due. Its JSON form is
// the expression.
type Schedule struct {
	text string
	cron *cron
	at   wall
	rate time.Duration
}

// Parse reads cron(...), rate(...) or at(...).
func Parse(text string) (Schedule, error) {
	s := Schedule{text: text}
	if len(text) > longest {
		return Schedule{}, fmt.Errorf("read schedule: %d characters, at most %d", len(text), longest)
	}
	kind, rest, open := strings.Cut(text, "(")
	body, closed := strings.CutSuffix(rest, ")")
	if !open || !closed {
		return Schedule{}, fmt.Errorf("read schedule %q: write cron(...), rate(...) or at(...)", text)
	}
	var err error
	switch kind {
	case "cron":
		s.cron, err = parseCron(body)
	case "rate":
		s.rate, err = parseRate(body)
	case "at":
		s.at, err = parseAt(body)
	default:
		err = fmt.Errorf("unknown kind %q: cron, rate or at", kind)
	}
	if err != nil {
		return Schedule{}, fmt.Errorf("read schedule %q: %w", text, err)
	}
	return s, nil
}

// String is the expression as it was written.
func (s Schedule) String() string { return s.text }

// MarshalText gives the expression.
func (s Schedule) MarshalText() ([]byte, error) { return []byte(s.text), nil }

// UnmarshalText reads an expression; an empty one is the zero Schedule.
func (s *Schedule) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*s = Schedule{}
		return nil
	}
	read, err := Parse(string(text))
	*s = read
	return err
}

// Kind is cron, rate or at; "" for the zero Schedule.
func (s Schedule) Kind() string {
	switch {
	case s.cron != nil:
		return "cron"
	case s.rate > 0:
		return "rate"
	case s.text != "":
		return "at"
	}
	return ""
}

// Next is the first occurrence after t in the zone, false if there is none any more.
// A rate counts from t itself, which is then the occurrence before.
func (s Schedule) Next(t time.Time, zone *time.Location) (time.Time, bool) {
	return s.next(t, zone, 0, false)
}

// NextOffset is Next for occurrences moved by whole days on the calendar, as in "two
// days after the second Tuesday". A rate has no offset.
func (s Schedule) NextOffset(t time.Time, zone *time.Location, days int) (time.Time, bool) {
	return s.next(t, zone, days, false)
}

// next takes a time that the clocks leave out for the moment after it when bridge is
// set, and else for no occurrence.
func (s Schedule) next(t time.Time, zone *time.Location, days int, bridge bool) (time.Time, bool) {
	switch s.Kind() {
	case "cron":
		return s.cron.next(t, zone, days, bridge)
	case "rate":
		return t.Add(s.rate), true
	case "at":
		at, ok := s.at.plus(days).in(zone, bridge)
		return at, ok && at.After(t)
	}
	return time.Time{}, false
}

// last is the latest occurrence up to t and after since; times that the clocks leave
// out are bridged. A rate has none.
func (s Schedule) last(t, since time.Time, zone *time.Location, days int) (time.Time, bool) {
	var at time.Time
	var ok bool
	switch s.Kind() {
	case "cron":
		at, ok = s.cron.last(t, since, zone, days)
	case "at":
		at, ok = s.at.plus(days).in(zone, true)
	}
	return at, ok && !at.After(t) && at.After(since)
}

// parseRate reads "5 minutes"; one of a unit is written in the singular, more in the
// plural (EventBridge, "Rate expressions").
func parseRate(body string) (time.Duration, error) {
	f := strings.Fields(body)
	if len(f) != 2 {
		return 0, fmt.Errorf("a rate is a number and a unit, such as 5 minutes")
	}
	n, err := strconv.Atoi(f[0])
	if err != nil || n < 1 || strconv.Itoa(n) != f[0] {
		return 0, fmt.Errorf("the rate's number is %q; write a whole number from 1", f[0])
	}
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	name, plural := strings.CutSuffix(f[1], "s")
	unit, known := units[name]
	switch {
	case !known:
		return 0, fmt.Errorf("unknown unit %q: minutes, hours or days", f[1])
	case plural == (n == 1):
		return 0, fmt.Errorf("write 1 %s, and any other number with %ss", name, name)
	case n > int(maxRate/unit):
		return 0, fmt.Errorf("the rate is longer than %d days", maxRate/(24*time.Hour))
	}
	return time.Duration(n) * unit, nil
}

// maxRate bounds a rate so that sums stay far from overflow.
const maxRate = 10 * 366 * 24 * time.Hour

// parseAt reads yyyy-mm-ddThh:mm:ss, which has no zone of its own.
func parseAt(body string) (wall, error) {
	t, err := time.Parse("2006-01-02T15:04:05", body)
	if err != nil || t.Format("2006-01-02T15:04:05") != body {
		return wall{}, fmt.Errorf("write a time such as at(2026-11-20T13:00:00); a zone is given beside it")
	}
	return wall{t}, nil
}
