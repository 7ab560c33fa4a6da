// Package estimate says how long an instance refresh may take, and what its surge
// may cost. It is a simple model, not a promise; docs/plan.md has it in words.
//
// A refresh replaces its instances in steps. A step is as many instances as fit
// between the floor and the ceiling of the group, at least one, and takes as long as
// one instance takes to launch, to warm up and, at the end, to drain. A checkpoint
// below 100 ends a step and adds its delay; a soak is added at the end. The figures
// of a Model are those published for EC2 and Elastic Load Balancing, as bounds.
package estimate

import (
	"math"
	"time"
)

// Span is a duration as bounds and a guess between them.
type Span struct {
	Low    time.Duration `json:"low"`
	Likely time.Duration `json:"likely"`
	High   time.Duration `json:"high"`
}

// Plus adds another span.
func (s Span) Plus(o Span) Span { return Span{s.Low + o.Low, s.Likely + o.Likely, s.High + o.High} }

// Times is the span n times.
func (s Span) Times(n int) Span {
	d := time.Duration(n)
	return Span{s.Low * d, s.Likely * d, s.High * d}
}

// Exactly is a duration that is known.
func Exactly(d time.Duration) Span { return Span{d, d, d} }

// Model are the times of one instance.
type Model struct {
	Begin  Span // from the request until the first instance moves
	Launch Span // until the instance is in service
	Warmup Span // where the group states none
	Drain  Span // of an instance behind a load balancer, until it has ended
	End    Span // of any other instance, until it has ended
}

// Default is the model that plans use.
func Default() Model {
	return Model{
		Begin: Span{3 * time.Second, 15 * time.Second, time.Minute},
		// Launch to SSH was measured at 26 s on average; tens of seconds to 80 s are
		// reported, and Windows takes longer still.
		Launch: Span{20 * time.Second, 40 * time.Second, 3 * time.Minute},
		Warmup: Span{0, time.Minute, 5 * time.Minute},
		// The default deregistration delay of a target group is 300 s.
		Drain: Span{10 * time.Second, 2 * time.Minute, 5 * time.Minute},
		End:   Span{5 * time.Second, 30 * time.Second, 2 * time.Minute},
	}
}

// Group is a refresh to be estimated.
type Group struct {
	Desired  int
	Replace  int // instances to replace
	Floor    int // instances in service that are kept at least
	Ceiling  int // instances that there may be at most
	Balanced bool
	// Warmup is the group's own; nil: not stated.
	Warmup *time.Duration
	// Checkpoints are percentages of Replace, ascending; 100 adds nothing.
	Checkpoints     []int
	CheckpointDelay time.Duration
	Soak            time.Duration
}

// Refresh is what a refresh may take.
type Refresh struct {
	Steps    int  `json:"steps"`    // at least one where anything is replaced
	Duration Span `json:"duration"` // of the whole
	// Surge are the hours of instances over the desired capacity.
	Surge Hours `json:"surge"`
}

// Hours are instance-hours, as bounds and a guess.
type Hours struct {
	Low    float64 `json:"low"`
	Likely float64 `json:"likely"`
	High   float64 `json:"high"`
}

// Plus adds other hours.
func (h Hours) Plus(o Hours) Hours { return Hours{h.Low + o.Low, h.Likely + o.Likely, h.High + o.High} }

// Of estimates a refresh. Nothing to replace takes no time.
func (m Model) Of(g Group) Refresh {
	if g.Replace <= 0 {
		return Refresh{}
	}
	step := max(1, g.Ceiling-g.Floor)
	var r Refresh
	before, waits := 0, 0
	for _, percent := range g.Checkpoints {
		if percent >= 100 {
			break
		}
		at := (g.Replace*percent + 99) / 100
		if at <= before || at >= g.Replace {
			continue // it does not stop a refresh of so few instances
		}
		r.Steps += steps(at-before, step)
		before, waits = at, waits+1
	}
	r.Steps += steps(g.Replace-before, step)
	warm := m.Warmup
	if g.Warmup != nil {
		warm = Exactly(*g.Warmup)
	}
	end := m.End
	if g.Balanced {
		end = m.Drain
	}
	moving := m.Launch.Plus(warm).Plus(end).Times(r.Steps)
	r.Duration = m.Begin.Plus(moving).Plus(Exactly(g.CheckpointDelay).Times(waits)).Plus(Exactly(g.Soak))
	if over := min(g.Ceiling-g.Desired, g.Replace); over > 0 {
		r.Surge = Hours{hours(moving.Low, over), hours(moving.Likely, over), hours(moving.High, over)}
	}
	return r
}

func steps(n, step int) int { return (n + step - 1) / step }

// hours rounds to thousandths: more would pretend to be exact.
func hours(d time.Duration, instances int) float64 {
	return math.Round(d.Hours()*float64(instances)*1000) / 1000
}
