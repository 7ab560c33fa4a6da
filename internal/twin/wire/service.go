// Package wire speaks AWS's protocols for the twin: it turns requests into the
// SDK's own input types and outputs or errors back into bytes, driven by the
// service models.
package wire

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Service is the set of operations that the twin models of one AWS service.
type Service struct {
	Name string // the endpoint prefix, such as ec2, ssm, autoscaling, ebs, s3, sts
	// Notes, if set, adds what it returns to the log line of a call; in is a
	// pointer to the operation's input.
	Notes func(op string, in any) map[string]any

	ops map[string]operation
}

// operation is one handler with the SDK types it takes and returns.
type operation struct {
	in, out reflect.Type // struct types
	call    func(tx *world.Tx, in any) (any, error)
}

// NewService begins an empty service.
func NewService(name string) *Service {
	return &Service{Name: name, ops: map[string]operation{}}
}

// Op adds an operation. in and out are the SDK's types, as in
//
//	wire.Op(s, "RunInstances", h.RunInstances)
func Op[I, O any](s *Service, name string, f func(tx *world.Tx, in *I) (*O, error)) {
	s.ops[name] = operation{
		in:  reflect.TypeFor[I](),
		out: reflect.TypeFor[O](),
		call: func(tx *world.Tx, in any) (any, error) {
			return f(tx, in.(*I))
		},
	}
}

// Operations are the names of the operations that the service has, sorted.
func (s *Service) Operations() []string {
	return slices.Sorted(maps.Keys(s.ops))
}

// Error is an AWS error as it goes over the wire.
type Error struct {
	Code    string
	Message string
	Status  int // HTTP status; 0 is what the model says, or 400
	// Fields are further members of the error in JSON protocols, such as Reason.
	Fields map[string]string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an AWS error with HTTP status 400.
func Errorf(code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Again is an error that keeps what the transaction has changed and has the
// request tried again a little later, in a new transaction, as long as the client
// waits and at most AgainLimit. It is for work that must be done before there is
// an answer. Err is answered when that takes too long.
type Again struct{ Err error }

func (a *Again) Error() string { return "not ready: " + a.Err.Error() }
func (a *Again) Unwrap() error { return a.Err }

const (
	// AgainLimit is below the 60 s that botocore waits for an answer.
	AgainLimit = 50 * time.Second
	againEvery = 100 * time.Millisecond
)
