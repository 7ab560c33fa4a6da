package engine

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

func (r *pooled) land(t *task) {
	r.busy--
	switch {
	case t.panic != nil:
		r.panic = t.panic
	case t.broken != nil:
		r.broken = errors.Join(r.broken, t.broken)
	case t.err != nil:
		r.failed(t)
	case t.h.done:
		r.leaves(t)
		if err := r.ended(t.Name, t.h.state); err != nil {
			r.broken = errors.Join(r.broken, err)
		}
	case t.h.next.approval != "" && r.o.Answers != nil && r.o.Answers(t.h.next.approval):
		t.failing = time.Time{}
		r.parked = append(r.parked, t)
	case t.h.next.approval != "":
		r.leaves(t)
		r.errs = append(r.errs, r.Local.sleep(context.Background(), t.Name, t.h.next)) // does not sleep
	default:
		t.failing, t.due = time.Time{}, r.round(t.h.next)
		heap.Push(&r.wait, t)
	}
}

func (r *pooled) leaves(t *task) {
	r.running--
	r.inCell[t.Cell]--
}

// round is when a unit is due: on a whole tick, unless it wants to go on sooner.
func (r *pooled) round(n pending) time.Time {
	if n.due.IsZero() || r.Tick <= 0 {
		return n.due
	}
	if left := n.due.Sub(r.Clock.Now()); left < r.Tick {
		return n.due
	}
	if cut := n.due.Truncate(r.Tick); cut.Before(n.due) {
		return cut.Add(r.Tick)
	}
	return n.due
}

// failed tries again later, or gives the unit up.
func (r *pooled) failed(t *task) {
	now := r.Clock.Now()
	if errors.Is(t.err, context.Canceled) { // we are interrupted: it stays where it is
		t.due = now.Add(retryFirst)
		heap.Push(&r.wait, t)
		return
	}
	if t.failing.IsZero() {
		t.failing, t.pause = now, retryFirst
	}
	patience := r.Patience
	if patience == 0 {
		patience = defaultPatience
	}
	if !passing(t.err) || now.Add(t.pause).Sub(t.failing) > patience {
		r.leaves(t)
		r.states[t.Name] = t.h.state
		r.errs = append(r.errs, fmt.Errorf("%s: %w", t.Name, t.err))
		return
	}
	if r.o.Failing != nil {
		r.o.Failing(t.Name, t.failing, t.err)
	}
	t.due = now.Add(t.pause)
	t.pause = min(2*t.pause, retryLast)
	heap.Push(&r.wait, t)
}

// passing says whether an error may be gone later: AWS was asked too often or had a
// fault, or the connection broke. What AWS refuses it will refuse again.
func passing(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var n net.Error
	return fault.KindOf(err) == fault.Throttled || errors.As(err, &n) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// sleep waits for the earliest due moment; nothing is in flight.
func (r *pooled) sleep(ctx context.Context, now time.Time) error {
	until := r.look
	if len(r.wait) > 0 {
		t := r.wait[0]
		if whole := later(t.due, t.h.next.whole); r.MaxWait > 0 && whole.Sub(now) > r.MaxWait {
			return waiting(t.Name, whole, t.due)
		}
		r.idle = time.Time{}
		if r.o.Watch == nil || t.due.Before(until) {
			until = t.due
		}
		return r.Clock.Sleep(ctx, until)
	}
	// Everything is parked, or may not begin: only Watch, or time, can end that.
	var opens time.Time
	if r.o.Until != nil && len(r.queue) > 0 {
		opens = r.o.Until()
		if r.o.Watch != nil && !opens.After(r.Clock.Now()) {
			opens = time.Time{} // it is not time that holds them; clocks go on between two looks
		}
	}
	if r.o.Watch == nil && !opens.After(now) {
		return fault.New(fault.Failed, "", "nothing can end the wait of %d units", r.running+len(r.queue))
	}
	if r.idle.IsZero() {
		r.idle = now
	}
	if r.o.Watch == nil || opens.After(now) && opens.Before(until) {
		until = opens
	}
	if end := later(until, opens); r.MaxWait > 0 && end.Sub(r.idle) > r.MaxWait {
		return waiting(r.first(), end, until)
	}
	return r.Clock.Sleep(ctx, until)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// first names one of those that wait.
func (r *pooled) first() string {
	if len(r.parked) > 0 {
		return r.parked[0].Name
	}
	return r.queue[0].Name
}

func waiting(name string, until, look time.Time) error {
	return fault.As(&Waiting{Unit: name, Until: until, Look: look}, fault.Waiting, "go on later with `rehydrate run --resume --due`")
}

// dues is a heap of tasks by due time; ties go by name, so that runs are alike.
type dues []*task

func (d dues) Len() int { return len(d) }
func (d dues) Less(i, j int) bool {
	if !d[i].due.Equal(d[j].due) {
		return d[i].due.Before(d[j].due)
	}
	return d[i].Name < d[j].Name
}
func (d dues) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *dues) Push(x any)   { *d = append(*d, x.(*task)) }
func (d *dues) Pop() any {
	last := len(*d) - 1
	t := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	return t
}
