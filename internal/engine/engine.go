// Package engine runs units: it records before and after each Advance, waits on
// the run's clock, and goes on from the last record after a crash.
package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Local runs units in this process.
type Local struct {
	Journal *journal.Journal
	Clock   wait.Clock
	// Wall is for waits on child processes; nil is the machine's clock.
	Wall wait.Clock
	// MaxWait ends the process with fault.Waiting rather than wait longer for one
	// step; 0 waits for ever.
	MaxWait time.Duration
}

// Run advances the unit of that name to its end and returns its last state. A unit
// that has ended before is not advanced again.
func (l *Local) Run(ctx context.Context, name string, u unit.Unit) (json.RawMessage, error) {
	h, err := l.open(ctx, name, u.Kind())
	if err != nil {
		return nil, err
	}
	for !h.done {
		if h.decision == nil {
			if err := l.sleep(ctx, name, h.next); err != nil {
				return nil, err
			}
		}
		if err := h.before(ctx); err != nil {
			return nil, err
		}
		state, next, err := u.Advance(h.mark(ctx), h.state)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := h.after(ctx, state, next); err != nil {
			return nil, err
		}
	}
	return h.state, nil
}

// sleep waits as the last Advance asked.
func (l *Local) sleep(ctx context.Context, name string, n pending) error {
	if n.approval != "" {
		return fault.As(&Waiting{Unit: name, Approval: n.approval}, fault.Waiting, "`rehydrate approve --by NAME "+l.Journal.Run()+"`, then `rehydrate run --resume "+l.Journal.Run()+"`")
	}
	if n.due.IsZero() {
		return ctx.Err()
	}
	clock := l.clock(n.wall)
	until := n.due
	if n.whole.After(until) {
		until = n.whole
	}
	if left := until.Sub(clock.Now()); l.MaxWait > 0 && left > l.MaxWait {
		return fault.As(&Waiting{Unit: name, Until: until, Look: n.due}, fault.Waiting, "go on later with `rehydrate run --resume --due`")
	}
	return clock.Sleep(ctx, n.due)
}

// Waiting is the cause of an error of kind fault.Waiting: what a unit waits for, an
// approval or a time.
type Waiting struct {
	Unit     string
	Approval string
	Until    time.Time
	// Look is when the unit wants to look in between; zero or Until: it does not.
	Look time.Time
}

// Due is when going on with the run does something.
func (w *Waiting) Due() time.Time {
	if w.Look.IsZero() {
		return w.Until
	}
	return w.Look
}

func (w *Waiting) Error() string {
	if w.Approval != "" {
		return w.Unit + " waits for approval of " + w.Approval
	}
	return w.Unit + " waits until " + w.Until.Format(time.RFC3339)
}

// clock is the run's own or, for a wait on a child process, the wall's.
func (l *Local) clock(wall bool) wait.Clock {
	switch {
	case !wall:
		return l.Clock
	case l.Wall != nil:
		return l.Wall
	}
	return wait.Wall{}
}

// pending is what stands before the next Advance.
type pending struct {
	due      time.Time
	whole    time.Time // when a wait of many looks may end; zero: due
	wall     bool
	approval string
}

// history is a unit's place in the journal.
type history struct {
	l     *Local
	unit  string
	kind  string
	seq   int // the last number written
	state json.RawMessage
	next  pending
	done  bool
	// approval is what the last record waits for.
	approval string
	decision *unit.Decision // the answer to it, for the next Advance
	started  bool           // a Before record of this state stands in the journal
	cut      bool           // that record is of another process, which did not live to add an After
}

func (l *Local) open(ctx context.Context, name, kind string) (*history, error) {
	records, err := l.Journal.Tail(ctx, name)
	if err != nil {
		return nil, err
	}
	return l.history(ctx, name, kind, records)
}

// history is where a unit stands that has these last records.
func (l *Local) history(ctx context.Context, name, kind string, records []journal.Record) (_ *history, err error) {
	h := &history{l: l, unit: name, kind: kind}
	asked := 0
	for _, r := range records {
		if r.Kind != kind {
			return nil, fault.New(fault.Conflict, "", "unit %s of run %s is a %s in the journal, not a %s", name, l.Journal.Run(), r.Kind, kind)
		}
		h.seq = r.Seq
		switch r.Phase {
		case journal.Before:
			h.started = true
		case journal.After:
			h.state, h.done, h.started, h.approval = r.State, r.Done, false, r.Approval
			h.next, asked = pending{due: r.Due, approval: r.Approval}, r.Seq
		}
	}
	h.cut = h.started
	if h.next.approval != "" && !h.done {
		if h.decision, err = l.Journal.Decision(ctx, name, asked); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// mark tells the first Advance after a crash that it may be a repetition.
func (h *history) mark(ctx context.Context) context.Context {
	if h.decision != nil {
		ctx = unit.Decided(ctx, *h.decision)
	}
	if !h.cut {
		return ctx
	}
	h.cut = false
	return unit.Repeat(ctx)
}

// before records that an Advance from this state begins. Polls that change nothing
// share one record.
func (h *history) before(ctx context.Context) error {
	if h.started {
		return nil
	}
	if err := h.append(ctx, journal.Record{Phase: journal.Before}); err != nil {
		return err
	}
	h.started = true
	return nil
}

// after takes an Advance's answer and records it if it changed anything.
func (h *history) after(ctx context.Context, state json.RawMessage, n unit.Next) error {
	h.next = pending{approval: n.Approval, wall: n.Wall}
	h.decision = nil
	if n.After > 0 {
		h.next.due = h.l.clock(n.Wall).Now().Add(n.After)
	}
	if n.Whole > 0 {
		h.next.whole = h.l.clock(n.Wall).Now().Add(n.Whole)
	}
	if !n.Done && n.Approval == h.approval && bytes.Equal(state, h.state) {
		return nil
	}
	r := journal.Record{Phase: journal.After, State: state, Done: n.Done, Approval: n.Approval}
	if !n.Wall {
		r.Due = h.next.due // a wait on the wall is for a process that a resume does not have
	}
	if err := h.append(ctx, r); err != nil {
		return err
	}
	h.state, h.done, h.started, h.approval = state, n.Done, false, n.Approval
	return nil
}

func (h *history) append(ctx context.Context, r journal.Record) error {
	r.Seq, r.Unit, r.Kind = h.seq+1, h.unit, h.kind
	r.At, r.Wall = h.l.Clock.Now(), time.Now().UTC()
	// What Advance did has happened: an interrupt must not lose its record.
	if err := h.l.Journal.Append(context.WithoutCancel(ctx), r); err != nil {
		return err
	}
	h.seq++
	return nil
}
