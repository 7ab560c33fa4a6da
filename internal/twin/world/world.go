package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Options say how a world is opened.
type Options struct {
	// Dir is the state folder; empty keeps the world in memory only.
	Dir string
	// Seed makes ids repeatable; the zero seed is a seed like any other.
	Seed int64
	// Start is the virtual time of a new world; zero is the wall's time.
	Start time.Time
	// Mode is how time passes; empty is Auto.
	Mode Mode
	// Rate is how many seconds pass a second in mode Rate.
	Rate float64
}

// World is everything the twin knows.
type World struct {
	mu     sync.Mutex
	clock  *Clock
	seed   int64
	seq    uint64 // the last id given
	tables map[string]table
	raw    map[string]rawRows // tables not yet asked for by type
	timers timerQueue
	kinds  map[string]TimerFunc
	file   *stateFile
	events *eventLog
	// watchers are told of every transaction's events; see Watch.
	watchers []func(*Tx, Event)
	faults   FaultPlan
	outages  map[FaultKind][]func(*Tx, Outage)
	memory   memory
	bg       sync.WaitGroup
	work     work
	ctx      context.Context
	cancel   context.CancelFunc

	started, closed bool
}

// TimerFunc handles a timer of one kind when its time has come.
type TimerFunc func(tx *Tx, payload json.RawMessage) error

// Open reads the state folder, or begins an empty world. Register timers with
// OnTimer, then call Start.
func Open(o Options) (*World, error) {
	w := &World{
		seed: o.Seed, tables: map[string]table{},
		raw: map[string]rawRows{}, kinds: map[string]TimerFunc{}, events: &eventLog{},
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	now := o.Start
	if o.Dir != "" {
		saved, err := w.load(o.Dir)
		if err != nil {
			return nil, fmt.Errorf("open twin state %s: %w", o.Dir, err)
		}
		now = resume(saved, now, o.Mode)
	}
	if now.IsZero() {
		now = time.Now()
	}
	w.clock = newClock(w, now.UTC(), o.Mode)
	if o.Mode == Rate {
		if err := w.clock.SetMode(Rate, o.Rate); err != nil {
			return nil, errors.Join(fmt.Errorf("open twin: %w", err), w.file.close())
		}
	}
	return w, nil
}

// resume is the time of a world opened again. Time that runs as on the wall has
// run on meanwhile, so that no client ever sees it go back; a Manual clock stands
// where it stood.
func resume(saved commitLine, start time.Time, m Mode) time.Time {
	if saved.Now.IsZero() {
		return start
	}
	now := saved.Now
	if away := time.Since(saved.Wall); m != Manual && away > 0 && !saved.Wall.IsZero() {
		now = now.Add(away)
	}
	if start.After(now) {
		return start
	}
	return now
}

// OnTimer registers what handles timers of a kind.
func (w *World) OnTimer(kind string, f TimerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kinds[kind] = f
}

// Start lets time pass. Call it once, after every OnTimer.
func (w *World) Start() { w.clock.start() }

// Clock is the world's time.
func (w *World) Clock() *Clock { return w.clock }

// ErrClosed is what Do says after Close.
var ErrClosed = errors.New("the twin's world is closed")

// Close stops time, waits for background work and closes the state file. A second
// Close does nothing.
func (w *World) Close() error {
	w.cancel()
	w.clock.stop()
	w.bg.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	return w.file.close()
}

// Do runs one transaction in an account and region. Its error, or its panic,
// undoes it. Everything that was due before now has happened.
func (w *World) Do(account, region string, fn func(tx *Tx) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	w.fireDue(now)
	return w.do(account, region, now, fn)
}

// maxFires bounds what one request waits for, should a timer set itself again and
// again without time passing.
const maxFires = 10000

// fireDue runs the timers that are due at now. The lock is held.
func (w *World) fireDue(now time.Time) {
	if !w.started {
		return
	}
	for range maxFires {
		next, have := w.nextTimer()
		if !have || next.Due.After(now) {
			return
		}
		w.fire(next, next.Due)
	}
}

// do is Do with the lock held and the time given.
func (w *World) do(account, region string, now time.Time, fn func(tx *Tx) error) error {
	if w.closed {
		return ErrClosed
	}
	b := &batch{w: w, now: now}
	tx := &Tx{Account: account, Region: region, Now: now, b: b}
	done := false
	defer func() {
		if !done {
			b.undo()
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	if err := b.commit(); err != nil {
		return err
	}
	done = true
	for _, g := range b.after {
		w.background(g)
	}
	if len(b.after) > 0 || b.timers {
		w.clock.poke()
	}
	return nil
}

// background runs f outside the lock, holding the clock to the wall meanwhile.
func (w *World) background(g goFunc) {
	release, end := w.clock.Hold(g.reason), w.work.begin()
	w.bg.Add(1)
	go func() {
		defer w.bg.Done()
		defer end()
		defer release()
		defer func() {
			if bad := recover(); bad != nil {
				// A mistake in the twin; ending the process would lose the other machines.
				w.Log(Event{Time: w.clock.Now(), Kind: "twin.panic", Data: map[string]any{
					"in": g.reason, "panic": fmt.Sprint(bad), "stack": string(debug.Stack())}})
			}
		}()
		g.f(w.ctx)
	}()
}

// Rows visits every row of every table, tables by name ("account/region/name"), as
// it would be saved.
func (w *World) Rows(f func(table, key string, v json.RawMessage) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.eachRow(f)
}
