package engine

import (
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/unit"
)

// Pool advances many units of a run in one process: a heap of due times, one sleep on
// the run's clock to the earliest of them, and a bounded number of Advances in flight.
type Pool struct {
	*Local
	// Advances is how many are in flight at most; 0 is defaultAdvances.
	Advances int
	// Tick is what due times are rounded up to, so that the reads of many units fall
	// together and can be made in one call; 0: they are not. Waits shorter than Tick are
	// left as they are.
	Tick time.Duration
	// Patience is how long the Advances of a unit may fail, with errors that are worth
	// another try, before the unit is given up; 0 is defaultPatience. What it was about
	// to do may be resumed.
	Patience time.Duration
}

const (
	// defaultAdvances is more than a page of Auto Scaling groups, so that a page can fill.
	defaultAdvances = 128
	defaultPatience = time.Hour
	// retryFirst and retryLast bound the pause before an Advance that failed is tried
	// again; it doubles in between.
	retryFirst = 15 * time.Second
	retryLast  = 2 * time.Minute
	// lookUp is how often, of real time, due times are looked at while Advances are in
	// flight: nothing sleeps on the run's clock then, because the twin would take it for
	// a leave to jump.
	lookUp = time.Second
)

// Run advances the jobs to their ends, in their order as far as the policy lets them
// begin, and returns the last state of each that was begun. A unit whose error is not
// worth another try is left where it is: nothing new begins, what runs goes on to its
// end, and the error is returned.
func (p *Pool) Run(ctx context.Context, jobs []unit.Job, o unit.Policy) (map[string]json.RawMessage, error) {
	r := &pooled{Pool: p, o: o, inCell: map[string]int{}, states: map[string]json.RawMessage{},
		landed: make(chan *task), watched: make(chan glance)}
	if err := r.open(ctx, jobs); err != nil {
		return nil, err
	}
	err := r.loop(ctx)
	return r.states, err
}

// task is a job that has begun and not ended.
type task struct {
	unit.Job
	h       *history
	due     time.Time
	failing time.Time // since when
	pause   time.Duration
	err     error // of the Advance
	broken  error // of the journal: another executor may be ahead
	panic   *Panic
}

// Panic is what Pool.Run panics with when an Advance has: on the goroutine of the
// caller, so that what the caller has deferred is done.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprintf("%v\n\n%s", p.Value, p.Stack) }

// glance is what a Watch has seen.
type glance struct {
	wake bool
	err  error
}

// pooled is one Run. Only its own goroutine touches it; a task in flight belongs to
// the goroutine that advances it.
type pooled struct {
	*Pool
	o       unit.Policy
	queue   []unit.Job // not begun
	wait    dues
	parked  []*task
	running int // begun and not ended: in wait, parked or in flight
	busy    int // in flight
	inCell  map[string]int
	states  map[string]json.RawMessage
	landed  chan *task
	watched chan glance
	looking bool // a Watch is in flight
	looked  bool // one has ended
	look    time.Time
	idle    time.Time // since when nothing has a time to wait for
	errs    []error   // of units, which end what begins
	broken  error     // ends everything
	panic   *Panic    // likewise, once nothing is in flight any more
}

// open finds out which jobs have begun and ended before. Only those that the journal
// knows are read.
func (r *pooled) open(ctx context.Context, jobs []unit.Job) error {
	ours := map[string]bool{}
	for _, j := range jobs {
		ours[j.Name] = true
	}
	known, err := r.Journal.Tails(ctx, func(unit string) bool { return ours[unit] })
	if err != nil {
		return err
	}
	var old []*task
	for _, j := range jobs {
		if known[j.Name] == nil {
			r.queue = append(r.queue, j)
			continue
		}
		t := &task{Job: j}
		if t.h, err = r.Local.history(ctx, j.Name, j.Unit.Kind(), known[j.Name]); err != nil {
			return err
		}
		old = append(old, t)
	}
	for _, t := range old { // in the order of the jobs
		if t.h.done {
			if err := r.ended(t.Name, t.h.state); err != nil {
				return err
			}
			continue
		}
		r.start(t)
	}
	return nil
}

func (r *pooled) advances() int {
	if r.Advances > 0 {
		return r.Advances
	}
	return defaultAdvances
}

