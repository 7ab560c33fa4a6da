package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/rehearse"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/gate"
)

// rehearsedGates are the gates of a run in the copy's time: the alarms are the copy's,
// health checks have a modelled outcome, and approvals are given after a while. What was
// waited for is kept.
type rehearsedGates struct {
	ringGates
	approve time.Duration // after which an approval is given, or refused
	refused []string      // rings
	waits   *rehearse.Waits
}

// gateNames are the gates of an image line's rings, as presets name them.
func gateNames(i *config.Image) map[string]rehearse.Gates {
	out := map[string]rehearse.Gates{}
	for _, name := range i.Rings {
		r := i.Ring(name)
		g := rehearse.Gates{Alarms: r.Alarms, Approval: r.Approval}
		for _, c := range r.Checks {
			g.Checks = append(g.Checks, c.Name)
		}
		out[name] = g
	}
	return out
}

// gates are those of the rings in the copy.
func (in RehearseRequest) gates(cells *Cells, stage *rollout.Stage, waits *rehearse.Waits) rehearsedGates {
	var refused, bad []string
	for _, text := range in.Presets {
		switch p, err := rehearse.ParsePreset(text); {
		case err != nil: // was refused before
		case p.Kind == "refuse":
			refused = append(refused, p.What)
		case p.Kind == "check":
			bad = append(bad, p.What)
		}
	}
	return rehearsedGates{approve: in.ApproveAfter, refused: refused, waits: waits, ringGates: ringGates{config: in.Config, image: in.Line, cells: cells,
		clock: stage.Clock, events: stage.Events, modelled: func(_ string, c config.HealthCheck) gate.Probe {
			return modelledProbe{slices.Contains(bad, c.Name)}
		}}}
}

// modelledProbe is a health check that nobody makes.
type modelledProbe struct{ bad bool }

// Look implements gate.Probe.
func (p modelledProbe) Look(context.Context) (gate.Health, string) {
	if p.bad {
		return gate.Bad, "bad on purpose"
	}
	return gate.Good, "modelled"
}

// Before implements rollout.Gates.
func (g rehearsedGates) Before(r rollout.RingPlan) unit.Unit {
	u := g.ringGates.Before(r)
	if u == nil {
		return nil
	}
	return &rehearsedBefore{Unit: u, g: g, ring: r.Name}
}

// rehearsedBefore answers what its gate asks for, and notes what it waits for.
type rehearsedBefore struct {
	unit.Unit
	g     rehearsedGates
	ring  string
	asked string // the approval that was asked for
}

// Advance implements unit.Unit.
func (b *rehearsedBefore) Advance(ctx context.Context, state json.RawMessage) (json.RawMessage, unit.Next, error) {
	now := b.g.clock.Now()
	if b.asked != "" {
		ctx = unit.Decided(ctx, unit.Decision{Approval: b.asked, Approved: !slices.Contains(b.g.refused, b.ring), By: "the rehearsal", At: now, Wall: now})
		b.asked = ""
	}
	state, next, err := b.Unit.Advance(ctx, state)
	if err != nil {
		return state, next, err
	}
	wait := rehearse.Waiting{Ring: b.ring, From: now, To: now.Add(next.After)}
	switch look := b.g.config.Calendar(b.g.image, b.ring).Look(now); {
	case next.Approval != "":
		b.asked = next.Approval
		wait.For, wait.Text, wait.To = rehearse.ForApproval, next.Approval, now.Add(b.g.approve)
		next = unit.Again(b.g.approve)
	case next.Done:
		return state, next, nil
	case !look.Open:
		wait.For, wait.Text = rehearse.ForWindow, look.Why
	default:
		wait.For = rehearse.ForAlarms
	}
	b.g.waits.Add(wait)
	return state, next, nil
}

// After implements rollout.Gates.
func (g rehearsedGates) After(r rollout.RingPlan, began time.Time) unit.Unit {
	u := g.ringGates.After(r, began)
	if u == nil {
		return nil
	}
	x, text := g.image.Ring(r.Name), "nothing is watched"
	if len(x.Alarms)+len(x.Checks) > 0 {
		text = fmt.Sprintf("watched by alarms (%d) and health checks (%d)", len(x.Alarms), len(x.Checks))
	}
	return rehearsedAfter{Unit: u, g: g, ring: r.Name, text: text}
}

// rehearsedAfter notes how long its ring soaks.
type rehearsedAfter struct {
	unit.Unit
	g          rehearsedGates
	ring, text string
}

// Advance implements unit.Unit.
func (a rehearsedAfter) Advance(ctx context.Context, state json.RawMessage) (json.RawMessage, unit.Next, error) {
	now := a.g.clock.Now()
	state, next, err := a.Unit.Advance(ctx, state)
	switch {
	case err != nil:
	case next.Done:
		a.g.waits.End(a.ring, rehearse.ForSoak, now)
	default:
		a.g.waits.Add(rehearse.Waiting{Ring: a.ring, For: rehearse.ForSoak, Text: a.text, From: now, To: now.Add(next.After)})
	}
	return state, next, err
}

// Opens implements rollout.Gates.
func (g rehearsedGates) Opens(r rollout.RingPlan, now time.Time) time.Time {
	at := g.ringGates.Opens(r, now)
	if at.After(now) {
		look := g.config.Calendar(g.image, r.Name).Look(now)
		g.waits.Add(rehearse.Waiting{Ring: r.Name, For: rehearse.ForWindow, Text: "no further group begins: " + look.Why, From: now, To: at})
	}
	return at
}
