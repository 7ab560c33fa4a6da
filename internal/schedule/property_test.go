package schedule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/internal/schedule"
)

// drawn is an expression that falls due every few days at the most, and the plain
// rule of its days.
type drawn struct {
	expr         string
	hour, minute int
	day          func(time.Time) bool
}

func lastDay(t time.Time) int { return t.AddDate(0, 1, -t.Day()).Day() }

func draw(t *rapid.T) drawn {
	d := drawn{hour: rapid.IntRange(0, 23).Draw(t, "hour"), minute: rapid.IntRange(0, 59).Draw(t, "minute")}
	month := rapid.IntRange(0, 12).Draw(t, "month") // 0: any
	n := rapid.IntRange(1, 31).Draw(t, "n")
	if month > 0 { // no 31 February, which never comes
		n = min(n, 28)
	}
	weekday := rapid.IntRange(0, 6).Draw(t, "weekday")
	nth := rapid.IntRange(1, 5).Draw(t, "nth")
	name := strings.ToUpper(time.Weekday(weekday).String()[:3])
	days, week := "?", "?"
	switch rapid.IntRange(0, 6).Draw(t, "form") {
	case 0:
		days, d.day = fmt.Sprint(n), func(t time.Time) bool { return t.Day() == n }
	case 1:
		days, d.day = "L", func(t time.Time) bool { return t.Day() == lastDay(t) }
	case 2:
		week, d.day = name, func(t time.Time) bool { return int(t.Weekday()) == weekday }
	case 3:
		week, d.day = fmt.Sprintf("%d#%d", weekday+1, nth), func(t time.Time) bool {
			return int(t.Weekday()) == weekday && t.AddDate(0, 0, -7*(nth-1)).Month() == t.Month() && t.AddDate(0, 0, -7*nth).Month() != t.Month()
		}
	case 4:
		week, d.day = name+"L", func(t time.Time) bool { return int(t.Weekday()) == weekday && t.AddDate(0, 0, 7).Month() != t.Month() }
	case 5:
		days, d.day = fmt.Sprintf("%dW", n), func(t time.Time) bool { return nearestWorkday(t, n) }
	default:
		days, d.day = fmt.Sprintf("%d/%d", min(n, 7), n), func(t time.Time) bool { return t.Day() >= min(n, 7) && (t.Day()-min(n, 7))%n == 0 }
	}
	months := "*"
	if month > 0 {
		rule := d.day
		months, d.day = time.Month(month).String()[:3], func(t time.Time) bool { return int(t.Month()) == month && rule(t) }
	}
	d.expr = fmt.Sprintf("cron(%d %d %s %s %s *)", d.minute, d.hour, days, strings.ToUpper(months), week)
	return d
}

// never says that clocks in the zone show the time on no day of the rule for as long as
// rules name years: two o'clock on the last Sunday of March in Berlin, when they go on to three.
func (d drawn) never(after time.Time, z *time.Location) bool {
	for day := noon(after.In(z)); day.Year() < 2200; day = day.AddDate(0, 0, 1) {
		at := time.Date(day.Year(), day.Month(), day.Day(), d.hour, d.minute, 0, 0, z)
		if at.After(after) && at.Day() == day.Day() && at.Hour() == d.hour && at.Minute() == d.minute && d.day(day) {
			return false
		}
	}
	return true
}

// nearestWorkday says it by trying every working day of the month.
func nearestWorkday(day time.Time, n int) bool {
	if n > lastDay(day) {
		return false
	}
	best, far := 0, 99
	for d := 1; d <= lastDay(day); d++ {
		on := time.Date(day.Year(), day.Month(), d, 0, 0, 0, 0, time.UTC).Weekday()
		if gap := max(d-n, n-d); on != time.Saturday && on != time.Sunday && gap < far {
			best, far = d, gap
		}
	}
	return day.Day() == best
}

var zones = []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo", "Pacific/Apia", "Africa/Casablanca", "America/Santiago", "Asia/Gaza"}

