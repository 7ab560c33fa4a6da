package autoscaling

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/schedule"
)

// recurrence is a recurring time in the syntax of Unix cron: minute, hour, day of month,
// month, day of week (0 or 7 is Sunday).
type recurrence []schedule.Schedule

// parseRecurrence reads one. Where both days are given, either will do, as with cron.
func parseRecurrence(text string) (recurrence, error) {
	f := strings.Fields(text)
	if len(f) != 5 {
		return nil, fmt.Errorf("a recurrence has five fields; there are %d", len(f))
	}
	week, err := weekDays(f[4])
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(f[2], "?LW") { // EventBridge's dialect
		return nil, fmt.Errorf("the day of month is %q", f[2])
	}
	var days [][2]string
	if f[2] != "*" || f[4] == "*" {
		days = append(days, [2]string{f[2], "?"})
	}
	if f[4] != "*" {
		days = append(days, [2]string{"?", week})
	}
	var out recurrence
	for _, d := range days {
		s, err := schedule.Parse(fmt.Sprintf("cron(%s %s %s %s %s *)", f[0], f[1], d[0], f[3], d[1]))
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// next is the first occurrence after t, false if there is none.
func (r recurrence) next(t time.Time, zone *time.Location) (first time.Time, ok bool) {
	for _, s := range r {
		if at, found := s.Next(t, zone); found && (!ok || at.Before(first)) {
			first, ok = at, true
		}
	}
	return first, ok
}

// weekDays spells cron's days of the week as a list of names.
func weekDays(field string) (string, error) {
	names := []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
	number := func(s string) (int, error) {
		for n, name := range names {
			if strings.EqualFold(s, name) {
				return n, nil
			}
		}
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 || n > 7 {
			return 0, fmt.Errorf("the day of week is %q", s)
		}
		return n, nil
	}
	var out []string
	for part := range strings.SplitSeq(field, ",") {
		span, stride, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			var err error
			if step, err = strconv.Atoi(stride); err != nil || step < 1 || step > 7 {
				return "", fmt.Errorf("the day of week is %q", part)
			}
		}
		low, high := 0, 6
		if span != "*" {
			from, to, ranged := strings.Cut(span, "-")
			var err error
			if low, err = number(from); err != nil {
				return "", err
			}
			high = low
			switch {
			case ranged:
				high, err = number(to)
			case stepped:
				high = 6
			}
			if err != nil || high < low {
				return "", fmt.Errorf("the day of week is %q", part)
			}
		}
		for n := low; n <= high; n += step {
			out = append(out, names[n%7])
		}
	}
	return strings.Join(out, ","), nil
}
