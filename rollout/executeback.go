package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
)

// Back brings the groups that a roll of the plan has moved back to the versions that
// they ran before, by number, rings in reverse order. A refresh of ours that is still
// under way is turned round; after one that succeeded the group rolls forward to the
// recorded version. The first group that cannot go back ends it: nothing is tried twice.
// One that somebody else has changed since is left alone and keeps no other from going
// back; it is a conflict in the end.
func (x *Execution) Back(ctx context.Context, p *Plan, rolls []record.Roll, why string) ([]record.Roll, error) {
	x.names.learn(p)
	have := map[place]record.Roll{}
	for _, r := range rolls {
		have[placeOf(r)] = r
	}
	var all []record.Roll
	for _, ring := range Backwards(p, rolls) {
		some, err := x.groupsBack(ctx, ring, ring.Groups, have, why)
		all = append(all, some...)
		if err == nil {
			err = x.names.err(slices.DeleteFunc(slices.Clone(some), func(r record.Roll) bool { return isOff(r) || r.Outcome == Changed }))
		}
		if err != nil {
			return all, errors.Join(err, x.freeze(ctx, all))
		}
		if o := x.Andon.Order(); o == Cancel {
			return all, called(o, x.Andon.Says())
		}
	}
	return all, x.names.err(slices.DeleteFunc(slices.Clone(all), isOff))
}

// only is the plan with one ring.
func (p *Plan) only(ring string) *Plan {
	out := *p
	out.Rings = slices.DeleteFunc(slices.Clone(p.Rings), func(r RingPlan) bool { return r.Name != ring })
	return &out
}

func (x *Execution) returning(ctx context.Context, p *Plan, why string) error {
	if x.Returning == nil {
		return nil
	}
	return x.Returning(ctx, p, why)
}

// returned is returning for rings that their gates have called back, and whose groups have
// gone back already, or cannot.
func (x *Execution) returned(ctx context.Context, p *Plan, all []record.Roll) (err error) {
	for _, ring := range p.Rings {
		why := x.calledBack(ring.Name)
		if why == "" || ctx.Err() != nil || !slices.ContainsFunc(all, func(r record.Roll) bool { return r.Ring == ring.Name && touched(r) }) {
			continue
		}
		err = errors.Join(err, x.returning(ctx, p.only(ring.Name), during(ring.Name, why).Error()))
	}
	return err
}

// Backwards are the rings of a plan with the groups that rolls of it have moved, in the
// order in which Back brings them back.
func Backwards(p *Plan, rolls []record.Roll) []RingPlan {
	have := map[place]bool{}
	for _, r := range rolls {
		have[placeOf(r)] = movedBy(r)
	}
	var out []RingPlan
	for _, ring := range slices.Backward(p.Rings) {
		groups := slices.Clone(ring.Groups)
		slices.Reverse(groups)
		ring.Groups = slices.DeleteFunc(groups, func(g GroupPlan) bool { return !have[place{g.Cell, g.Group}] })
		if len(ring.Groups) > 0 {
			out = append(out, ring)
		}
	}
	return out
}

// Left are the groups of rolls that may run what those brought to them, after ways back.
func Left(rolls, back []record.Roll) []record.Roll {
	return slices.DeleteFunc(replace(rolls, back), func(r record.Roll) bool { return !movedBy(r) && !r.Frozen })
}

// movedBy says whether a roll may have replaced instances that do not run the image
// before again. A group whose rollback failed is left to people, and of one that was
// deleted nothing runs.
func movedBy(r record.Roll) bool {
	return r.Refresh != "" && !isOff(r) && !r.Frozen
}

// isOff says that no instance of the group runs the new image any more.
func isOff(r record.Roll) bool { return r.Outcome == RolledBack || r.Outcome == Gone }

func (x *Execution) groupsBack(ctx context.Context, p RingPlan, groups []GroupPlan, have map[place]record.Roll, why string) ([]record.Roll, error) {
	limits := Limits{}
	if x.Limits != nil {
		limits = x.Limits(p.Name)
	}
	limits.MaxFailures = 0
	b := &budget{limits: limits}
	jobs, cells := x.jobs(or(x.BackStem, "rollback"), groups, func(g GroupPlan) unit.Unit { return x.backUnit(g, have[place{g.Cell, g.Group}], why) })
	states, err := x.Pool.Run(ctx, jobs, unit.Policy{
		Together: limits.Concurrency,
		InCell:   func(cell string) int { return least(limits.PerCell, x.inCell(cells[cell])) },
		Leave: func() unit.Leave {
			if b.spent() {
				return unit.Stop
			}
			return x.Andon.leaveBack()
		},
		Ended: func(_ string, state json.RawMessage) error { return b.endedBack(state) },
		Watch: x.Andon.Look, Every: andonEvery, Failing: x.failing,
		Answers: func(approval string) bool { return approval == Held },
	})
	results, rerr := resultsOf(jobs, states)
	return results, errors.Join(err, rerr)
}

// endedBack counts what did not come back.
func (b *budget) endedBack(state json.RawMessage) error {
	r, err := GroupResult(state)
	if err == nil && !isOff(r) && r.Outcome != Changed {
		b.failed++
	}
	return err
}

func placeOf(r record.Roll) place { return place{Cell{r.Account, r.Region}, r.Group} }

// replace puts newer results in the place of older ones of the same group.
func replace(all, newer []record.Roll) []record.Roll {
	out := slices.Clone(all)
	for _, n := range newer {
		for i := range out {
			if placeOf(out[i]) == placeOf(n) {
				out[i] = n
			}
		}
	}
	return out
}

// freeze pulls the andon when a group could not go back, so that no other run begins
// before somebody has looked.
func (x *Execution) freeze(ctx context.Context, rolls []record.Roll) error {
	at := slices.IndexFunc(rolls, func(r record.Roll) bool { return r.Frozen })
	if at < 0 || x.Andon == nil || x.Andon.Switch == nil || x.Andon.Order() != Run && x.Andon.Order() != Rollback {
		return nil
	}
	r := rolls[at]
	err := x.Andon.Pull(context.WithoutCancel(ctx), Pause, "rehydrate", fmt.Sprintf("group %s could not be rolled back; look at it, then resume", x.names.in(Cell{r.Account, r.Region}, r.Group)))
	if err != nil {
		x.Stage.Events.Emit(event.Event{Stage: "roll", Unit: "roll", Kind: event.Warned,
			Text: fmt.Sprintf("the andon could not be pulled, other runs are not kept from rolling: %s", err)})
	}
	return nil
}

// Pull sets the andon.
func (a *Andon) Pull(ctx context.Context, o Order, who, why string) error {
	if a == nil || a.Switch == nil {
		return fault.New(fault.Usage, "name one in the configuration", "there is no andon")
	}
	if err := a.Switch.Write(ctx, o.Format(who, why)); err != nil {
		return fmt.Errorf("set the andon %s to %s: %w", a.Switch.Name(), o, err)
	}
	a.say(event.Changed, "the andon %s was set to %s", a.Switch.Name(), o.Format(who, why))
	return nil
}