// Next is the first moment at which clocks in the zone show the time on a day of the
// rule, found here by asking every minute what the clocks show.
func TestNextIsTheFirstMomentThatTheRuleNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		z := zone2(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		after := time.Unix(rapid.Int64Range(1_000_000_000, 2_000_000_000).Draw(t, "after"), 0)
		s, err := schedule.Parse(d.expr)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := s.Next(after, z)
		if !ok && d.never(after, z) {
			return
		}
		if !ok || !got.After(after) {
			t.Fatalf("%s after %s in %s: %s, %v", d.expr, after, z, got, ok)
		}
		local := got.In(z)
		if local.Hour() != d.hour || local.Minute() != d.minute || local.Second() != 0 || !d.day(noon(local)) {
			t.Fatalf("%s after %s in %s: %s", d.expr, after, z, local)
		}
		// No other moment lies in between, but the second showing of a time.
		end := after.Add(40 * 24 * time.Hour)
		if got.Before(end) {
			end = got
		}
		for m := after.Truncate(time.Minute).Add(time.Minute); m.Before(end); m = m.Add(time.Minute) {
			l := m.In(z)
			if l.Minute() != d.minute || l.Hour() != d.hour || !d.day(noon(l)) {
				continue
			}
			if before := m.Add(-3 * time.Hour).In(z); !shownBefore(m, before, z) {
				t.Fatalf("%s after %s in %s: %s comes before %s", d.expr, after, z, l, local)
			}
		}
	})
}

// shownBefore says whether clocks have shown m's time in the hours before.
func shownBefore(m, from time.Time, z *time.Location) bool {
	want := m.In(z).Format("2006-01-02 15:04")
	for x := from; x.Before(m); x = x.Add(time.Minute) {
		if x.In(z).Format("2006-01-02 15:04") == want {
			return true
		}
	}
	return false
}

func noon(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC)
}

func zone2(t *rapid.T, name string) *time.Location {
	z, err := schedule.LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// In and Next tell the same: a window is open from each opening for its duration.
func TestAWindowIsOpenFromEachOpeningForItsDuration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		s, err := schedule.Parse(d.expr)
		if err != nil {
			t.Fatal(err)
		}
		w := schedule.Window{Opens: s, Zone: rapid.SampledFrom(zones).Draw(t, "zone"), Offset: rapid.IntRange(0, 6).Draw(t, "offset"),
			Duration: time.Duration(rapid.IntRange(10, 7*24*60).Draw(t, "minutes")) * time.Minute}
		from, ok := w.Next(time.Unix(rapid.Int64Range(1_000_000_000, 2_000_000_000).Draw(t, "after"), 0))
		if !ok { // not even where clocks never show the time: it opens at their change
			t.Fatal(d.expr)
		}
		inside := from.Add(time.Duration(rapid.Int64Range(0, int64(w.Duration)-1).Draw(t, "inside")))
		if span, in := w.In(inside); !in || span.From.Before(from) || span.From.After(inside) || !span.To.Equal(span.From.Add(w.Duration)) {
			t.Fatalf("%s: in %s: %v, %v; it opens at %s", w, inside, span, in, from)
		}
		out := from.Add(w.Duration)
		if next, _ := w.Next(from); next.After(out) {
			if span, in := w.In(out); in {
				t.Fatalf("%s: open at its close %s: %v", w, out, span)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"cron(0 2 ? * TUE#2 *)", "cron(0/15 8-17 ? * MON-FRI 2026-2030)", "cron(0 0 L * ? *)", "cron(0 0 15W,31W * ? *)", "rate(5 minutes)", "at(2026-11-20T13:00:00)", "cron(* * * * ? *)"} {
		f.Add(s)
	}
	from := time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := schedule.Parse(text)
		if err != nil {
			return
		}
		again, err := schedule.Parse(s.String())
		if err != nil || again.Kind() != s.Kind() || s.Kind() == "" {
			t.Fatalf("%q is read once only: %v", text, err)
		}
		z, err := schedule.LoadZone("Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		at := from
		for range 3 {
			next, ok := s.Next(at, z)
			if !ok {
				return
			}
			if !next.After(at) {
				t.Fatalf("%q: after %s comes %s", text, at, next)
			}
			at = next
		}
	})
}
