package publish

import (
	"context"
	"fmt"
	"path"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

// tidy brings what stands around a pointer to what follows from its history: the value
// that ranks highest, the labels, the envelope beside it. One Advance looks and mends
// one thing; the passes end when one of them finds nothing to mend. Two publishers
// that tidy the same pointer agree, because both go by the history alone.
func (m mover) tidy(ctx context.Context, st *state) (unit.Next, error) {
	next, err := m.tidyOne(ctx, st)
	if err == nil || ctx.Err() != nil || st.Tries >= maxTries {
		return next, err
	}
	st.Tries++
	return unit.Again(tryEvery << (st.Tries - 1)), nil
}

func (m mover) tidyOne(ctx context.Context, st *state) (unit.Next, error) {
	mv, ms := &m.plan.Moves[st.At], &st.Moves[st.At]
	if !ms.touched() {
		return m.tidied(st), nil
	}
	ports, history, err := m.read(ctx, mv.Cell, mv.Channel)
	if err != nil {
		return unit.Next{}, err
	}
	now := last(history)
	if (ms.Wrote > now.Version || gap(history, mv.Version, ms.Sure) && ms.Wrote > 0) && st.Looks < doubtLooks {
		st.Looks++ // a write, ours or another's, is not validated yet
		return unit.Again(lookEvery), nil
	}
	ms.Sure = now.Version
	if busy, err := m.mend(ctx, st, mv, ms, ports, history); err != nil {
		return unit.Next{}, err
	} else if busy {
		st.Dirty, st.Looks = true, 0
		return unit.Again(lookEvery), nil
	}
	m.judge(st, mv, ms, history)
	todo, err := m.around(ctx, mv, ms, ports, history)
	if err != nil {
		return unit.Next{}, err
	}
	switch {
	case todo.do == nil:
		return m.tidied(st), nil
	case todo.key == ms.Did && st.Looks < doubtLooks: // done, and does not show yet
		st.Looks++
		return unit.Again(lookEvery), nil
	}
	if err := todo.do(ctx); err != nil {
		return unit.Next{}, err
	}
	ms.Did, st.Dirty, st.Looks = todo.key, true, 0
	return unit.Again(0), nil
}

// around is what is to be mended around the newest version, if anything is.
func (m mover) around(ctx context.Context, mv *Move, ms *moveState, ports Ports, history []Parameter) (chore, error) {
	if todo := restore(mv, ports, history); todo.do != nil {
		return todo, nil
	}
	if todo := relabel(mv, ports, history); todo.do != nil {
		return todo, nil
	}
	if ms.Stands == Held && ms.Did != didEntry {
		if todo, err := entry(ctx, mv, ports, last(history)); todo.do != nil || err != nil {
			return todo, err
		}
	}
	return seal(ctx, mv, ports, last(history))
}

// touched says that there is something to tidy: what could not be reached, or is
// somebody else's, is not ours to look after.
func (ms *moveState) touched() bool {
	switch ms.Stands {
	case Moved, Held, PutBack, Left:
		return true
	}
	return ms.Wrote > 0
}

// tidied goes on to the next pointer, and after the last of a pass in which something
// was mended to the first again.
func (m mover) tidied(st *state) unit.Next {
	if st.At+1 < len(st.Moves) || !st.Dirty {
		st.next(stepRelease)
	} else {
		st.to(stepTidy)
	}
	return unit.Again(0)
}

// gap says that numbers between a version and the newest are missing from the history:
// writes that AWS is still validating, or rejected.
func gap(history []Parameter, after, sure int64) bool {
	if len(history) == 0 {
		return false
	}
	next := max(after+1, sure+1, history[0].Version)
	for _, p := range history {
		if p.Version < next {
			continue
		}
		if p.Version > next {
			return true
		}
		next++
	}
	return false
}

// mend writes the version that ranks highest over one that does not: a write that came
// late, by a run that had been away. What a person put there stays.
func (m mover) mend(ctx context.Context, st *state, mv *Move, ms *moveState, ports Ports, history []Parameter) (busy bool, err error) {
	best, err := m.best(ctx, mv, ports, history)
	now := last(history)
	if err != nil || best.Version == 0 || now.Value == best.Value || !published(history, now, mv.Version) && !m.ours(now) {
		return false, err
	}
	if ms.Mended++; ms.Mended > maxMends {
		ms.Text = fmt.Sprintf("version %d holds %s; the newer %s could not be put back over it", now.Version, now.Value, best.Value)
		st.settle("partial", fault.Partial, "publish to %s: %s", where(mv.Cell, mv.Channel), ms.Text)
		return false, nil
	}
	if room, err := makeRoom(ctx, mv, ports, history); room || err != nil {
		return room, err
	}
	m.say(event.Warned, "%s: version %d holds %s, which is older than %s of version %d; putting that back",
		where(mv.Cell, mv.Channel), now.Version, now.Value, best.Value, best.Version)
	v, err := ports.Parameters.Put(ctx, NewVersion{Name: mv.Channel, Value: best.Value,
		DataType: DataTypeImage, Description: best.Description, Overwrite: true})
	if err != nil {
		return false, fmt.Errorf("put %s back to the newer %s: %w", where(mv.Cell, mv.Channel), best.Value, err)
	}
	ms.Wrote = v
	return true, nil
}

// best is the version that ranks highest of those that came after the plan and stand;
// the zero Parameter if there is none.
func (m mover) best(ctx context.Context, mv *Move, ports Ports, history []Parameter) (Parameter, error) {
	var best Parameter
	var top rank
	for _, p := range standing(history) {
		if p.Version <= mv.Version {
			continue
		}
		r, known, err := rankOf(ctx, ports, p, mv.Envelope.Generation)
		if err != nil {
			return Parameter{}, err
		}
		if known && (best.Version == 0 || r.compare(top) >= 0) {
			best, top = p, r
		}
	}
	return best, nil
}

// judge notes how the pointer stands.
func (m mover) judge(st *state, mv *Move, ms *moveState, history []Parameter) {
	now := last(history)
	ms.Now, ms.Before = now.Version, replaced(history)
	if ms.Stands == Moved && now.Value != mv.Image {
		ms.Stands = Superseded
		ms.Text = fmt.Sprintf("version %d holds %s", now.Version, now.Value)
		st.settle(Superseded, fault.Conflict, "publish %s to %s: superseded by %s (version %d)",
			mv.Image, where(mv.Cell, mv.Channel), now.Value, now.Version)
	}
}

// didEntry is the chore of entry. It is done once: AWS may not accept the image any more.
const didEntry = "entry"

// entryOf names the builds entry of a channel's version; "" for one written by hand.
func entryOf(channel string, now Parameter) string {
	e, ok := ParseEnvelope(now.Description)
	if !ok || byHand(now) {
		return ""
	}
	return path.Join(path.Dir(channel), "builds", e.BuildID())
}

// entry is the builds entry of a version that is held, if it is missing: somebody has
// deleted it. What it holds follows from the version.
func entry(ctx context.Context, mv *Move, ports Ports, now Parameter) (chore, error) {
	name := entryOf(mv.Channel, now)
	if name == "" {
		return chore{}, nil
	}
	_, err := ports.Parameters.Get(ctx, name)
	switch {
	case err == nil:
		return chore{}, nil
	case fault.KindOf(err) != fault.NotFound:
		return chore{}, fmt.Errorf("read %s: %w", where(mv.Cell, name), err)
	}
	return chore{didEntry, func(ctx context.Context) error {
		_, err := ports.Parameters.Put(ctx, NewVersion{Name: name, Value: now.Value, DataType: DataTypeImage, Description: now.Description})
		if err != nil && fault.KindOf(err) != fault.Conflict { // it exists, and AWS is validating it
			return fmt.Errorf("write %s: %w", where(mv.Cell, name), err)
		}
		return nil
	}}, nil
}

// seal is the envelope beside a pointer, if it is not the newest version's.
func seal(ctx context.Context, mv *Move, ports Ports, now Parameter) (chore, error) {
	want, ok := envelopeOf(now)
	if !ok {
		return chore{}, nil
	}
	name := EnvelopeName(mv.Channel)
	have, err := ports.Parameters.Get(ctx, name)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return chore{}, fmt.Errorf("read %s: %w", where(mv.Cell, name), err)
	}
	if have.Value == want {
		return chore{}, nil
	}
	return chore{fmt.Sprintf("envelope %d", now.Version), func(ctx context.Context) error {
		_, err := ports.Parameters.Put(ctx, NewVersion{Name: name, Value: want, DataType: dataTypeText,
			Description: "rehydrate: what is known of the image in " + mv.Channel, Overwrite: true})
		if err != nil {
			return fmt.Errorf("write %s: %w", where(mv.Cell, name), err)
		}
		return nil
	}}, nil
}
