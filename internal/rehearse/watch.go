package rehearse

import (
	"slices"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/replica"
)

// maxPoints bounds a series that is kept. A series that grows beyond is thinned: of
// two neighbours the one with less capacity stays.
const maxPoints = 400

// Point is capacity at a time.
type Point struct {
	At        float64 `json:"s"` // seconds since the roll began
	InService int     `json:"inService"`
	OnNew     int     `json:"onNew"` // instances that run the new image
	Desired   int     `json:"desired"`
}

// series is capacity over time, bounded.
type series struct{ points []Point }

func (s *series) add(p Point) {
	if n := len(s.points); n > 0 && s.points[n-1].At == p.At {
		s.points[n-1] = p // what was between is no state that lasted
		return
	}
	s.points = append(s.points, p)
	if len(s.points) < 2*maxPoints {
		return
	}
	keep := s.points[:1]
	for i := 1; i+1 < len(s.points)-1; i += 2 {
		a, b := s.points[i], s.points[i+1]
		if b.InService < a.InService {
			a = b
		}
		keep = append(keep, a)
	}
	s.points = append(keep, s.points[len(s.points)-1])
}

// tally is what the watcher knows of a group, or of all groups of a ring.
type tally struct {
	desired, inService, onNew, min, floor int
	began, ended                          time.Time // of its refreshes
	worst                                 int       // lowest inService since the roll began
	worstAt                               time.Time
	replaced                              int // instances that came with the new image
	status                                string
	reason                                string
	series                                series
}

// watcher gathers what happens to capacity.
type watcher struct {
	mu        sync.Mutex
	begun     time.Time
	to        map[string]string // by Region
	ring      map[string]string // by group
	groups    map[string]*tally
	rings     map[string]*tally
	all       tally
	calls     map[string]int
	throttled int
	// at is called when so many instances of all are replaced.
	alarms []*trigger
	// moved is called with a group's refresh status.
	moved func(e replica.Event)
}

// throttled are the codes of calls that came too quickly.
var throttled = []string{"RequestLimitExceeded", "Throttling", "ThrottlingException", "SlowDown"}

// trigger does something once a percentage of all instances is replaced.
type trigger struct {
	percent int
	fire    func()
}

func newWatcher(c *copied, begun time.Time) *watcher {
	w := &watcher{begun: begun, to: c.to, ring: map[string]string{}, groups: map[string]*tally{}, rings: map[string]*tally{}, calls: map[string]int{}}
	for _, g := range c.groups {
		key := g.Account + "/" + g.Region + "/" + g.Name
		ring := c.fleets[g.Tags[mark]]
		w.ring[key] = ring
		w.groups[key] = &tally{}
		if w.rings[ring] == nil {
			w.rings[ring] = &tally{}
		}
		for _, t := range []*tally{w.groups[key], w.rings[ring], &w.all} {
			t.desired += g.Desired
			t.inService += g.Desired
			t.min += g.Min
			t.worst, t.worstAt = t.inService, begun
		}
	}
	for _, t := range w.tallies() {
		t.note(begun, begun)
	}
	return w
}

func (w *watcher) tallies() []*tally {
	out := []*tally{&w.all}
	for _, t := range w.groups {
		out = append(out, t)
	}
	for _, t := range w.rings {
		out = append(out, t)
	}
	return out
}

// note adds the tally as it is now to its series.
func (t *tally) note(at, begun time.Time) {
	if t.inService < t.worst {
		t.worst, t.worstAt = t.inService, at
	}
	t.series.add(Point{At: at.Sub(begun).Round(time.Second).Seconds(), InService: t.inService, OnNew: t.onNew, Desired: t.desired})
}

// see takes one event.
func (w *watcher) see(e replica.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Kind == replica.Called {
		w.calls[e.Op]++
		if slices.Contains(throttled, e.Error) {
			w.throttled++
		}
		return
	}
	key := e.Account + "/" + e.Region + "/" + e.Group
	g := w.groups[key]
	if g == nil {
		return
	}
	three := []*tally{g, w.rings[w.ring[key]], &w.all}
	switch e.Kind {
	case replica.Capacity:
		g.floor = e.Floor
		desired, in := e.Desired-g.desired, e.InService-g.inService
		for _, t := range three {
			t.desired += desired
			t.inService += in
			t.note(e.At, w.begun)
		}
	case replica.Came, replica.Went:
		n := 1
		if e.Kind == replica.Went {
			n = -1
		}
		if e.Image != w.to[e.Region] {
			return
		}
		for _, t := range three {
			t.onNew += n
			t.replaced += max(n, 0)
			t.note(e.At, w.begun)
		}
		w.trigger()
	case replica.Refresh:
		for _, t := range three {
			if t.began.IsZero() {
				t.began = e.At
			}
			t.ended = e.At
		}
		g.status, g.reason = e.Status, e.Reason
		if w.moved != nil {
			w.moved(e)
		}
	case replica.Called:
	}
}

func (w *watcher) trigger() {
	w.alarms = slices.DeleteFunc(w.alarms, func(t *trigger) bool {
		if w.all.onNew*100 < t.percent*w.all.desired {
			return false
		}
		t.fire()
		return true
	})
}
