package race

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/goldenami/rehydrate/publish"
)

// turns lets actors act one at a time. Each stops before every call; which one goes
// next, and how long its call takes, the seed decides.
type turns struct {
	rng    *rand.Rand
	clock  Clock
	actors []*actor
	trace  []string // who did what, for the proof that a seed tells all
}

// actor is somebody who makes calls and sleeps.
type actor struct {
	t    *turns
	name string
	ask  chan time.Time // it waits for its turn, not before that time
	turn chan struct{}
	done chan struct{}

	wake  time.Time
	over  bool
	next  string // the call that it is about to make
	pause func(call string) time.Duration
}

// run starts an actor; it stands before its first call when run returns.
func (t *turns) run(name string, pause func(call string) time.Duration, body func(*actor)) {
	a := &actor{t: t, name: name, ask: make(chan time.Time), turn: make(chan struct{}), done: make(chan struct{}), pause: pause}
	t.actors = append(t.actors, a)
	go func() {
		defer close(a.done)
		a.until("begin", time.Time{})
		body(a)
	}()
	t.await(a)
}

func (t *turns) await(a *actor) {
	select {
	case a.wake = <-a.ask:
	case <-a.done:
		a.over = true
	}
}

// all has the actors act until all have ended.
func (t *turns) all() {
	for {
		var ready []*actor
		var first time.Time
		for _, a := range t.actors {
			switch {
			case a.over:
			case !a.wake.After(t.clock.Now()):
				ready = append(ready, a)
			case first.IsZero() || a.wake.Before(first):
				first = a.wake
			}
		}
		switch {
		case len(ready) == 0 && first.IsZero():
			return
		case len(ready) == 0:
			t.clock.StepTo(first)
			continue
		}
		a := ready[t.rng.IntN(len(ready))]
		if t.rng.IntN(3) == 0 { // the call takes its time
			t.clock.Step(time.Duration(t.rng.IntN(1500)) * time.Millisecond)
		}
		t.trace = append(t.trace, t.clock.Now().Format("15:04:05.000 ")+a.name+" "+a.next)
		a.turn <- struct{}{}
		t.await(a)
	}
}

func (a *actor) until(call string, t time.Time) {
	a.next = call
	a.ask <- t
	<-a.turn
}

// before stands before every call.
func (a *actor) before(call string) {
	var until time.Time
	if d := a.pause(call); d > 0 {
		until = a.t.clock.Now().Add(d)
	}
	a.until(call, until)
}

// Now and Sleep make an actor a clock.
func (a *actor) Now() time.Time { return a.t.clock.Now() }

func (a *actor) Sleep(ctx context.Context, until time.Time) error {
	a.until("sleep", until)
	return ctx.Err()
}

// ports stop the actor before every call to a cell.
func (a *actor) ports(inner func(context.Context, publish.Cell) (publish.Ports, error)) func(context.Context, publish.Cell) (publish.Ports, error) {
	return func(ctx context.Context, c publish.Cell) (publish.Ports, error) {
		p, err := inner(ctx, c)
		return publish.Ports{Parameters: stops{a, c, p.Parameters}, Images: looks{a, c, p.Images}}, err
	}
}

type stops struct {
	a    *actor
	cell publish.Cell
	publish.Parameters
}

func (s stops) Get(ctx context.Context, name string) (publish.Parameter, error) {
	s.a.before("get " + s.cell.Region + name)
	return s.Parameters.Get(ctx, name)
}

func (s stops) History(ctx context.Context, name string) ([]publish.Parameter, error) {
	s.a.before("history " + s.cell.Region + name)
	return s.Parameters.History(ctx, name)
}

func (s stops) Put(ctx context.Context, in publish.NewVersion) (int64, error) {
	s.a.before("put " + s.cell.Region + in.Name + "=" + in.Value)
	return s.Parameters.Put(ctx, in)
}

func (s stops) Label(ctx context.Context, name string, version int64, labels ...string) error {
	s.a.before("label " + s.cell.Region + name)
	return s.Parameters.Label(ctx, name, version, labels...)
}

func (s stops) Unlabel(ctx context.Context, name string, version int64, labels ...string) error {
	s.a.before("unlabel " + s.cell.Region + name)
	return s.Parameters.Unlabel(ctx, name, version, labels...)
}

type looks struct {
	a     *actor
	cell  publish.Cell
	inner publish.Images
}

func (l looks) Image(ctx context.Context, id string) (publish.Image, error) {
	l.a.before("image " + l.cell.Region + id)
	return l.inner.Image(ctx, id)
}
