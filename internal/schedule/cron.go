package schedule

import (
	"fmt"
	"iter"
	"strings"
	"time"
)

// cron is a parsed six-field expression.
type cron struct {
	minutes, hours, months, years set
	days                          monthDays
	week                          weekDays
}

// The years that AWS takes.
const (
	firstYear = 1970
	lastYear  = 2199
)

var (
	monthNames = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	dayNames   = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
)

// The fields in their order. AWS allows no step in the day of week.
var (
	minuteField = field{name: "minutes", low: 0, high: 59, step: true}
	hourField   = field{name: "hours", low: 0, high: 23, step: true}
	dayField    = field{name: "day of month", low: 1, high: 31, step: true}
	monthField  = field{name: "month", low: 1, high: 12, names: monthNames, step: true}
	weekField   = field{name: "day of week", low: 1, high: 7, names: dayNames}
	yearField   = field{name: "year", low: firstYear, high: lastYear, step: true, endless: true}
)

func parseCron(body string) (*cron, error) {
	f := strings.Fields(body)
	if len(f) != 6 {
		return nil, fmt.Errorf("cron has six fields (minutes, hours, day of month, month, day of week, year); there are %d", len(f))
	}
	c := &cron{}
	var err error
	for _, x := range []struct {
		field field
		text  string
		into  *set
	}{{minuteField, f[0], &c.minutes}, {hourField, f[1], &c.hours}, {monthField, f[3], &c.months}, {yearField, f[5], &c.years}} {
		if *x.into, err = x.field.parse(x.text); err != nil {
			return nil, err
		}
	}
	if (f[2] == "?") == (f[4] == "?") {
		return nil, fmt.Errorf("exactly one of day of month and day of week is ?, the other says the days")
	}
	if c.days, err = parseMonthDays(f[2]); err != nil {
		return nil, err
	}
	if c.week, err = parseWeekDays(f[4]); err != nil {
		return nil, err
	}
	return c, nil
}

// next walks the calendar day by day: at most the 84,000 days that the years hold.
func (c *cron) next(t time.Time, zone *time.Location, days int, bridge bool) (time.Time, bool) {
	t = t.In(zone)
	// A change of clocks can move an occurrence into the day after (a zone may leave
	// out a whole day), so the search begins two days early.
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).AddDate(0, 0, -days-2)
	if day.Year() < firstYear {
		day = time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	for day.Year() <= lastYear {
		switch {
		case !c.years.has(day.Year()):
			day = time.Date(day.Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)
			continue
		case !c.months.has(int(day.Month())):
			day = time.Date(day.Year(), day.Month()+1, 1, 0, 0, 0, 0, time.UTC)
			continue
		case c.falls(day):
			if at, ok := c.on(day.AddDate(0, 0, days), t, zone, bridge); ok {
				return at, true
			}
		}
		day = day.AddDate(0, 0, 1)
	}
	return time.Time{}, false
}

// last walks back, from two days late for the reason that next begins early.
func (c *cron) last(t, since time.Time, zone *time.Location, days int) (time.Time, bool) {
	t = t.In(zone)
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).AddDate(0, 0, 2-days)
	for end := since.UTC().AddDate(0, 0, -3-days); day.After(end); day = day.AddDate(0, 0, -1) {
		if !c.falls(day) {
			continue
		}
		if at, ok := c.before(day.AddDate(0, 0, days), t, zone); ok {
			return at, true
		}
	}
	return time.Time{}, false
}

// falls says whether there are occurrences on a day.
func (c *cron) falls(day time.Time) bool {
	return c.years.has(day.Year()) && c.months.has(int(day.Month())) && c.days.match(day) && c.week.match(day)
}

// on is the first occurrence after t on that day.
func (c *cron) on(day, t time.Time, zone *time.Location, bridge bool) (time.Time, bool) {
	for w := range c.times(day) {
		if at, ok := w.in(zone, bridge); ok && at.After(t) {
			return at, true
		}
	}
	return time.Time{}, false
}

// before is the last occurrence up to t on that day.
func (c *cron) before(day, t time.Time, zone *time.Location) (last time.Time, found bool) {
	for w := range c.times(day) {
		if at, ok := w.in(zone, true); ok && !at.After(t) {
			last, found = at, true
		}
	}
	return last, found
}

// times are the clock times of a day that the fields name, in order.
func (c *cron) times(day time.Time) iter.Seq[wall] {
	return func(yield func(wall) bool) {
		for hour := range 24 {
			for minute := range 60 {
				if c.hours.has(hour) && c.minutes.has(minute) && !yield(wall{day.Add(time.Duration(hour*60+minute) * time.Minute)}) {
					return
				}
			}
		}
	}
}