func (r *pooled) start(t *task) {
	r.running++
	r.inCell[t.Cell]++
	t.due = t.h.next.due
	heap.Push(&r.wait, t)
}

func (r *pooled) ended(name string, state json.RawMessage) error {
	r.states[name] = state
	if r.o.Ended == nil {
		return nil
	}
	return r.o.Ended(name, state)
}

func (r *pooled) loop(ctx context.Context) error {
	for {
		now := r.Clock.Now()
		if r.broken == nil && r.panic == nil && ctx.Err() == nil {
			r.glance(ctx, now)
			r.begin()
			r.dispatch(ctx, now)
		}
		if r.busy > 0 || r.looking {
			r.await()
			continue
		}
		if r.panic != nil {
			panic(r.panic)
		}
		if err := errors.Join(r.broken, ctx.Err()); err != nil {
			return errors.Join(append([]error{err}, r.errs...)...)
		}
		if r.running == 0 && (len(r.queue) == 0 || len(r.errs) > 0 || r.leave() == unit.Stop) {
			return errors.Join(r.errs...)
		}
		if err := r.sleep(ctx, now); err != nil {
			return errors.Join(append(r.errs, err)...)
		}
	}
}

// glance starts a Watch when its time has come.
func (r *pooled) glance(ctx context.Context, now time.Time) {
	if r.o.Watch == nil || r.looking || now.Before(r.look) {
		return
	}
	r.looking, r.look = true, now.Add(r.o.Every)
	go func() {
		wake, err := r.o.Watch(ctx)
		r.watched <- glance{wake, err}
	}()
}

func (r *pooled) leave() unit.Leave {
	if r.o.Leave == nil {
		return unit.Go
	}
	return r.o.Leave()
}

// begin lets jobs begin as far as the limits allow.
func (r *pooled) begin() {
	if r.o.Watch != nil && !r.looked {
		return // unknown is not "go on"
	}
	for len(r.errs) == 0 && r.running < max(r.o.Together, 1) && len(r.queue) > 0 && r.leave() == unit.Go {
		at := slices.IndexFunc(r.queue, func(j unit.Job) bool { return r.room(j.Cell) })
		if at < 0 {
			return
		}
		j := r.queue[at]
		r.queue = slices.Delete(r.queue, at, at+1)
		r.start(&task{Job: j, h: &history{l: r.Local, unit: j.Name, kind: j.Unit.Kind()}})
	}
}

func (r *pooled) room(cell string) bool {
	if r.o.InCell == nil {
		return true
	}
	n := r.o.InCell(cell)
	return n < 1 || r.inCell[cell] < n
}

// dispatch sends what is due on its way.
func (r *pooled) dispatch(ctx context.Context, now time.Time) {
	if r.o.Watch != nil && !r.looked {
		return
	}
	for r.busy < r.advances() && len(r.wait) > 0 && !r.wait[0].due.After(now) {
		t := heap.Pop(&r.wait).(*task)
		r.busy++
		go func() {
			t.advance(ctx)
			r.landed <- t
		}()
	}
}

func (t *task) advance(ctx context.Context) {
	defer func() {
		if p := recover(); p != nil {
			t.panic = &Panic{p, debug.Stack()}
		}
	}()
	t.err, t.broken = nil, t.h.before(ctx)
	if t.broken != nil {
		return
	}
	state, next, err := t.Unit.Advance(t.h.mark(ctx), t.h.state)
	if err != nil {
		t.err, t.h.cut = err, true // the next one may repeat what this one did
		return
	}
	t.broken = t.h.after(ctx, state, next)
}

// await takes what has landed, or a look at the clock.
func (r *pooled) await() {
	timer := time.NewTimer(lookUp)
	defer timer.Stop()
	select {
	case t := <-r.landed:
		r.land(t)
	case g := <-r.watched:
		r.looking, r.looked = false, true
		if g.err != nil {
			r.broken = g.err
		}
		if g.wake {
			r.wake()
		}
	case <-timer.C:
	}
}

// wake makes everything due now.
func (r *pooled) wake() {
	for _, t := range r.parked {
		r.wait = append(r.wait, t)
	}
	r.parked = nil
	for _, t := range r.wait {
		t.due = time.Time{}
	}
	heap.Init(&r.wait)
}
