package publish

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

// The lease keeps publishers of a line from working at the same time; it does not
// decide who wins. Parameter Store has no compare-and-set, clocks differ and a process
// may be paused between its look and its call, so what is newer is decided by the
// order of versions alone, and looked at again after every write.
const (
	leaseTTL    = 2 * time.Minute
	leaseMargin = 10 * time.Second // for clocks that differ a little
	leaseEvery  = 5 * time.Second
	leaseWait   = 15 * time.Minute
)

// LeaseName is the parameter of the lease under which a channel is written: one for
// all the channels of a folder.
func LeaseName(channel string) string { return path.Join(path.Dir(channel), "lease") }

// leaseValue is what the lease's parameter holds. Without an owner it is free.
type leaseValue struct {
	Owner string    `json:"owner"`
	Until time.Time `json:"until"`
}

// leaseState is what a run knows of the lease.
type leaseState struct {
	Fence  int64     `json:"fence,omitempty"` // the version under which we got it
	Wrote  int64     `json:"wrote,omitempty"` // our last version
	Looks  int       `json:"looks,omitempty"` // how often it was looked for in vain
	Since  time.Time `json:"since,omitzero"`  // when we began to wait
	Seen   int64     `json:"seen,omitempty"`  // somebody else's version
	SeenAt time.Time `json:"seenAt,omitzero"` // when we first saw it, by our clock
}

// lease is the step that gets it.
func (m mover) lease(ctx context.Context, st *state) (unit.Next, error) {
	busy, after, err := m.hold(ctx, st)
	switch {
	case err != nil:
		return unit.Next{}, err
	case !busy:
		st.to(stepCheck)
	}
	return unit.Again(after), nil
}

// hold makes sure of the lease; it stands before every write of a channel. It stops a
// run that was away while its lease ran out; one that is paused after it is found by
// the look after the write.
//
// It says whether something had to be done, or waited for, before the lease is ours
// for long enough. A lease that another has is taken when its time is over, by its own
// word or because it has not changed for that long by our clock: a clock that is wrong
// elsewhere cannot keep it for ever.
func (m mover) hold(ctx context.Context, st *state) (busy bool, after time.Duration, err error) {
	cell, name := m.plan.Moves[0].Cell, LeaseName(m.plan.Moves[0].Channel)
	ports, err := m.open(ctx, cell)
	if err != nil {
		return false, 0, err
	}
	p, held, err := readLease(ctx, ports, name)
	if err != nil {
		return false, 0, fmt.Errorf("read the lease %s: %w", where(cell, name), err)
	}
	now, l := m.Clock.Now(), &st.Lease
	if p.Version < l.Wrote && l.Looks < doubtLooks { // our write does not show yet
		l.Looks++
		return true, lookEvery, nil
	}
	l.Looks = 0
	switch {
	case held.Owner == m.plan.Run && held.Until.Sub(now) > leaseTTL/2:
		if l.Fence == 0 {
			l.Fence = p.Version
		}
		l.Since, l.Seen = time.Time{}, 0
		return false, 0, nil
	case held.Owner == "" || held.Owner == m.plan.Run || now.After(held.Until.Add(leaseMargin)):
	case l.Seen == p.Version && now.Sub(l.SeenAt) >= leaseTTL:
	default:
		after, err := m.awaitLease(l, p, held, now, where(cell, name))
		return true, after, err
	}
	if held.Owner != "" && held.Owner != m.plan.Run {
		m.say(event.Warned, "the lease %s of run %s has run out; taking it", where(cell, name), held.Owner)
	}
	v, err := writeLease(ctx, ports, name, leaseValue{m.plan.Run, now.Add(leaseTTL)}, p.Version > 0)
	switch {
	case err != nil && fault.KindOf(err) == fault.Conflict: // somebody was quicker
		return true, leaseEvery, nil
	case err != nil:
		return false, 0, fmt.Errorf("write the lease %s: %w", where(cell, name), err)
	case held.Owner != m.plan.Run:
		l.Fence = v
	}
	l.Wrote = v
	return true, 0, nil // whether it is ours shows when it is read again
}

func (m mover) awaitLease(l *leaseState, p Parameter, held leaseValue, now time.Time, name string) (time.Duration, error) {
	if l.Seen != p.Version {
		l.Seen, l.SeenAt = p.Version, now
	}
	if l.Since.IsZero() {
		l.Since = now
		m.say(event.Found, "waiting for the lease %s, which run %s has until %s", name, held.Owner, stamp(held.Until))
	}
	if now.Sub(l.Since) > leaseWait {
		return 0, fault.New(fault.Conflict, "wait for it, or end it", "publish: run %s has had the lease %s for more than %s", held.Owner, name, leaseWait)
	}
	return leaseEvery, nil
}

// Release gives the lease back under which a plan's pointers move, if its run has it: for
// a process that stops before the unit has ended. Whoever goes on takes it again.
func (s *Stage) Release(ctx context.Context, p *Plan) error {
	name := LeaseName(p.Moves[0].Channel)
	ports, err := s.open(ctx, p.Moves[0].Cell)
	if err != nil {
		return err
	}
	_, held, err := readLease(ctx, ports, name)
	if err != nil || held.Owner != p.Run {
		return err
	}
	_, err = writeLease(ctx, ports, name, leaseValue{Until: s.Clock.Now()}, true)
	return err
}

// Publishing is the run that has the lease beside a channel, and until when; "" when
// nobody has it.
func (s *Stage) Publishing(ctx context.Context, at Place) (run string, until time.Time, err error) {
	ports, err := s.open(ctx, at.Cell)
	if err != nil {
		return "", time.Time{}, err
	}
	_, held, err := readLease(ctx, ports, LeaseName(at.Channel))
	if err != nil || held.Owner == "" || s.Clock.Now().After(held.Until.Add(leaseMargin)) {
		return "", time.Time{}, err
	}
	return held.Owner, held.Until, nil
}

// release is the step that gives it back. If that fails it runs out by itself.
func (m mover) release(ctx context.Context, st *state) (unit.Next, error) {
	name := LeaseName(m.plan.Moves[0].Channel)
	err := m.Release(ctx, m.plan)
	if ctx.Err() != nil {
		return unit.Next{}, ctx.Err()
	}
	if err != nil {
		m.say(event.Warned, "the lease %s could not be given back and runs out by itself: %s", name, err)
	}
	st.settle(outcomeDone, 0, "")
	return m.end(st), nil
}

func readLease(ctx context.Context, ports Ports, name string) (Parameter, leaseValue, error) {
	p, err := ports.Parameters.Get(ctx, name)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return Parameter{}, leaseValue{}, nil
	}
	if err != nil {
		return Parameter{}, leaseValue{}, err
	}
	var v leaseValue
	if json.Unmarshal([]byte(p.Value), &v) != nil { // nobody's words: nobody has it
		return p, leaseValue{}, nil
	}
	return p, v, nil
}

func writeLease(ctx context.Context, ports Ports, name string, v leaseValue, overwrite bool) (int64, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return 0, err
	}
	return ports.Parameters.Put(ctx, NewVersion{Name: name, Value: string(data), DataType: dataTypeText,
		Description: "rehydrate: who is publishing", Overwrite: overwrite})
}
