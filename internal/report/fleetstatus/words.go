package fleetstatus

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/record"
)

func deadlines(s *record.FleetStatus) []int {
	var out []int
	if len(s.Fleets) > 0 {
		for _, d := range s.Fleets[0].Deadlines {
			out = append(out, d.Days)
		}
	}
	return out
}

// instances is how many there are, at least.
func instances(f record.FleetAges) string {
	if len(f.Unread) > 0 {
		return fmt.Sprintf("%d or more", f.Instances)
	}
	return fmt.Sprint(f.Instances)
}

// stale is how many are on another image than the channel's, and of how many nobody knows.
func stale(f record.FleetAges) string {
	if f.Undetermined > 0 {
		return fmt.Sprintf("%d, %d unknown", f.Stale, f.Undetermined)
	}
	return fmt.Sprint(f.Stale)
}

// age is the ages of a fleet in days.
func age(f record.FleetAges) string {
	switch {
	case f.Instances == 0 && len(f.Unread) > 0:
		return "unknown"
	case f.Instances == 0:
		return "no instances"
	case f.Unknown == f.Instances:
		return "unknown"
	}
	text := fmt.Sprintf("%.1f / %.1f / %.1f d", f.Median, f.P95, f.Oldest)
	if f.Unknown > 0 {
		text += fmt.Sprintf(", %d unknown", f.Unknown)
	}
	return text
}

// superseded is how long ago the channel left the oldest image that still runs.
func superseded(since, now time.Time) string {
	if since.IsZero() {
		return "no"
	}
	hours := now.Sub(since).Hours()
	switch {
	case hours < 1:
		return "for less than 1 h"
	case hours < 24:
		return fmt.Sprintf("for %.0f h", math.Floor(hours))
	}
	return fmt.Sprintf("for %.1f d", hours/24)
}

// supersededOf is superseded for a fleet, of which not all may be known.
func supersededOf(f record.FleetAges, now time.Time) string {
	if f.SupersededSince.IsZero() && (f.Undetermined > 0 || len(f.Unread) > 0) {
		return "unknown"
	}
	if f.SupersededSince.IsZero() && f.Stale > 0 {
		return "since unknown" // by images that the channel never held, or that were withdrawn from it
	}
	if f.SupersededSince.IsZero() && f.Withdrawn > 0 {
		return "no, the channel's image is withdrawn"
	}
	return superseded(f.SupersededSince, now)
}

// forecast is who has passed a deadline, and when the next will if nothing moves.
func forecast(d record.Deadline, now time.Time) string {
	switch {
	case d.Passed > 0 && d.Next.IsZero():
		return fmt.Sprintf("%d late", d.Passed)
	case d.Passed > 0:
		return fmt.Sprintf("%d late, next in %.0f d", d.Passed, until(d.Next, now))
	case d.Next.IsZero():
		return "–"
	}
	return fmt.Sprintf("in %.0f d", until(d.Next, now))
}

func until(t, now time.Time) float64 { return t.Sub(now).Hours() / 24 }

func at(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// plain keeps a name on its line and its terminal unharmed.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return ' '
		}
		return r
	}, s)
}
