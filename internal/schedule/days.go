package schedule

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// monthDays is the day-of-month field.
type monthDays struct {
	any     bool // ?
	set     set
	last    bool  // L
	nearest []int // nW: the working day nearest to the nth, in the same month
}

func parseMonthDays(text string) (monthDays, error) {
	if text == "?" {
		return monthDays{any: true}, nil
	}
	d := monthDays{set: set{base: dayField.low}}
	for part := range strings.SplitSeq(text, ",") {
		if part == "L" {
			d.last = true
			continue
		}
		if n, ok := strings.CutSuffix(part, "W"); ok {
			day, err := dayField.value(n)
			if err != nil {
				return monthDays{}, err
			}
			d.nearest = append(d.nearest, day)
			continue
		}
		if err := dayField.into(&d.set, part); err != nil {
			return monthDays{}, err
		}
	}
	return d, nil
}

func (d monthDays) match(day time.Time) bool {
	if d.any || d.set.has(day.Day()) || d.last && day.Day() == lastOf(day) {
		return true
	}
	return slices.ContainsFunc(d.nearest, func(n int) bool { return n <= lastOf(day) && day.Day() == workday(day, n) })
}

// lastOf is the number of days in the day's month.
func lastOf(day time.Time) int {
	return time.Date(day.Year(), day.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// workday is the day from Monday to Friday nearest to the nth of day's month, without
// leaving the month.
func workday(day time.Time, n int) int {
	switch time.Date(day.Year(), day.Month(), n, 0, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if n == 1 {
			return 3
		}
		return n - 1
	case time.Sunday:
		if n == lastOf(day) {
			return n - 2
		}
		return n + 1
	}
	return n
}

// weekDays is the day-of-week field; days count from SUN = 1.
type weekDays struct {
	any  bool // ?
	set  set
	nth  int // DAY#nth: only that one of the month, of the days in set
	last set // DAYL: the last one of the month
}

func parseWeekDays(text string) (weekDays, error) {
	if text == "?" {
		return weekDays{any: true}, nil
	}
	w := weekDays{set: set{base: weekField.low}, last: set{base: weekField.low}}
	if name, nth, ok := strings.Cut(text, "#"); ok {
		day, err := weekField.value(name)
		if err != nil {
			return weekDays{}, err
		}
		if w.nth, err = number(nth); err != nil || w.nth < 1 || w.nth > 5 {
			return weekDays{}, fmt.Errorf("day of week is %q; after # stands 1 to 5, and nothing else beside it", text)
		}
		w.set.add(day)
		return w, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		if part == "L" { // the last day of the week
			w.set.add(weekField.high)
			continue
		}
		if name, ok := strings.CutSuffix(part, "L"); ok {
			day, err := weekField.value(name)
			if err != nil {
				return weekDays{}, err
			}
			w.last.add(day)
			continue
		}
		if err := weekField.into(&w.set, part); err != nil {
			return weekDays{}, err
		}
	}
	return w, nil
}

func (w weekDays) match(day time.Time) bool {
	d := int(day.Weekday()) + 1
	switch {
	case w.any:
		return true
	case w.last.has(d) && day.Day()+7 > lastOf(day):
		return true
	}
	return w.set.has(d) && (w.nth == 0 || (day.Day()+6)/7 == w.nth)
}
