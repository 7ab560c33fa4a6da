package rollout

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// ends says whether the andon ends the roll.
func (x *Execution) ends() bool {
	o := x.Andon.Order()
	return o == Cancel || o == Rollback
}

// further has the groups of later rings that an earlier process has begun do what the
// andon says; none begins. It returns their results, also of those that have ended.
func (x *Execution) further(ctx context.Context, rings []RingPlan) (all []record.Roll, err error) {
	for _, ring := range rings {
		some, rerr := x.groups(ctx, ring, true)
		all, err = append(all, some...), errors.Join(err, rerr)
	}
	return all, err
}

// ended is the error of a roll that the andon has ended, with the results of all groups
// that were begun and what kept those of later rings from ending.
func (x *Execution) ended(p *Plan, all []record.Roll, err error) error {
	o := x.Andon.Order()
	switch {
	case err != nil:
		return err
	case !slices.ContainsFunc(all, touched):
		return fault.New(fault.Conflict, "set it to run first: rehydrate roll resume",
			"roll %s: the andon says %s; no group was begun", p.Image, strings.TrimSpace(string(o)+" "+x.Andon.Says()))
	case o == Cancel && (len(all) < p.size() || x.names.err(all) != nil):
		return errors.Join(x.names.err(all), called(o, x.Andon.Says()))
	}
	return nil
}

// size is how many groups the plan has.
func (p *Plan) size() (n int) {
	for range p.Groups() {
		n++
	}
	return n
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
