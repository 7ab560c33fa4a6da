package schedule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/schedule"
)

func window(t testing.TB, expr, zone string, d time.Duration) schedule.Window {
	t.Helper()
	s, err := schedule.Parse(expr)
	if err != nil {
		t.Fatal(err)
	}
	w := schedule.Window{Opens: s, Duration: d, Zone: zone}
	if err := w.Validate(); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestAWindowOpensAndClosesAlsoWhenClocksChange(t *testing.T) {
	for name, c := range map[string]struct {
		w        schedule.Window
		at       string
		from, to string // empty: closed
	}{
		"at its first moment":       {window(t, "cron(0 22 ? * MON-THU *)", "", 6*time.Hour), "2026-11-19T22:00:00Z", "2026-11-19T22:00:00Z", "2026-11-20T04:00:00Z"},
		"a moment before":           {window(t, "cron(0 22 ? * MON-THU *)", "", 6*time.Hour), "2026-11-19T21:59:59Z", "", ""},
		"over midnight":             {window(t, "cron(0 22 ? * MON-THU *)", "", 6*time.Hour), "2026-11-20T03:59:59Z", "2026-11-19T22:00:00Z", "2026-11-20T04:00:00Z"},
		"at its last moment":        {window(t, "cron(0 22 ? * MON-THU *)", "", 6*time.Hour), "2026-11-20T04:00:00Z", "", ""},
		"in its zone":               {window(t, "cron(0 22 ? * THU *)", "America/New_York", time.Hour), "2026-11-20T03:30:00Z", "2026-11-20T03:00:00Z", "2026-11-20T04:00:00Z"},
		"of days":                   {window(t, "cron(0 0 1 * ? *)", "", 7*24*time.Hour), "2026-11-07T23:00:00Z", "2026-11-01T00:00:00Z", "2026-11-08T00:00:00Z"},
		"openings closer than long": {window(t, "cron(0 0/2 * * ? *)", "", 3*time.Hour), "2026-11-07T02:30:00Z", "2026-11-07T02:00:00Z", "2026-11-07T05:00:00Z"},
		// On 29 March 2026 the clocks in Berlin go from 2 to 3: the window of 02:30 opens at 3.
		"left out by the clocks": {window(t, "cron(30 2 29 3 ? 2026)", "Europe/Berlin", time.Hour), "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"},
		// On 25 October they go back from 3 to 2: the window of 02:30 opens once, and an hour is an hour.
		"doubled by the clocks":  {window(t, "cron(30 2 25 10 ? 2026)", "Europe/Berlin", time.Hour), "2026-10-25T01:29:59Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
		"the second 02:30 is no": {window(t, "cron(30 2 25 10 ? 2026)", "Europe/Berlin", time.Hour), "2026-10-25T01:30:00Z", "", ""},
		"once":                   {window(t, "at(2026-11-20T13:00:00)", "Asia/Kolkata", time.Hour), "2026-11-20T08:00:00Z", "2026-11-20T07:30:00Z", "2026-11-20T08:30:00Z"},
	} {
		s, in := c.w.In(at(t, c.at))
		if in != (c.from != "") || in && (!s.From.Equal(at(t, c.from)) || !s.To.Equal(at(t, c.to))) {
			t.Errorf("%s: %v, %v", name, s, in)
		}
	}
	w := window(t, "cron(0 2 ? * TUE#2 *)", "", time.Hour)
	w.Offset = 2
	if next, ok := w.Next(at(t, "2026-11-10T02:30:00Z")); !ok || !next.Equal(at(t, "2026-11-12T02:00:00Z")) {
		t.Errorf("two days after the second Tuesday: %s", next)
	}
	if s, in := w.In(at(t, "2026-11-12T02:30:00Z")); !in || !s.From.Equal(at(t, "2026-11-12T02:00:00Z")) {
		t.Errorf("two days after the second Tuesday: %v, %v", s, in)
	}
}

func TestWindowsThatMakeNoSenseAreRefused(t *testing.T) {
	cron, err := schedule.Parse("cron(0 22 * * ? *)")
	if err != nil {
		t.Fatal(err)
	}
	many, err := schedule.Parse("cron(0/30 22 * * ? *)")
	if err != nil {
		t.Fatal(err)
	}
	for want, w := range map[string]schedule.Window{
		"not by \"\"":      {Duration: time.Hour},
		"an offset of 7":   {Opens: cron, Duration: time.Hour, Offset: 7},
		"a duration of 1m": {Opens: cron, Duration: time.Minute},
		"a duration of 16": {Opens: cron, Duration: 169 * time.Hour},
		"name one minute":  {Opens: many, Duration: time.Hour},
		"unknown time":     {Opens: cron, Duration: time.Hour, Zone: "../etc/passwd"},
		"zone Local":       {Opens: cron, Duration: time.Hour, Zone: "Local"},
	} {
		if err := w.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

func freeze(t *testing.T, name, from, to string) schedule.Freeze {
	t.Helper()
	return schedule.Freeze{Name: name, From: at(t, from), To: at(t, to)}
}

func TestACalendarIsOpenInAWindowAndInNoFreeze(t *testing.T) {
	nightly := window(t, "cron(0 22 * * ? *)", "", 6*time.Hour)
	late := window(t, "cron(0 3 * * ? *)", "", 2*time.Hour)
	once := window(t, "at(2026-11-20T22:00:00)", "", time.Hour)
	always := window(t, "cron(0 * * * ? *)", "", time.Hour)
	for name, c := range map[string]struct {
		c     schedule.Calendar
		at    string
		open  bool
		until string // empty: none
		opens string
		why   string
	}{
		"nothing at all":                {schedule.Calendar{}, "2026-11-20T12:00:00Z", true, "", "", ""},
		"in the window":                 {schedule.Calendar{Windows: []schedule.Window{nightly}}, "2026-11-20T23:00:00Z", true, "2026-11-21T04:00:00Z", "", "the window closes"},
		"windows that overlap":          {schedule.Calendar{Windows: []schedule.Window{nightly, late}}, "2026-11-20T23:00:00Z", true, "2026-11-21T05:00:00Z", "", "the window closes"},
		"windows without a gap":         {schedule.Calendar{Windows: []schedule.Window{always}}, "2026-11-20T23:10:00Z", true, "", "", ""},
		"by day":                        {schedule.Calendar{Windows: []schedule.Window{nightly}}, "2026-11-20T12:00:00Z", false, "", "2026-11-20T22:00:00Z", "no window is open"},
		"over":                          {schedule.Calendar{Windows: []schedule.Window{once}}, "2026-11-21T12:00:00Z", false, "", "", "no window is open"},
		"a freeze closes":               {schedule.Calendar{Windows: []schedule.Window{nightly}, Freezes: []schedule.Freeze{freeze(t, "x", "2026-11-21T00:00:00Z", "2026-11-21T01:00:00Z")}}, "2026-11-20T23:00:00Z", true, "2026-11-21T00:00:00Z", "", `freeze "x" begins`},
		"in a freeze":                   {schedule.Calendar{Freezes: []schedule.Freeze{freeze(t, "x", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z")}}, "2026-11-20T12:00:00Z", false, "", "2026-11-21T00:00:00Z", `freeze "x" holds until 2026-11-21T00:00:00Z`},
		"freezes that touch":            {schedule.Calendar{Freezes: []schedule.Freeze{freeze(t, "x", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"), freeze(t, "y", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z")}}, "2026-11-20T12:00:00Z", false, "", "2026-11-22T00:00:00Z", `freeze "x"`},
		"a freeze, then a night":        {schedule.Calendar{Windows: []schedule.Window{nightly}, Freezes: []schedule.Freeze{freeze(t, "x", "2026-11-20T00:00:00Z", "2026-11-21T12:00:00Z")}}, "2026-11-20T12:00:00Z", false, "", "2026-11-21T22:00:00Z", `freeze "x"`},
		"a freeze over the only window": {schedule.Calendar{Windows: []schedule.Window{once}, Freezes: []schedule.Freeze{freeze(t, "x", "2026-11-20T00:00:00Z", "2026-11-22T00:00:00Z")}}, "2026-11-19T12:00:00Z", false, "", "", "no window is open"},
		"a freeze within a window":      {schedule.Calendar{Windows: []schedule.Window{nightly}, Freezes: []schedule.Freeze{freeze(t, "x", "2026-11-20T21:00:00Z", "2026-11-20T23:30:00Z")}}, "2026-11-20T12:00:00Z", false, "", "2026-11-20T23:30:00Z", "no window is open"},
	} {
		l := c.c.Look(at(t, c.at))
		if l.Open != c.open || !l.Until.Equal(maybe(t, c.until)) || !l.Opens.Equal(maybe(t, c.opens)) || !strings.Contains(l.Why, c.why) || l.Never() != (!c.open && c.opens == "") {
			t.Errorf("%s: %+v", name, l)
		}
		opens, closes := c.c.Opening(at(t, c.at))
		if c.open && (!opens.Equal(at(t, c.at)) || !closes.Equal(l.Until)) || !c.open && !opens.Equal(l.Opens) {
			t.Errorf("%s: opening %s, %s", name, opens, closes)
		}
	}
}

func maybe(t *testing.T, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	return at(t, text)
}

// On the last Sunday of March clocks in Berlin go from two to three, every year.
func TestATimeThatClocksNeverShowIsNoOccurrenceAndYetOpensAWindow(t *testing.T) {
	s, err := schedule.Parse("cron(0 2 ? MAR SUNL *)")
	if err != nil {
		t.Fatal(err)
	}
	zone, err := schedule.LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	after := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if at, ok := s.Next(after, zone); ok {
		t.Errorf("it occurs at %s", at)
	}
	w := schedule.Window{Opens: s, Zone: "Europe/Berlin", Duration: time.Hour}
	if at, ok := w.Next(after); !ok || !at.Equal(time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)) {
		t.Errorf("the window opens at %s, %t", at, ok)
	}
}
