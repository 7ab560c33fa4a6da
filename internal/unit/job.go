package unit

import (
	"context"
	"encoding/json"
	"time"
)

// Job is a unit under the name by which the journal knows it, to be run beside others.
type Job struct {
	Name string
	Cell string // jobs of one cell count against the cell's limit too
	Unit Unit
}

// Leave is whether another job may begin.
type Leave int

// The answers.
const (
	Hold Leave = iota // not now; asked again when something has ended or Watch has looked
	Go
	Stop // never again
)

// Policy is how jobs run beside each other. Its functions are called by one goroutine
// at a time, but for Watch; none may call back.
type Policy struct {
	// Together is how many jobs may be begun and not ended; below 1 is one.
	Together int
	// InCell is the same for one cell; nil, or an answer below 1, is no limit of its own.
	InCell func(cell string) int
	// Leave is asked before a job begins; nil is Go. A job that has begun in an earlier
	// process goes on without being asked for.
	Leave func() Leave
	// Until is when a Hold may end by itself; nil or zero: unknown.
	Until func() time.Time
	// Ended hears how a job ended, once for each; also of those that ended before.
	Ended func(name string, state json.RawMessage) error
	// Failing hears of an Advance that failed and will be tried again.
	Failing func(name string, since time.Time, err error)
	// Watch is called before anything moves and then every Every, also in the middle of
	// a long wait. wake asks for an Advance of every job at once; an error ends the run
	// of the jobs where they are. nil: nothing is watched.
	Watch func(context.Context) (wake bool, err error)
	Every time.Duration
	// Answers says whether Watch will find the answer to an approval: such a job is
	// parked until it wakes. Any other approval ends the run of the jobs as waiting.
	Answers func(approval string) bool
}
