// Package unit is the contract of durable work, and nothing else.
//
// A unit is a small state machine whose whole state is a JSON value. One Advance
// makes at most one mutating call, and probes first, so that it can be called
// again with the last saved state after a crash. Business outcomes are data in
// the state; errors are for infrastructure.
package unit

import (
	"context"
	"encoding/json"
	"time"
)

// Unit is a resumable piece of work.
type Unit interface {
	// Kind names the sort of unit, such as "roll.group"; it is written in the
	// journal and shown to people.
	Kind() string
	// Advance goes one step from state and returns the new state and what comes
	// next. A nil state is the beginning. After an error the old state stands and
	// Advance may be called with it again.
	Advance(ctx context.Context, state json.RawMessage) (json.RawMessage, Next, error)
}

// Next says what the executor does after an Advance.
type Next struct {
	// Done says that the unit has ended; its state holds the outcome.
	Done bool
	// After is how long to wait before the next Advance; 0 is at once.
	After time.Duration
	// Whole is how long the unit will wait in all if every look on the way finds
	// nothing, for a wait of many short ones; 0: After is all of it. A process that may
	// not wait so long leaves after one look.
	Whole time.Duration
	// Wall says that the wait is for something that lives in real time, such as a
	// child process, whatever clock the run has.
	Wall bool
	// Approval names what a person must approve before the next Advance.
	Approval string
}

type repeatedKey struct{}

// Repeat marks the context of an Advance whose state another process has advanced
// from before without recording an end: it may have acted, and died. Executors call it.
func Repeat(ctx context.Context) context.Context { return context.WithValue(ctx, repeatedKey{}, true) }

// Repeated says that this Advance may repeat one that was cut off. A call that AWS
// neither refuses nor shows at once when it is repeated must then be looked for with
// patience before it is made again.
func Repeated(ctx context.Context) bool { return ctx.Value(repeatedKey{}) != nil }

// Done ends a unit.
func Done() Next { return Next{Done: true} }

// Again asks for another Advance after d.
func Again(d time.Duration) Next { return Next{After: d} }

// AgainOnWall asks for another Advance after d of real time.
func AgainOnWall(d time.Duration) Next { return Next{After: d, Wall: true} }

// Func adapts a typed step function to Unit. The zero S is the beginning.
func Func[S any](kind string, step func(ctx context.Context, s *S) (Next, error)) Unit {
	return typed[S]{kind, step}
}

type typed[S any] struct {
	kind string
	step func(context.Context, *S) (Next, error)
}

func (t typed[S]) Kind() string { return t.kind }

func (t typed[S]) Advance(ctx context.Context, raw json.RawMessage) (json.RawMessage, Next, error) {
	var s S
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, Next{}, err
		}
	}
	next, err := t.step(ctx, &s)
	if err != nil {
		return nil, Next{}, err
	}
	out, err := json.Marshal(&s)
	return out, next, err
}
