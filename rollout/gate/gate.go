package gate

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/schedule"
	"github.com/goldenami/rehydrate/internal/wait"
)

// RingGate is everything about one ring that its gates need.
type RingGate struct {
	Ring     string
	Approval string            // what a person must approve; empty: nothing
	Calendar schedule.Calendar // the zero Calendar is always open
	Expected time.Duration     // how long the roll will take; 0: unknown
	Soak     time.Duration
	// Alarms are CloudWatch alarms: names, which must exist in each of Cells, or ARNs,
	// which name their account and Region themselves.
	Alarms []string
	Checks []Check
	Cells  []Cell
	// Began is when the ring began to move: an alarm that was on since then counts,
	// also when it is off again. Zero: only the soak itself is looked at.
	Began time.Time

	Watch  Alarms // may be nil without Alarms
	Clock  wait.Clock
	Events event.Sink
}

// Cell is one account's Region; the zero Cell is the session's own.
type Cell struct {
	Account string `json:"account,omitempty"`
	Region  string `json:"region,omitempty"`
}

func (c Cell) String() string {
	if c == (Cell{}) {
		return ""
	}
	return c.Account + "/" + c.Region
}

// Alarms reads CloudWatch alarms.
type Alarms interface {
	// States are the alarms of a cell by name; those that do not exist are left out.
	States(ctx context.Context, c Cell, names []string) (map[string]Alarm, error)
	// Fired says whether an alarm was in the state ALARM at some time since then.
	Fired(ctx context.Context, c Cell, name string, since time.Time) (bool, error)
}

// Alarm is a CloudWatch alarm as it stands.
type Alarm struct {
	State  string // OK, ALARM or INSUFFICIENT_DATA
	Reason string
	Since  time.Time // when it went into that state; zero: unknown
}

// Check is a health check of the user's own.
type Check struct {
	Name     string
	Every    time.Duration // from one look to the next; 0 is Interval
	Failures int           // bad looks in a row that fail it; below 1 is one
	Probe    Probe
}

// Probe looks once. It bounds its own time.
type Probe interface {
	Look(ctx context.Context) (Health, string)
}

// Health is what a probe has found; its text says what, without any secret.
type Health string

// The healths.
const (
	Good   Health = "good"
	Bad    Health = "bad"
	Hidden Health = "unknown" // the look could not be made
)

// The times of the gates.
const (
	// Interval is the time between looks at alarms, which AWS evaluates at most every 10 s.
	Interval = 30 * time.Second
	// Patience is how long a gate bears with what it cannot know.
	Patience = 15 * time.Minute
)

// Verdict is how a gate ends.
type Verdict string

// The verdicts.
const (
	Pass     Verdict = "pass"
	Rollback Verdict = "rollback" // after a ring: it must go back, and no later ring may begin
	Unknown  Verdict = "unknown"  // it cannot be said that all is well: nothing more begins
	Refused  Verdict = "refused"  // a person has refused the ring
	Closed   Verdict = "closed"   // the ring may not begin, and waiting will not help
)

// ended is the part of both units' states that Outcome reads.
type ended struct {
	Verdict Verdict `json:"verdict,omitempty"`
	Reason  string  `json:"reason,omitempty"`
}

// Outcome reads the last state of a unit of Before or After. A state that is not a
// gate's, or of one that has not ended, is Unknown.
func Outcome(raw json.RawMessage) (Verdict, string) {
	var e ended
	if err := json.Unmarshal(raw, &e); err != nil {
		return Unknown, "read the state of a gate: " + err.Error()
	}
	switch e.Verdict {
	case Pass, Rollback, Unknown, Refused, Closed:
		return e.Verdict, e.Reason
	case "":
		return Unknown, "the gate has not ended"
	}
	return Unknown, "the gate ended with " + string(e.Verdict) + ", which this version does not know"
}

// Open says whether the ring's next group may begin: executors ask before each.
func (g RingGate) Open(now time.Time) schedule.Look { return g.Calendar.Look(now) }

// end ends a gate with its verdict, and says so.
func (g RingGate) end(e *ended, v Verdict, reason string) {
	e.Verdict, e.Reason = v, reason
	kind := event.Failed
	if v == Pass {
		kind = event.Found
	}
	g.tell(kind, reason)
}

func (g RingGate) tell(kind event.Kind, text string) {
	if g.Events != nil {
		g.Events.Emit(event.Event{Stage: "roll", Unit: "roll/" + g.Ring, Kind: kind, Text: text})
	}
}

// list is at most three of the parts, and how many more there are.
func list(parts []string) string {
	if len(parts) > 3 {
		return strings.Join(parts[:3], "; ") + "; and more"
	}
	return strings.Join(parts, "; ")
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
