// Package event carries what happens, as typed values, from the stages to whoever
// listens: terminal, JSON lines, notifications. A listener never blocks or fails a
// run.
package event

import "time"

// Event is one thing that happened.
type Event struct {
	Time  time.Time `json:"time"`
	Run   string    `json:"run,omitempty"`
	Stage string    `json:"stage"`          // bake, validate, publish, roll, patch
	Unit  string    `json:"unit,omitempty"` // such as roll/web-prod
	Kind  Kind      `json:"kind"`
	Text  string    `json:"text"` // one line for people
	// Done and Total are a measure of progress; Total 0 means unknown.
	Done  int            `json:"done,omitempty"`
	Total int            `json:"total,omitempty"`
	Data  map[string]any `json:"data,omitempty"` // lower snake keys; never a secret
}

// Kind is the sort of event.
type Kind string

// The kinds.
const (
	Started  Kind = "started"
	Progress Kind = "progress"
	Changed  Kind = "changed" // something outside was changed
	Found    Kind = "found"   // a fact worth a line
	Warned   Kind = "warned"
	Ended    Kind = "ended"
	Failed   Kind = "failed"
	Output   Kind = "output" // a line of a tool's own output
)

// Sink takes events. It must not block for long and must be safe for concurrent use.
type Sink interface{ Emit(Event) }

// Func adapts a function to Sink.
type Func func(Event)

// Emit calls f.
func (f Func) Emit(e Event) { f(e) }

// Discard drops every event.
var Discard Sink = Func(func(Event) {})

// All emits to every sink in turn.
func All(sinks ...Sink) Sink {
	return Func(func(e Event) {
		for _, s := range sinks {
			s.Emit(e)
		}
	})
}
