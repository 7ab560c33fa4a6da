package publish

import (
	"context"
	"fmt"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

// pointer moves one channel, or adopts a move of this run that was not recorded. A
// second write would be a second version, so a first one is looked for with patience.
func (m mover) pointer(ctx context.Context, st *state) (unit.Next, error) {
	mv, ms, ports, err := m.at(ctx, st)
	if err != nil {
		return m.trouble(ctx, st, err)
	}
	if ms.Stands != "" {
		st.next(stepSeen)
		return unit.Again(0), nil
	}
	if busy, after, err := m.hold(ctx, st); err != nil {
		return m.trouble(ctx, st, err)
	} else if busy {
		return unit.Again(after), nil
	}
	history, err := historyOf(ctx, ports, mv.Cell, mv.Channel)
	if err != nil {
		return m.trouble(ctx, st, err)
	}
	now := last(history)
	switch {
	case m.ours(now) && now.Value == mv.Image:
		ms.Stands, ms.Version, ms.Asked = Moved, now.Version, false
		st.next(stepSeen)
		return unit.Again(0), nil
	case now.Version != ms.Base && now.Value == mv.Image: // another run of the line has moved it
		ms.Stands, ms.Now, ms.Build = Held, now.Version, entryOf(mv.Channel, now)
		st.next(stepSeen)
		return unit.Again(0), nil
	case now.Version != ms.Base:
		over, err := m.over(ctx, mv, ports, history, now)
		if err != nil {
			return m.trouble(ctx, st, err)
		}
		if !over {
			return m.passed(st, mv, ms, now), nil
		}
		ms.Base = now.Version
	case st.Doubt && st.Looks < doubtLooks:
		st.Looks++
		return unit.Again(lookEvery), nil
	}
	if busy, err := makeRoom(ctx, mv, ports, history); err != nil {
		return m.trouble(ctx, st, err)
	} else if busy {
		return unit.Again(0), nil
	}
	if _, err := available(ctx, ports, mv.Image, mv.Cell); err != nil {
		return m.trouble(ctx, st, err)
	}
	e := mv.Envelope
	e.Fence = st.Lease.Fence
	v, err := ports.Parameters.Put(ctx, NewVersion{Name: mv.Channel, Value: mv.Image,
		DataType: DataTypeImage, Description: e.String(), Overwrite: true})
	if err != nil {
		ms.Asked = true
		return m.trouble(ctx, st, fmt.Errorf("write %s: %w", where(mv.Cell, mv.Channel), err))
	}
	ms.Stands, ms.Version, ms.Wrote, ms.Asked = Moved, v, v, false
	m.say(event.Changed, "moved %s to %s (version %d)", where(mv.Cell, mv.Channel), mv.Image, v)
	st.next(stepSeen)
	return unit.Again(0), nil
}

// passed is a pointer that somebody moved to something newer meanwhile. If others are
// ours already, the rest is finished: every pointer then holds ours or what is newer.
func (m mover) passed(st *state, mv *Move, ms *moveState, now Parameter) unit.Next {
	ms.Stands, ms.Now = Superseded, now.Version
	ms.Text = fmt.Sprintf("version %d holds the newer %s", now.Version, now.Value)
	m.say(event.Warned, "%s holds the newer %s (version %d)", where(mv.Cell, mv.Channel), now.Value, now.Version)
	st.settle(Superseded, fault.Conflict, "publish %s to %s: superseded by the newer %s (version %d)",
		mv.Image, where(mv.Cell, mv.Channel), now.Value, now.Version)
	if !st.moved() {
		st.to(stepRelease)
		return unit.Again(0)
	}
	st.next(stepSeen)
	return unit.Again(0)
}

// seen waits until every version that we wrote can be read, which means that AWS has
// validated it, or until a newer one can.
func (m mover) seen(ctx context.Context, st *state) (unit.Next, error) {
	for i := range m.plan.Moves {
		mv, ms := &m.plan.Moves[i], &st.Moves[i]
		if ms.Stands != Moved || !ms.MovedAt.IsZero() {
			continue
		}
		st.At = i
		ports, err := m.open(ctx, mv.Cell)
		if err != nil {
			return m.trouble(ctx, st, err)
		}
		p, err := ports.Parameters.Get(ctx, mv.Channel)
		switch {
		case err != nil && fault.KindOf(err) != fault.NotFound:
			return m.trouble(ctx, st, fmt.Errorf("read %s back: %w", where(mv.Cell, mv.Channel), err))
		case err == nil && p.Version >= ms.Version:
			ms.MovedAt = m.Clock.Now()
			st.Looks, st.Tries = 0, 0
			continue
		}
		if st.Looks++; st.Looks >= maxLooks {
			ms.Stands = Refused
			ms.Text = fmt.Sprintf("AWS accepted the write of version %d but never validated it; the old value stands (%s)", ms.Version, orNone(p.Value))
			m.takeBack(st, "AWS accepted the write of %s but never validated it; the old value stands (%s)",
				where(mv.Cell, mv.Channel), orNone(p.Value))
			return unit.Again(0), nil
		}
		return unit.Again(lookEvery), nil
	}
	st.to(stepTidy)
	return unit.Again(0), nil
}
