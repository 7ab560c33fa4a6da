package app

import (
	"context"

	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/rehearse"
	"github.com/goldenami/rehydrate/internal/twin/replica"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/gate"
)

// rollCopy plans and rolls in a copy as a run would, with a journal that nobody resumes,
// no andon, and gates whose answers are modelled.
func rollCopy(in RehearseRequest) func(context.Context, *replica.Replica, rollout.Input) (rehearse.Rolled, error) {
	return func(ctx context.Context, r *replica.Replica, what rollout.Input) (rehearse.Rolled, error) {
		home := what.Fleets[0].Cells[0]
		clock := r.Clock(rehearse.Client)
		cells, err := cellsOf(ctx, r.Client(rehearse.Client), clock, home, append(places(what, home), in.elsewhere()...))
		if err != nil {
			return rehearse.Rolled{}, err
		}
		stage := &rollout.Stage{Cells: batchedCells(cells.Rollout), Clock: clock, Events: event.Stamp(in.Events, "rehearsal", clock.Now)}
		plan, err := stage.Plan(ctx, what)
		if err == nil {
			err = plan.Err()
		}
		if err != nil {
			return rehearse.Rolled{Plan: plan}, err
		}
		out := rehearse.Rolled{Plan: plan, Waits: &rehearse.Waits{}}
		x := &rollout.Execution{
			Stage:  stage,
			Pool:   &engine.Pool{Local: &engine.Local{Journal: journal.Open(journal.NewMemory(), "rehearsal"), Clock: clock}, Tick: rollTick},
			Limits: func(ring string) rollout.Limits { return ringLimits(in.Line, ring) },
			InCell: func(c rollout.Cell) int { return accountLimit(in.Config, &Cloud{Account: home.Account}, c) },
			Gates:  in.gates(cells, stage, out.Waits),
			Home:   home,
		}
		out.Rolls, err = x.Roll(ctx, plan)
		return out, err
	}
}

// elsewhere are the accounts and Regions of alarms that rings name by ARN.
func (in RehearseRequest) elsewhere() (out []rollout.Cell) {
	for _, ring := range in.Line.Rings {
		for _, a := range in.Line.Ring(ring).Alarms {
			if c, _, ok := gate.ParseARN(a); ok {
				out = append(out, rollout.Cell(c))
			}
		}
	}
	return out
}
