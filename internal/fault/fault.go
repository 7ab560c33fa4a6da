// Package fault gives errors a kind, a hint and an exit code.
//
// A message says, in lower case, what was being done, to what, and the cause. The
// hint is the next thing to do. The kind decides the exit code; AWS codes become
// kinds in one place, internal/awscloud.
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Kind is what sort of failure an error is.
type Kind int

// The kinds. New ones may come; unknown ones mean failure.
const (
	Failed      Kind = iota // failed for another reason
	Usage                   // usage or configuration wrong, nothing touched
	Partial                 // done in part
	Denied                  // credentials or permissions
	NotFound                // what was named does not exist
	GateSaysNo              // the verdict is fail or unknown
	Conflict                // lock held, or target moved since the plan
	RolledBack              // halted and rolled back
	Halted                  // halted, not rolled back: a person is needed
	Pending                 // plan --exit-code: changes pending
	Waiting                 // waiting for a time or an approval
	Interrupted             // interrupted or declined
	Throttled               // asked too often; worth another try
	Unsupported             // the endpoint or system cannot do this
)

// ExitCode is the process exit code of a kind (docs/exit-codes.md).
func (k Kind) ExitCode() int {
	switch k {
	case Usage:
		return 2
	case Partial:
		return 3
	case Denied:
		return 4
	case GateSaysNo:
		return 10
	case Conflict:
		return 11
	case RolledBack:
		return 12
	case Halted:
		return 13
	case Pending:
		return 14
	case Waiting:
		return 15
	case Interrupted:
		return 130
	case Failed, NotFound, Throttled, Unsupported:
		return 1
	}
	return 1
}

// Error is an error with a kind and a hint.
type Error struct {
	Kind Kind
	Hint string // the next thing to do; may be empty
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// As gives err a kind and a hint; nil stays nil.
func As(err error, kind Kind, hint string) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, Hint: hint, Err: err}
}

// New makes an error of a kind. The hint may be empty.
func New(kind Kind, hint, format string, args ...any) error {
	return &Error{Kind: kind, Hint: hint, Err: fmt.Errorf(format, args...)}
}

// KindOf is the kind of the outermost Error in err; a cancelled context is
// Interrupted, anything else Failed.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	if errors.Is(err, context.Canceled) {
		return Interrupted
	}
	return Failed
}

// HintOf is the first non-empty hint from the outside in.
func HintOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}
