package world

import "time"

// memory is what the last transactions did, so that a read can be answered from the
// state as it was a while ago.
type memory struct {
	keep time.Duration
	past []episode
}

// episode is one transaction that changed something.
type episode struct {
	at    time.Time
	steps []step
}

// step is one change of a row, which can be taken back and made again, in turn.
type step interface {
	undo()
	redo()
}

// maxEpisodes bounds the memory; reads from before it are answered from its start.
const maxEpisodes = 50000

// Remember keeps what changes from now on for d of virtual time, for DoAgo; 0 forgets.
func (w *World) Remember(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.memory.keep = d
	if d <= 0 {
		w.memory.past = nil
	}
}

// note keeps a committed batch. The lock is held.
func (m *memory) note(b *batch) {
	if m.keep <= 0 || len(b.steps) == 0 {
		return
	}
	first := 0
	for first < len(m.past) && (b.now.Sub(m.past[first].at) > m.keep || len(m.past)-first >= maxEpisodes) {
		first++
	}
	m.past = append(m.past[first:], episode{b.now, b.steps})
}

// DoAgo runs a transaction on the state as it was that long ago, as far as it is
// remembered. Nothing that fn changes, logs or starts is kept.
func (w *World) DoAgo(account, region string, ago time.Duration, fn func(tx *Tx) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	now := w.clock.Now()
	w.fireDue(now)
	then := now.Add(-ago)
	past := w.memory.past
	first := len(past)
	for first > 0 && past[first-1].at.After(then) {
		first--
		for k := len(past[first].steps) - 1; k >= 0; k-- {
			past[first].steps[k].undo()
		}
	}
	b := &batch{w: w, now: then}
	seq := w.seq
	defer func() {
		b.undo()
		w.seq = seq
		for _, e := range past[first:] {
			for _, s := range e.steps {
				s.redo()
			}
		}
		w.fillTimers() // the heap may have timers of fn's
	}()
	return fn(&Tx{Account: account, Region: region, Now: then, b: b})
}
