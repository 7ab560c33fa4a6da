package app

import (
	"context"

	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/rehearse"
	"github.com/goldenami/rehydrate/internal/twin/replica"
	"github.com/goldenami/rehydrate/rollout"
)

// rollCopy plans and rolls in a copy as a run would, with a journal that nobody resumes,
// no andon and no gates but the rings' soaks.
func rollCopy(in RehearseRequest) func(context.Context, *replica.Replica, rollout.Input) (*rollout.Plan, []record.Roll, error) {
	return func(ctx context.Context, r *replica.Replica, what rollout.Input) (*rollout.Plan, []record.Roll, error) {
		home := what.Fleets[0].Cells[0]
		clock := r.Clock(rehearse.Client)
		cells, err := cellsOf(ctx, r.Client(rehearse.Client), clock, home, places(what, home))
		if err != nil {
			return nil, nil, err
		}
		stage := &rollout.Stage{Cells: batchedCells(cells.Rollout), Clock: clock, Events: event.Stamp(in.Events, "rehearsal", clock.Now)}
		plan, err := stage.Plan(ctx, what)
		if err == nil {
			err = plan.Err()
		}
		if err != nil {
			return plan, nil, err
		}
		x := &rollout.Execution{
			Stage:  stage,
			Pool:   &engine.Pool{Local: &engine.Local{Journal: journal.Open(journal.NewMemory(), "rehearsal"), Clock: clock}, Tick: rollTick},
			Limits: func(ring string) rollout.Limits { return ringLimits(in.Line, ring) },
			InCell: func(c rollout.Cell) int { return accountLimit(in.Config, &Cloud{Account: home.Account}, c) },
			Home:   home,
		}
		rolls, err := x.Roll(ctx, plan)
		return plan, rolls, err
	}
}
