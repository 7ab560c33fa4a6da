package world

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// Event is one line of the twin's log: a call, a change of state, a block read.
type Event struct {
	// N numbers the events of this process from 1; the log sets it.
	N       int            `json:"n"`
	Time    time.Time      `json:"time"`
	Account string         `json:"account,omitempty"`
	Region  string         `json:"region,omitempty"`
	Kind    string         `json:"kind"`
	Data    map[string]any `json:"data,omitempty"`
}

// eventLog keeps the last events for the admin endpoint and writes all of them.
type eventLog struct {
	mu     sync.Mutex
	out    io.Writer
	recent []Event
	total  int
	hooks  []func(Event)
}

const recentEvents = 20000

func (l *eventLog) add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	e.N = l.total
	l.recent = append(l.recent, e)
	if len(l.recent) > recentEvents {
		l.recent = append([]Event(nil), l.recent[recentEvents/2:]...)
	}
	if l.out != nil {
		if text, err := json.Marshal(e); err == nil {
			_, _ = l.out.Write(append(text, '\n')) // a full disk must not stop the twin; state is saved apart
		}
	}
	for _, h := range l.hooks {
		h(e)
	}
}

// LogTo writes every further event to out as a JSON line.
func (w *World) LogTo(out io.Writer) {
	w.events.mu.Lock()
	defer w.events.mu.Unlock()
	w.events.out = out
}

// OnEvent calls f with every further event, under the world's lock: f must not
// call back into the world. Tests check invariants with it.
func (w *World) OnEvent(f func(Event)) {
	w.events.mu.Lock()
	defer w.events.mu.Unlock()
	w.events.hooks = append(w.events.hooks, f)
}

// Watch calls f with every event of a transaction as soon as it has been kept, with
// a transaction in the event's place that sees the world as it is at that moment. f
// runs under the world's lock and only reads: what it writes is not saved. Invariants
// that must hold at every event are checked with it.
func (w *World) Watch(f func(tx *Tx, e Event)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watchers = append(w.watchers, f)
}

// Log adds an event from outside a transaction.
func (w *World) Log(e Event) { w.events.add(e) }

// Events are the most recent events, oldest first, and how many there were in all.
func (w *World) Events() ([]Event, int) {
	w.events.mu.Lock()
	defer w.events.mu.Unlock()
	return append([]Event(nil), w.events.recent...), w.events.total
}

// EventsSince are the events after number n that are still kept, oldest first.
func (w *World) EventsSince(n int) []Event {
	w.events.mu.Lock()
	defer w.events.mu.Unlock()
	first := w.events.total - len(w.events.recent) // the number before the oldest kept
	return append([]Event(nil), w.events.recent[min(max(n-first, 0), len(w.events.recent)):]...)
}
