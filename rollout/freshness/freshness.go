// Package freshness says how old the images are that fleets run, since when they are
// superseded, and when they pass a deadline if nothing moves.
//
// Age is the age of the image, not of the instance: a new instance of an old image
// has old patches. An image whose age is not known is never counted as young.
package freshness

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/record"
)

// Deadlines are the ages in days that a status looks at unless told otherwise.
func Deadlines() []int { return []int{14, 30, 60, 90} }

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// Fleet is a fleet with what its instances run.
type Fleet struct {
	Name, Line, Ring string
	Groups           int
	Instances        []Instance
	Unread           []string // accounts' Regions whose groups could not be read
}

// Instance is an instance of a fleet.
type Instance struct {
	Account, Region string
	Image           string // empty: not known
}

// Image is what is known of an image in an account's Region.
type Image struct {
	CreatedAt time.Time // zero: unknown
	State     string    // empty: gone
	// Untold says that nobody could read what the channel holds.
	Untold  bool
	Revoked bool
	// Current says that the channel there holds it; SupersededSince is when the channel
	// went on to another one, zero: never, as far as is known.
	Current         bool
	SupersededSince time.Time
	// Unled says that what the channel holds was withdrawn, and that this is another image:
	// nothing has taken its place.
	Unled bool
}

// Key names an image in an account's Region.
type Key struct{ Account, Region, Image string }

// Version is a version of a channel.
type Version struct {
	Image string
	At    time.Time
}

// Superseded is since when an image is no longer the one that a channel holds, by the
// channel's versions, oldest first; zero when it holds the image still or never did.
// An image that came back and went again counts from when it went last.
func Superseded(history []Version, image string) (since time.Time, current bool) {
	for n, v := range history {
		switch {
		case v.Image != image:
		case n == len(history)-1:
			return time.Time{}, true
		case history[n+1].Image != image:
			since = history[n+1].At
		}
	}
	return since, false
}

// StateUnknown is the state of an image that could not be read.
const StateUnknown = "unknown"

// Of is the status of fleets at a time. Of images that are not in the map nothing is known.
func Of(fleets []Fleet, images map[Key]Image, now time.Time, deadlines []int) []record.FleetAges {
	out := []record.FleetAges{}
	for _, f := range fleets {
		out = append(out, one(f, images, now, deadlines))
	}
	return out
}

func one(f Fleet, images map[Key]Image, now time.Time, deadlines []int) record.FleetAges {
	out := record.FleetAges{Fleet: f.Name, Line: f.Line, Ring: f.Ring, Groups: f.Groups, Instances: len(f.Instances), Unread: f.Unread}
	uses := map[Key]*record.ImageUse{}
	var born []time.Time // of the images of instances, where known
	for _, i := range f.Instances {
		k := Key(i)
		x, known := images[k]
		if !known {
			x = Image{State: StateUnknown, Untold: true}
		}
		u := uses[k]
		if u == nil {
			u = &record.ImageUse{Image: i.Image, Account: i.Account, Region: i.Region, CreatedAt: x.CreatedAt, State: x.State,
				Current: x.Current, Revoked: x.Revoked, SupersededSince: x.SupersededSince}
			uses[k] = u
		}
		u.Instances++
		switch {
		case x.Current:
			out.Current++
		case x.Untold:
			out.Undetermined++
		case x.Unled:
			out.Withdrawn++
		default:
			out.Stale++
		}
		if x.Revoked {
			out.Revoked++
		}
		if s := x.SupersededSince; !s.IsZero() && (out.SupersededSince.IsZero() || s.Before(out.SupersededSince)) {
			out.SupersededSince = s
		}
		if x.CreatedAt.IsZero() {
			out.Unknown++
		} else {
			born = append(born, x.CreatedAt)
		}
	}
	for _, u := range uses {
		out.Images = append(out.Images, *u)
	}
	slices.SortFunc(out.Images, older)
	slices.SortFunc(born, time.Time.Compare)
	ages(&out, born, now)
	for _, d := range deadlines {
		out.Deadlines = append(out.Deadlines, deadline(d, born, out.Unknown, now))
	}
	return out
}

// older sorts the oldest image first, and those of unknown age last.
func older(a, b record.ImageUse) int {
	if x, y := a.CreatedAt.IsZero(), b.CreatedAt.IsZero(); x != y {
		if x {
			return 1
		}
		return -1
	}
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Image, b.Image), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
}

// buckets are the lower bounds of the ages that are counted together, in days.
var buckets = []int{0, 14, 30, 60, 90}

// ages fills in the distribution; born is ascending.
func ages(out *record.FleetAges, born []time.Time, now time.Time) {
	if len(born) == 0 {
		return
	}
	days := func(t time.Time) float64 { return math.Round(max(0, now.Sub(t).Hours()/24)*10) / 10 }
	// Ages descend as births ascend: the 95th percentile is near the beginning.
	out.Oldest = days(born[0])
	out.P95 = days(born[len(born)-1-rank(len(born), 95)])
	out.Median = days(born[len(born)-1-rank(len(born), 50)])
	for _, from := range buckets {
		out.Spread = append(out.Spread, record.AgeBucket{Days: from})
	}
	for _, t := range born {
		at := 0
		for n, from := range buckets {
			if now.Sub(t) >= time.Duration(from)*day {
				at = n
			}
		}
		out.Spread[at].Instances++
	}
}

// rank is the index of a percentile among n ascending values: the smallest value that
// so many percent do not exceed.
func rank(n, percent int) int { return max(0, (n*percent+99)/100-1) }

// deadline counts who has passed it, and says when others will if nothing moves.
func deadline(days int, born []time.Time, unknown int, now time.Time) record.Deadline {
	d := record.Deadline{Days: days, Passed: unknown}
	for _, t := range born {
		at := t.Add(time.Duration(days) * day)
		if !at.After(now) {
			d.Passed++
			continue
		}
		if d.Next.IsZero() {
			d.Next = at
		}
		d.All = at
		if !at.After(now.Add(week)) {
			d.Within++
		}
	}
	return d
}
