package publish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

// Validation of an aws:ec2:image value takes seconds; a value that has not appeared
// after maxLooks looks was rejected.
const (
	lookEvery = 3 * time.Second
	maxLooks  = 60
	// doubtLooks is how often a pointer is looked for that a process which died may
	// have written: like any other it shows when AWS has validated it.
	doubtLooks = 20
	// maxTries is how often a call is made again that failed when other pointers had
	// moved already: stopping there would leave them mixed. The client has tried
	// several times itself each time.
	maxTries = 5
	tryEvery = 5 * time.Second
	// maxMends is how often a pointer's value is put right before that is given up.
	maxMends = 3
)

// Unit moves the pointers as planned. Each Advance reads first and then makes at most
// one mutating call, so that it may be repeated from the last saved state.
//
// First every builds entry is written and validated, everywhere; then the pointers
// move; then each is looked at again and, where somebody's late write stands over what
// is newer, put right. A pointer that cannot be moved has the others put back.
func (s *Stage) Unit(p *Plan) unit.Unit {
	m := mover{s, p}
	return unit.Func("publish.channel", m.advance)
}

type mover struct {
	*Stage
	plan *Plan
}

func (m mover) advance(ctx context.Context, st *state) (unit.Next, error) {
	if m.plan.Schema != PlanSchema {
		return unit.Next{}, fault.New(fault.Conflict, "start a new run", "publish: the plan is of another version of this program")
	}
	if st.Moves == nil {
		st.Moves = make([]moveState, len(m.plan.Moves))
		st.Result.Channel = m.plan.Moves[0].Channel
	}
	if unit.Repeated(ctx) {
		st.Doubt, st.Looks = true, 0
	}
	switch st.Step {
	case stepCheck:
		return m.check(ctx, st)
	case stepLease:
		return m.lease(ctx, st)
	case stepBuild:
		return m.build(ctx, st)
	case stepBuildsSeen:
		return m.buildsSeen(ctx, st)
	case stepPointer:
		return m.pointer(ctx, st)
	case stepSeen:
		return m.seen(ctx, st)
	case stepBack:
		return m.back(ctx, st)
	case stepTidy:
		return m.tidy(ctx, st)
	case stepRelease:
		return m.release(ctx, st)
	}
	return unit.Next{}, fault.New(fault.Failed, "", "publish: unknown step %q in the saved state", st.Step)
}

// at is the move that the step is at, with its state and its cell's ports.
func (m mover) at(ctx context.Context, st *state) (*Move, *moveState, Ports, error) {
	mv := &m.plan.Moves[st.At]
	ports, err := m.open(ctx, mv.Cell)
	return mv, &st.Moves[st.At], ports, err
}

// check compares every pointer with the plan's preconditions: first before anything is
// done, then again under the lease.
func (m mover) check(ctx context.Context, st *state) (unit.Next, error) {
	held, newer, untidy := 0, "", false
	for i := range m.plan.Moves {
		mv, ms := &m.plan.Moves[i], &st.Moves[i]
		ports, history, err := m.read(ctx, mv.Cell, mv.Channel)
		if err != nil {
			return unit.Next{}, err
		}
		now := last(history)
		*ms = moveState{Base: mv.Version}
		switch {
		case now.Value == mv.Image && !m.ours(now):
			ms.Stands, ms.Now, ms.Build = Held, now.Version, entryOf(mv.Channel, now)
			held++
			todo, err := m.around(ctx, mv, ms, ports, history)
			if err != nil {
				return unit.Next{}, err
			}
			untidy = untidy || todo.do != nil
		case m.ours(now) && !mv.Nothing, now.Version == mv.Version:
		default:
			over, err := m.over(ctx, mv, ports, history, now)
			if err != nil {
				return unit.Next{}, err
			}
			if !over { // it is newer
				ms.Stands, ms.Now = Superseded, now.Version
				ms.Text = fmt.Sprintf("version %d holds the newer %s", now.Version, now.Value)
				newer = fmt.Sprintf("%s holds the newer %s (version %d)", where(mv.Cell, mv.Channel), now.Value, now.Version)
				continue
			}
			ms.Base = now.Version
		}
		if ms.Stands == "" && !m.ours(now) { // it is to be written
			if err := full(mv, history); err != nil {
				return unit.Next{}, err
			}
		}
	}
	switch {
	case newer != "":
		st.settle(Superseded, fault.Conflict, "publish %s: superseded: %s; nothing was moved", m.plan.Moves[0].Image, newer)
		if st.Lease.Fence == 0 {
			return m.end(st), nil
		}
		st.to(stepRelease)
	case held == len(m.plan.Moves) && (!untidy || st.Lease.Fence > 0):
		st.settle(outcomeNothing, 0, "")
		for i, mv := range m.plan.Moves {
			m.say(event.Found, "%s already holds %s (version %d)", where(mv.Cell, mv.Channel), mv.Image, st.Moves[i].Now)
		}
		if st.Lease.Fence == 0 {
			return m.end(st), nil
		}
		st.to(stepTidy) // what a run left that died, or somebody changed
	case st.Lease.Fence == 0:
		st.to(stepLease)
	default:
		st.to(stepBuild)
	}
	return unit.Again(0), nil
}

