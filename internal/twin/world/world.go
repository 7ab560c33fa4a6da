package world

import (
	"context"
	"encoding/json"
	"fmt"
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
}

// World is everything the twin knows.
type World struct {
	mu     sync.Mutex
	clock  *Clock
	seed   int64
	seq    uint64 // the last id given
	tables map[string]table
	raw    map[string]map[string]json.RawMessage // rows not yet asked for by type
	rawSeq map[string][]string
	timers timerQueue
	kinds  map[string]TimerFunc
	file   *stateFile
	events *eventLog
	bg     sync.WaitGroup
	ctx    context.Context
	cancel context.CancelFunc
}

// TimerFunc handles a timer of one kind when its time has come.
type TimerFunc func(tx *Tx, payload json.RawMessage) error

// Open reads the state folder, or begins an empty world. Register timers with
// OnTimer, then call Start.
func Open(o Options) (*World, error) {
	w := &World{
		seed: o.Seed, tables: map[string]table{},
		raw: map[string]map[string]json.RawMessage{}, rawSeq: map[string][]string{},
		kinds: map[string]TimerFunc{}, events: &eventLog{},
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	now := o.Start
	if o.Dir != "" {
		saved, err := w.load(o.Dir)
		if err != nil {
			return nil, fmt.Errorf("open twin state %s: %w", o.Dir, err)
		}
		if saved.After(now) {
			now = saved
		}
	}
	if now.IsZero() {
		now = time.Now()
	}
	w.clock = newClock(w, now.UTC(), o.Mode)
	return w, nil
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

// Close stops time, waits for background work and closes the state file.
func (w *World) Close() error {
	w.cancel()
	w.clock.stop()
	w.bg.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.file.close()
}

// Do runs one transaction in an account and region. Its error undoes it.
func (w *World) Do(account, region string, fn func(tx *Tx) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.do(account, region, w.clock.Now(), fn)
}

// do is Do with the lock held and the time given.
func (w *World) do(account, region string, now time.Time, fn func(tx *Tx) error) error {
	b := &batch{w: w, now: now}
	tx := &Tx{Account: account, Region: region, Now: now, b: b}
	if err := fn(tx); err != nil {
		b.undo()
		return err
	}
	if err := b.commit(); err != nil {
		b.undo()
		return err
	}
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
	release := w.clock.Hold(g.reason)
	w.bg.Add(1)
	go func() {
		defer w.bg.Done()
		defer release()
		g.f(w.ctx)
	}()
}
