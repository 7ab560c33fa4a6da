package rollout

import (
	"context"
	"errors"
	"slices"

	"github.com/goldenami/rehydrate/internal/record"
)

// ends says whether the andon ends the roll.
func (x *Execution) ends() bool {
	o := x.Andon.Order()
	return o == Cancel || o == Rollback
}

// rings rolls rings in order until one keeps the next from moving, and says which. Where
// the andon ends the roll before a ring is through, what an earlier process has begun in
// later ones ends with it, and the error is errPulled.
func (x *Execution) rings(ctx context.Context, p *Plan) (all []record.Roll, at int, err error) {
	for at < len(p.Rings) {
		some, err := x.ring(ctx, p.Rings[at])
		if errors.Is(err, errPulled) {
			more, stuck := x.further(ctx, p.Rings[at+1:])
			if stuck == nil && !x.ends() {
				continue // somebody has resumed meanwhile: this ring is not through
			}
			if some = append(some, more...); stuck != nil {
				err = stuck
			}
		}
		if all = append(all, some...); err != nil {
			return all, at, err
		}
		at++
	}
	return all, at - 1, nil
}

// further has the groups of later rings that an earlier process has begun do what the
// andon says; none begins. It returns their results, also of those that have ended.
func (x *Execution) further(ctx context.Context, rings []RingPlan) (all []record.Roll, err error) {
	for _, ring := range rings {
		some, rerr := x.groups(ctx, ring, true)
		if all = append(all, some...); !errors.Is(rerr, errPulled) {
			err = errors.Join(err, rerr)
		}
	}
	return all, err
}

// last is the place of the last ring of which a group was begun; -1: there is none.
func (p *Plan) last(rolls []record.Roll) int {
	for n := len(p.Rings) - 1; n >= 0; n-- {
		if slices.ContainsFunc(rolls, func(r record.Roll) bool { return r.Ring == p.Rings[n].Name }) {
			return n
		}
	}
	return -1
}