// over decides about a version that came after the plan: true, it is older and ours
// goes over it; false, it is newer. Somebody's own hand is a conflict: what it meant
// cannot be known.
func (m mover) over(ctx context.Context, mv *Move, ports Ports, history []Parameter, now Parameter) (bool, error) {
	r, known, err := rankOf(ctx, ports, now, mv.Envelope.Generation)
	if err != nil {
		return false, err
	}
	switch {
	case mv.Nothing || now.Version == 0:
	case known && r.compare(mv.Envelope.rank()) > 0:
		return false, nil
	case now.Value == mv.From: // written again, or put back
		return true, nil
	case published(history, now, mv.Version):
		m.say(event.Warned, "%s: since the plan another run put the older %s there (version %d); going over it",
			where(mv.Cell, mv.Channel), now.Value, now.Version)
		return true, nil
	}
	return false, fault.New(fault.Conflict, "plan again",
		"publish to %s: since the plan the channel moved from version %d (%s) to version %d (%s)",
		where(mv.Cell, mv.Channel), mv.Version, orNone(mv.From), now.Version, orNone(now.Value))
}

// published says that a version after the planned one was published by a run. One that
// is written by hand without a description has that of the version before it.
func published(history []Parameter, now Parameter, planned int64) bool {
	e, ok := ParseEnvelope(now.Description)
	for _, p := range history {
		if p.Version <= planned && p.Description == now.Description {
			return false
		}
	}
	return ok && e.Back == ""
}

// end writes the result down and ends the unit.
func (m mover) end(st *state) unit.Next {
	m.finish(st)
	st.to("")
	return unit.Done()
}

// trouble decides what an error of a call means for the pointers that have moved. As
// long as none has, it is an error like any other; else the call is made again some
// times, and then the moved ones are put back.
func (m mover) trouble(ctx context.Context, st *state, err error) (unit.Next, error) {
	if !st.moved() || ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return unit.Next{}, err
	}
	mv, ms := m.plan.Moves[st.At], &st.Moves[st.At]
	again := fault.KindOf(err) != fault.Conflict && fault.KindOf(err) != fault.Denied
	if st.Tries++; again && st.Tries <= maxTries {
		st.Doubt, st.Looks = true, 0
		m.say(event.Warned, "%s: %s; trying again", where(mv.Cell, mv.Channel), err)
		return unit.Again(tryEvery << (st.Tries - 1)), nil
	}
	ms.Stands, ms.Text = Refused, err.Error()
	m.takeBack(st, "%s could not be moved: %s", where(mv.Cell, mv.Channel), err)
	return unit.Again(0), nil
}

// takeBack begins to put back what has moved.
func (m mover) takeBack(st *state, format string, args ...any) {
	why := fmt.Sprintf(format, args...)
	m.say(event.Failed, "%s; the channels that moved are put back", why)
	st.settle(PutBack, fault.Failed, "publish %s: %s; the channels that had moved were put back", m.plan.Moves[0].Image, why)
	st.to(stepBack)
}

// ours says that this run wrote the version.
func (m mover) ours(p Parameter) bool { return ours(p, m.plan.Run) }

func (m mover) say(k event.Kind, format string, args ...any) {
	m.Events.Emit(event.Event{Stage: "publish", Unit: "publish", Kind: k, Text: fmt.Sprintf(format, args...)})
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
