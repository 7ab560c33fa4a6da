package world

import (
	"container/heap"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"time"
)

const timerTable = "kernel/timers"

// timer is something that will happen.
type timer struct {
	Key     string          `json:"key"`
	Due     time.Time       `json:"due"`
	Kind    string          `json:"kind"`
	Payload json.RawMessage `json:"payload"`
	Account string          `json:"account"`
	Region  string          `json:"region"`
}

// The timers of all accounts live in one table beside a heap. The table is the
// truth: a heap entry whose row is gone is skipped.
func timersOf(tx *Tx) *Rows[timer] { return Table[timer](tx.In("-", "-"), timerTable) }

type timerQueue []timer

func (q timerQueue) Len() int { return len(q) }
func (q timerQueue) Less(i, j int) bool {
	if !q[i].Due.Equal(q[j].Due) {
		return q[i].Due.Before(q[j].Due)
	}
	return q[i].Key < q[j].Key // set earlier, fires earlier
}
func (q timerQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *timerQueue) Push(x any)   { *q = append(*q, x.(timer)) }
func (q *timerQueue) Pop() any {
	old := *q
	t := old[len(old)-1]
	*q = old[:len(old)-1]
	return t
}

// fillTimers builds the heap from the saved table.
func (w *World) fillTimers() {
	w.timers = w.timers[:0]
	tx := &Tx{b: &batch{w: w}}
	for _, t := range timersOf(tx).All() {
		w.timers = append(w.timers, t)
	}
	heap.Init(&w.timers)
}

// nextTimer is the earliest timer; ties go to the older one. The lock is held.
func (w *World) nextTimer() (timer, bool) {
	rows := timersOf(&Tx{b: &batch{w: w}})
	for len(w.timers) > 0 {
		if t, ok := rows.Get(w.timers[0].Key); ok {
			return t, true
		}
		heap.Pop(&w.timers)
	}
	return timer{}, false
}

// fire runs one timer. A timer whose handler fails or panics is dropped and
// logged: it must not stop the clock.
func (w *World) fire(t timer, now time.Time) {
	err := w.do(t.Account, t.Region, now, func(tx *Tx) error {
		timersOf(tx).Delete(t.Key)
		f := w.kinds[t.Kind]
		if f == nil {
			tx.Event("twin.timer.unknown", map[string]any{"kind": t.Kind})
			return nil
		}
		return guard(f, tx, t.Payload)
	})
	if err == nil {
		return
	}
	err = w.do(t.Account, t.Region, now, func(tx *Tx) error {
		timersOf(tx).Delete(t.Key)
		tx.Event("twin.timer.failed", map[string]any{"kind": t.Kind, "error": err.Error()})
		return nil
	})
	if err != nil && len(w.timers) > 0 && w.timers[0].Key == t.Key {
		// Nothing can be saved any more. The timer stays in the file; here it must not
		// come up again and again.
		heap.Pop(&w.timers)
	}
}

func guard(f TimerFunc, tx *Tx, payload json.RawMessage) (err error) {
	defer func() {
		if bad := recover(); bad != nil {
			err = fmt.Errorf("panic: %v\n%s", bad, debug.Stack())
		}
	}()
	return f(tx, payload)
}
