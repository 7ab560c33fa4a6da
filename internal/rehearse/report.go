package rehearse

import (
	"cmp"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/rollout"
)

// ReportSchema is the version of Report's JSON shape.
const ReportSchema = 1

// Report is what a rehearsal has shown. All of it is modelled.
type Report struct {
	Schema   int    `json:"schema"`
	Modelled string `json:"modelled"` // what is, in words
	Line     string `json:"line"`
	Source   string `json:"source"` // of the fleet
	Image    string `json:"image"`
	StandIn  bool   `json:"standIn,omitempty"` // Image stands for one that is not made yet
	// Faults are what went wrong on purpose.
	Faults  []string  `json:"faults,omitempty"`
	Began   time.Time `json:"began"` // in virtual time, as all times here
	Seconds float64   `json:"seconds"`
	Outcome string    `json:"outcome"` // done, rolled-back, halted, partial, failed, refused, gate-says-no, nothing-to-do
	Message string    `json:"message,omitempty"`
	All     Series    `json:"all"`
	// Waits are the times in which a ring waited before it moved, or soaked after it.
	Waits  []Wait   `json:"waits,omitempty"`
	Rings  []Ring   `json:"rings"`
	Groups []Result `json:"groups"` // those with the least capacity first
	// Calls counts requests by service and operation, Throttled those that came too
	// quickly.
	Calls     map[string]int `json:"calls"`
	Requests  int            `json:"requests"`
	Throttled int            `json:"throttled"`
	Replaced  int            `json:"replaced"` // instances that came with the new image
	// Notes are what the copy leaves out.
	Notes []string `json:"notes,omitempty"`
	// WallSeconds is how long the rehearsal took.
	WallSeconds float64 `json:"wallSeconds"`
}

// Series is capacity over time with its lowest point.
type Series struct {
	Desired int `json:"desired"`
	// Lowest is the fewest instances in service, LowestAt when, in seconds.
	Lowest   int     `json:"lowest"`
	LowestAt float64 `json:"lowestAt"`
	Points   []Point `json:"points,omitempty"`
}

// LowestPercent is Lowest of Desired.
func (s Series) LowestPercent() float64 {
	if s.Desired == 0 {
		return 100
	}
	return 100 * float64(s.Lowest) / float64(s.Desired)
}

// Ring is what became of a ring.
type Ring struct {
	Name   string  `json:"name"`
	Groups int     `json:"groups"`
	From   float64 `json:"from"` // seconds; of its first refresh
	To     float64 `json:"to"`   // seconds; of the last change of one
	Moved  bool    `json:"moved"`
	// Failed groups of Allowed: the error budget.
	Failed  int `json:"failed"`
	Allowed int `json:"allowed"`
	Series
}

// Result is what became of a group.
type Result struct {
	Account string  `json:"account"`
	Region  string  `json:"region"`
	Ring    string  `json:"ring"`
	Fleet   string  `json:"fleet"`
	Group   string  `json:"group"`
	Min     int     `json:"min"`
	Outcome string  `json:"outcome"` // as in a run document; not-begun; refused
	Text    string  `json:"text,omitempty"`
	From    float64 `json:"from,omitempty"`
	To      float64 `json:"to,omitempty"`
	Series
}

// GateSaysNo is the outcome of a rehearsal in which a ring was not let begin.
const GateSaysNo = "gate-says-no"

// NotBegun is the outcome of a group whose turn did not come.
const NotBegun = "not-begun"

// seriesKept is up to how many groups the report has each one's series.
const seriesKept = 60

// report puts together what the watcher saw and the roll said.
func (w *watcher) report(c *copied, plan *rollout.Plan, rolls []record.Roll, allowed map[string]int) *Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := &Report{Schema: ReportSchema, Image: c.input.Image, Began: w.begun.UTC(), All: w.seriesOf(&w.all, true), Calls: w.calls,
		Throttled: w.throttled, Replaced: w.all.replaced}
	for _, n := range w.calls {
		r.Requests += n
	}
	results := map[string]record.Roll{}
	for _, x := range rolls {
		results[x.Account+"/"+x.Region+"/"+x.Group] = x
	}
	refused := map[string]string{}
	if plan != nil {
		for g := range plan.Groups() {
			for _, f := range g.Findings {
				if key := g.Cell.Account + "/" + g.Cell.Region + "/" + g.Group; f.Refuse && refused[key] == "" {
					refused[key] = f.Text
				}
			}
		}
	}
	failed, groups := map[string]int{}, map[string]int{}
	for _, g := range c.groups {
		key := g.Account + "/" + g.Region + "/" + g.Name
		t := w.groups[key]
		x := Result{Account: g.Account, Region: g.Region, Ring: w.ring[key], Fleet: g.Tags[mark], Group: g.Name, Min: g.Min,
			Outcome: NotBegun, From: w.seconds(t.began), To: w.seconds(t.ended), Series: w.seriesOf(t, len(c.groups) <= seriesKept)}
		if got, ok := results[key]; ok {
			x.Outcome, x.Text = cmp.Or(got.Outcome, "unfinished"), got.Text
			if x.Outcome != rollout.Done && x.Outcome != rollout.NothingToDo {
				failed[x.Ring]++
			}
		} else if why := refused[key]; why != "" {
			x.Outcome, x.Text = "refused", why
		}
		groups[x.Ring]++
		r.Groups = append(r.Groups, x)
	}
	slices.SortStableFunc(r.Groups, func(a, b Result) int { return cmp.Compare(a.LowestPercent(), b.LowestPercent()) })
	for _, in := range c.input.Rings {
		t := w.rings[in.Name]
		r.Rings = append(r.Rings, Ring{Name: in.Name, Groups: groups[in.Name], From: w.seconds(t.began), To: w.seconds(t.ended), Moved: !t.began.IsZero(),
			Failed: failed[in.Name], Allowed: allowed[in.Name], Series: w.seriesOf(t, true)})
	}
	return r
}

func (w *watcher) seconds(at time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return at.Sub(w.begun).Round(time.Second).Seconds()
}

func (w *watcher) seriesOf(t *tally, points bool) Series {
	s := Series{Desired: t.desired, Lowest: t.worst, LowestAt: w.seconds(t.worstAt)}
	if points {
		s.Points = slices.Clone(t.series.points)
	}
	return s
}
