package app

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/awscloud/alarms"
	"github.com/goldenami/rehydrate/internal/awscloud/targets"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/internal/wait"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/gate"
	"github.com/goldenami/rehydrate/rollout/gate/probe"
)

// ringGates are the gates of an image line's rings, as the configuration says, over AWS.
// It implements rollout.Gates.
type ringGates struct {
	config *config.Config
	image  *config.Image
	cells  *Cells
	clock  wait.Clock
	events event.Sink
	// modelled are the probes of a rehearsal; nil: the real ones.
	modelled func(ring string, c config.HealthCheck) gate.Probe
}

func newRingGates(in Request, cells *Cells) ringGates {
	return ringGates{config: in.Config, image: in.Image, cells: cells, clock: in.Cloud.Clock, events: in.Events}
}

// of is everything that the ring's gates need; where it rolls is known from the plan.
func (g ringGates) of(ring string, where []rollout.Cell) gate.RingGate {
	r := g.image.Ring(ring)
	out := gate.RingGate{
		Ring: ring, Approval: r.Approval, Calendar: g.config.Calendar(g.image, ring), Soak: r.Soak, Alarms: r.Alarms,
		Watch: alarms.New(g.cells.Session), Clock: g.clock, Events: g.events,
	}
	for _, c := range where {
		if c == (rollout.Cell{}) {
			c = g.cells.Home()
		}
		if !slices.Contains(out.Cells, gate.Cell(c)) {
			out.Cells = append(out.Cells, gate.Cell(c))
		}
	}
	for _, c := range r.Checks {
		out.Checks = append(out.Checks, gate.Check{Name: c.Name, Every: c.Every, Failures: c.Failures, Probe: g.probe(ring, c)})
	}
	return out
}

func (g ringGates) probe(ring string, c config.HealthCheck) gate.Probe {
	switch {
	case g.modelled != nil:
		return g.modelled(ring, c)
	case c.HTTP != "":
		return probe.HTTP{URL: c.HTTP, Status: c.Status, Timeout: c.Timeout}
	case c.TargetGroup != "":
		return probe.Targets{Groups: targets.New(g.cells.Session), ARN: c.TargetGroup, Healthy: c.Healthy, Timeout: c.Timeout}
	}
	return probe.Command{Args: c.Command, Dir: filepath.Dir(g.config.File), Timeout: c.Timeout,
		Env: []string{"REHYDRATE_RING=" + ring, "REHYDRATE_IMAGE_LINE=" + g.image.Label}}
}

// planned is of for a ring of a plan.
func (g ringGates) planned(r rollout.RingPlan) gate.RingGate {
	var where []rollout.Cell
	for _, p := range r.Groups {
		where = append(where, p.Cell)
	}
	out := g.of(r.Name, where)
	out.Soak = max(out.Soak, r.Soak)
	if r.Measured != nil {
		out.Expected = r.Measured.Duration.Likely
	}
	return out
}

// Before implements rollout.Gates.
func (g ringGates) Before(r rollout.RingPlan) unit.Unit {
	x := g.planned(r)
	if x.Approval == "" && len(x.Calendar.Windows)+len(x.Calendar.Freezes)+len(x.Alarms) == 0 {
		return nil
	}
	return gate.Before(x)
}

// After implements rollout.Gates.
func (g ringGates) After(r rollout.RingPlan, began time.Time) unit.Unit {
	x := g.planned(r)
	if x.Soak == 0 && len(x.Alarms)+len(x.Checks) == 0 {
		return nil
	}
	x.Began = began
	return gate.After(x)
}

// Opens implements rollout.Gates.
func (g ringGates) Opens(r rollout.RingPlan, now time.Time) time.Time {
	look := g.config.Calendar(g.image, r.Name).Look(now)
	if look.Open {
		return now
	}
	return look.Opens
}

// Moving implements rollout.Gates.
func (g ringGates) Moving(r rollout.RingPlan) func(context.Context, time.Time) rollout.Verdict {
	x := g.planned(r)
	if len(x.Alarms) == 0 {
		return nil
	}
	m := gate.Moving(x)
	return func(ctx context.Context, began time.Time) rollout.Verdict { return said(m.Look(ctx, began)) }
}

// Verdict implements rollout.Gates. What is unknown, refused or closed halts.
func (g ringGates) Verdict(state json.RawMessage) (rollout.Verdict, error) {
	return said(gate.Outcome(state)), nil
}

func said(v gate.Verdict, text string) rollout.Verdict {
	switch v {
	case gate.Pass:
		return rollout.Verdict{Outcome: rollout.Pass, Text: text}
	case gate.Rollback:
		return rollout.Verdict{Outcome: rollout.Back, Text: text}
	}
	return rollout.Verdict{Outcome: rollout.Halt, Text: text}
}

// preflight looks for what keeps rings from beginning or from ending well.
func (g ringGates) preflight(ctx context.Context, rings []rollout.RingPlan) (refusals, remarks []string) {
	for _, r := range rings {
		no, yes := gate.Preflight(ctx, g.planned(r))
		refusals, remarks = append(refusals, no...), append(remarks, yes...)
	}
	return refusals, remarks
}
