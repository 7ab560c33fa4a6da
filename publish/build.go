package publish

import (
	"context"
	"fmt"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

// build writes one immutable entry. All of them are validated by AWS before a pointer
// moves.
func (m mover) build(ctx context.Context, st *state) (unit.Next, error) {
	mv, _, ports, err := m.at(ctx, st)
	if err != nil {
		return unit.Next{}, err
	}
	old, err := ports.Parameters.Get(ctx, mv.Build)
	switch {
	case err == nil && old.Value != mv.Image:
		return unit.Next{}, entryTaken(mv, old.Value)
	case err == nil:
		st.next(stepBuildsSeen)
		return unit.Again(0), nil
	case fault.KindOf(err) != fault.NotFound:
		return unit.Next{}, fmt.Errorf("read %s: %w", where(mv.Cell, mv.Build), err)
	}
	_, err = ports.Parameters.Put(ctx, NewVersion{Name: mv.Build, Value: mv.Image,
		DataType: DataTypeImage, Description: mv.Envelope.String()})
	switch {
	case fault.KindOf(err) == fault.Conflict:
		// It exists but cannot be read yet: ours, still being validated, or somebody
		// else's. The read-back tells.
	case err != nil:
		return unit.Next{}, fmt.Errorf("write %s: %w", where(mv.Cell, mv.Build), err)
	default:
		m.say(event.Changed, "wrote %s = %s", where(mv.Cell, mv.Build), mv.Image)
	}
	st.next(stepBuildsSeen)
	return unit.Again(0), nil
}

func entryTaken(mv *Move, value string) error {
	return fault.New(fault.Conflict, "an immutable entry is never rewritten; publish under another build id",
		"write %s: it exists and holds %s", where(mv.Cell, mv.Build), value)
}

// buildsSeen waits until every entry can be read, which means that AWS has validated
// the image there.
func (m mover) buildsSeen(ctx context.Context, st *state) (unit.Next, error) {
	for i := range m.plan.Moves {
		mv := &m.plan.Moves[i]
		ports, err := m.open(ctx, mv.Cell)
		if err != nil {
			return unit.Next{}, err
		}
		p, err := ports.Parameters.Get(ctx, mv.Build)
		switch {
		case err != nil && fault.KindOf(err) != fault.NotFound:
			return unit.Next{}, fmt.Errorf("read %s back: %w", where(mv.Cell, mv.Build), err)
		case err == nil && p.Value != mv.Image:
			return unit.Next{}, entryTaken(mv, p.Value)
		case err == nil:
			continue
		}
		if st.Looks++; st.Looks >= maxLooks {
			st.Moves[i].Stands, st.Moves[i].Text = Refused, "AWS never validated "+mv.Build
			st.settle("rejected", fault.Failed, "publish %s: AWS accepted the write of %s but never validated it; no channel was moved",
				mv.Image, where(mv.Cell, mv.Build))
			st.to(stepRelease)
			return unit.Again(0), nil
		}
		return unit.Again(lookEvery), nil
	}
	st.to(stepPointer)
	return unit.Again(0), nil
}
