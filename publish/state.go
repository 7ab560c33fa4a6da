package publish

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// The labels that move along a channel's versions.
const (
	LabelCurrent  = "current"
	LabelPrevious = "previous" // what a rollback goes to
	// LabelPassed is on the version of a ring channel whose ring was rolled well.
	LabelPassed = "passed"
)

// What became of a pointer (record.Pointer.Outcome).
const (
	Moved      = "moved"
	Held       = "held"       // it held the image already
	Superseded = "superseded" // it holds what is newer, or what somebody put there by hand
	PutBack    = "put-back"   // it was moved and holds again what it held
	Left       = "left"       // it could not be put back, or there was nothing to put back
	Refused    = "refused"    // it could not be moved
	Untouched  = "untouched"  // it was not come to
)

// state is the unit's whole memory.
type state struct {
	Step  step        `json:"step,omitempty"`
	At    int         `json:"at,omitempty"`    // the move that the step is at
	Looks int         `json:"looks,omitempty"` // how often the step has looked in vain
	Tries int         `json:"tries,omitempty"` // how often the step's call has failed
	Doubt bool        `json:"doubt,omitempty"` // the call may have been made and not recorded
	Dirty bool        `json:"dirty,omitempty"` // this pass over the pointers has mended something
	Lease leaseState  `json:"lease,omitzero"`
	Moves []moveState `json:"moves,omitempty"`

	Outcome string     `json:"outcome,omitempty"`
	Kind    fault.Kind `json:"kind,omitempty"`
	Text    string     `json:"text,omitempty"`

	Result record.Publish `json:"result"`
}

// moveState is what has become of a pointer so far.
type moveState struct {
	Stands  string    `json:"stands,omitempty"` // "" before it is moved
	Text    string    `json:"text,omitempty"`
	Base    int64     `json:"base,omitempty"`    // the version that ours goes over
	Version int64     `json:"version,omitempty"` // of our write
	Wrote   int64     `json:"wrote,omitempty"`   // of our last write, whatever it put there
	Asked   bool      `json:"asked,omitempty"`   // a write was asked for, and how it ended is not known
	Mended  int       `json:"mended,omitempty"`  // how often its value was put right
	Build   string    `json:"build,omitempty"`   // the entry of what it held already; "" where none stands behind it
	Sure    int64     `json:"sure,omitempty"`    // the version up to which no write is outstanding
	Did     string    `json:"did,omitempty"`     // the last thing that was mended around it
	Now     int64     `json:"now,omitempty"`     // the newest version, in the end
	Before  Parameter `json:"before,omitzero"`   // the version that the newest replaced
	MovedAt time.Time `json:"movedAt,omitzero"`
}

type step string

const (
	stepCheck      step = ""
	stepLease      step = "lease"
	stepBuild      step = "build"
	stepBuildsSeen step = "builds-seen"
	stepPointer    step = "pointer"
	stepSeen       step = "pointers-seen"
	stepBack       step = "back"
	stepTidy       step = "tidy"
	stepRelease    step = "release"
)

// The outcomes of the unit.
const (
	outcomeDone    = "done"
	outcomeNothing = "nothing-to-do"
)

// to begins another step.
func (st *state) to(s step) {
	st.Step, st.At, st.Looks, st.Tries, st.Doubt, st.Dirty = s, 0, 0, 0, false, false
}

// next goes on to the next pointer, or to the step after the last.
func (st *state) next(s step) {
	at := st.At + 1
	if at >= len(st.Moves) {
		st.to(s)
		return
	}
	dirty := st.Dirty
	st.to(st.Step)
	st.At, st.Dirty = at, dirty
}

func (st *state) moved() bool {
	for _, m := range st.Moves {
		if m.Stands == Moved {
			return true
		}
	}
	return false
}

// settle notes how the whole ended, unless something worse is known already.
func (st *state) settle(outcome string, kind fault.Kind, format string, args ...any) {
	if st.Outcome == "" || st.Outcome == outcomeDone {
		st.Outcome, st.Kind, st.Text = outcome, kind, fmt.Sprintf(format, args...)
	}
}

// Result reads the unit's final state: how every pointer stands, also beside an error.
// The error tells an outcome that is not done: Failed when AWS rejected a value or a
// pointer could not be moved and the others were put back, Partial when not all of
// them could be, Conflict when something newer stands.
func Result(raw json.RawMessage) (record.Publish, error) {
	var st state
	if err := json.Unmarshal(raw, &st); err != nil {
		return record.Publish{}, fmt.Errorf("read the state of publish: %w", err)
	}
	switch {
	case st.Step != "" || st.Outcome == "":
		return st.Result, fault.New(fault.Failed, "", "publish to %s has not ended", st.Result.Channel)
	case st.Outcome == outcomeDone || st.Outcome == outcomeNothing:
		return st.Result, nil
	}
	hint := "see publish history and publish verify"
	return st.Result, fault.New(st.Kind, hint, "%s", st.Text)
}

// finish writes down how every pointer stands.
func (m mover) finish(st *state) {
	for i, mv := range m.plan.Moves {
		ms := st.Moves[i]
		p := record.Pointer{Account: mv.Account, Region: mv.Region, Arch: mv.Arch, Channel: mv.Channel, Build: mv.Build,
			Image: mv.Image, From: mv.From, Previous: mv.Version, Version: ms.Now, Outcome: ms.Stands, Text: ms.Text, MovedAt: ms.MovedAt}
		switch ms.Stands {
		case "":
			p.Outcome = Untouched
		case Held:
			p.Build, p.From, p.Previous = ms.Build, "", 0
		case Moved:
			p.From, p.Previous = ms.Before.Value, ms.Before.Version
		}
		if i == 0 {
			st.Result = record.Publish{Channel: p.Channel, Build: p.Build, Image: p.Image, From: p.From, Version: p.Version,
				Previous: p.Previous, Skipped: st.Outcome == outcomeNothing, MovedAt: p.MovedAt}
		}
		st.Result.Pointers = append(st.Result.Pointers, p)
	}
}
