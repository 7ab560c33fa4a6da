package publish

import (
	"context"
	"fmt"
	"slices"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

// back puts one pointer back to what it held, if our version is still its newest. What
// somebody else has written since is not touched.
func (m mover) back(ctx context.Context, st *state) (unit.Next, error) {
	mv, ms, ports, err := m.at(ctx, st)
	if err != nil {
		return m.stuck(ctx, st, err)
	}
	history, err := historyOf(ctx, ports, mv.Cell, mv.Channel)
	if err != nil {
		return m.stuck(ctx, st, err)
	}
	now := last(history)
	mine := ms.Stands == Moved || ms.Stands == Refused || ms.Stands == PutBack
	if mine && ms.Wrote > now.Version && st.Looks < maxLooks { // not validated, or not yet
		st.Looks++
		return unit.Again(lookEvery), nil
	}
	if mine && ms.Asked && !m.ours(now) && now.Version == ms.Base && st.Looks < doubtLooks {
		st.Looks++
		return unit.Again(lookEvery), nil
	}
	switch {
	case !mine, !m.ours(now):
		if ms.Stands == Moved { // ours was never validated, or is covered
			ms.Stands = Untouched
			if now.Version > mv.Version {
				ms.Stands, ms.Text = Superseded, fmt.Sprintf("version %d holds %s", now.Version, now.Value)
			}
		}
		st.next(stepTidy)
		return unit.Again(0), nil
	case ms.Stands == PutBack: // and ours stands nevertheless: AWS rejected the old value
		return m.leave(st, mv, ms, "AWS no longer accepts the image that it held"), nil
	}
	target := m.wentOver(history, ms.Base)
	if target.Version == 0 {
		return m.leave(st, mv, ms, "there was nothing before"), nil
	}
	if busy, err := makeRoom(ctx, mv, ports, history); err != nil {
		return m.stuck(ctx, st, err)
	} else if busy {
		return unit.Again(0), nil
	}
	e, ok := ParseEnvelope(target.Description)
	if !ok { // somebody else's version: say at least whose place it takes
		e = Envelope{Run: unknownRun}
	}
	e.Back, e.Fence = m.plan.Run, st.Lease.Fence
	v, err := ports.Parameters.Put(ctx, NewVersion{Name: mv.Channel, Value: target.Value,
		DataType: DataTypeImage, Description: e.String(), Overwrite: true})
	if err != nil {
		return m.stuck(ctx, st, fmt.Errorf("put %s back to %s: %w", where(mv.Cell, mv.Channel), target.Value, err))
	}
	ms.Stands, ms.Wrote = PutBack, v
	m.say(event.Changed, "put %s back to %s (version %d)", where(mv.Cell, mv.Channel), target.Value, v)
	return unit.Again(lookEvery), nil // and look whether it came to stand
}

// wentOver is what a pointer held when this run moved it: the newest version up to base
// that stands and is not the run's own. That is not what preceded the image which the
// run brought: a rollback brings one that has stood before. The zero Parameter is
// nothing.
func (m mover) wentOver(history []Parameter, base int64) Parameter {
	for _, p := range slices.Backward(standing(history)) {
		if p.Version <= base && !m.ours(p) {
			return p
		}
	}
	return Parameter{}
}

// leave goes on without having put a pointer back.
func (m mover) leave(st *state, mv *Move, ms *moveState, why string) unit.Next {
	ms.Stands, ms.Text = Left, why
	m.say(event.Warned, "%s holds %s and was not put back: %s", where(mv.Cell, mv.Channel), mv.Image, why)
	st.Outcome, st.Kind = "partial", fault.Partial
	st.Text += fmt.Sprintf("; %s was not: %s", where(mv.Cell, mv.Channel), why)
	st.next(stepTidy)
	return unit.Again(0)
}

// stuck is an error while a pointer is put back: it is tried again, and then left.
func (m mover) stuck(ctx context.Context, st *state, err error) (unit.Next, error) {
	if ctx.Err() != nil {
		return unit.Next{}, err
	}
	mv, ms := &m.plan.Moves[st.At], &st.Moves[st.At]
	if ms.Stands != Moved && ms.Stands != Refused && ms.Stands != PutBack {
		st.next(stepTidy)
		return unit.Again(0), nil
	}
	if st.Tries++; st.Tries <= maxTries && fault.KindOf(err) != fault.Denied {
		return unit.Again(tryEvery << (st.Tries - 1)), nil
	}
	if ms.Stands == Refused && ms.Wrote == 0 && !ms.Asked { // it is the one that nobody can reach
		st.next(stepTidy)
		return unit.Again(0), nil
	}
	return m.leave(st, mv, ms, err.Error()), nil
}
