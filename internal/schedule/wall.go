package schedule

import "time"

// wall is a time on a clock on the wall, with no zone; it is kept as if in UTC.
type wall struct{ t time.Time }

// plus moves it by whole days on the calendar.
func (w wall) plus(days int) wall { return wall{w.t.AddDate(0, 0, days)} }

// in is the moment at which clocks in the zone first show it. Clocks that are put
// forward never show some times: then it is the moment of the change if bridge is
// set, and else there is none.
func (w wall) in(zone *time.Location, bridge bool) (time.Time, bool) {
	// The offsets around a change stand more than a day before and after it; no zone
	// changes twice within that.
	early, late := w.moment(zone, -30*time.Hour), w.moment(zone, 30*time.Hour)
	if early.After(late) {
		early, late = late, early
	}
	for _, m := range []time.Time{early, late} {
		if w.shown(m) {
			return m, true
		}
	}
	if !bridge {
		return time.Time{}, false
	}
	change, _ := late.ZoneBounds()
	return change, !change.IsZero()
}

// moment reads the wall clock with the offset that the zone has some time away.
func (w wall) moment(zone *time.Location, away time.Duration) time.Time {
	_, offset := w.t.Add(away).In(zone).Zone()
	return w.t.Add(-time.Duration(offset) * time.Second).In(zone)
}

// shown says whether clocks show w at that moment.
func (w wall) shown(m time.Time) bool {
	return m.Year() == w.t.Year() && m.YearDay() == w.t.YearDay() && m.Hour() == w.t.Hour() && m.Minute() == w.t.Minute() && m.Second() == w.t.Second()
}
