package wire

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// exchange is one request on its way.
type exchange struct {
	h       *Handler
	w       http.ResponseWriter
	r       *request
	b       *bound
	op      string
	account string
	caller  string
	id      string
	began   time.Time
	notes   map[string]any
	stale   time.Duration
}

// serve decodes, validates and runs the handler in a transaction.
func (x *exchange) serve() (*opPlan, reflect.Value, error) {
	none := reflect.Value{}
	p := x.b.plan(x.op)
	if p == nil {
		return nil, none, unsupported(x.b.Name, x.op)
	}
	in, err := x.b.decode(p, x.r)
	if err != nil {
		return nil, none, err
	}
	if err := validate(p.in, in.Elem(), ""); err != nil {
		return nil, none, err
	}
	if x.b.Notes != nil {
		x.notes = x.b.Notes(x.op, in.Interface())
	}
	out, err := x.run(p, in.Interface())
	if err != nil {
		return nil, none, err
	}
	v := reflect.ValueOf(out)
	if v.IsNil() {
		v = reflect.New(p.op.out)
	}
	if err := checkOutput(p.out, v.Elem()); err != nil {
		x.violation(fmt.Errorf("answer of %s %s: %w", x.b.Name, x.op, err))
	}
	return p, v.Elem(), nil
}

func (x *exchange) run(p *opPlan, in any) (out any, err error) {
	defer func() {
		if bad := recover(); bad != nil {
			// A mistake in the twin. The transaction has been undone.
			x.h.o.World.Log(world.Event{Time: x.h.o.World.Clock().Now(), Account: x.account, Region: x.r.cred.region,
				Kind: "twin.panic", Data: map[string]any{"operation": x.op, "panic": fmt.Sprint(bad), "stack": string(debug.Stack())}})
			err = &Error{Code: "InternalFailure", Message: fmt.Sprintf("the twin failed in %s: %v", x.op, bad), Status: 500}
		}
	}()
	if x.stale > 0 {
		// Who is asking is known as of now.
		if err := x.h.o.World.Do(x.account, x.r.cred.region, x.identify); err != nil {
			return nil, err
		}
	}
	limit := time.Now().Add(AgainLimit)
	for {
		var again *Again
		err = x.do(func(tx *world.Tx) error {
			if x.stale > 0 {
				tx.Caller, tx.Registered = x.caller, x.r.client != ""
			} else if err := x.identify(tx); err != nil {
				return err
			}
			var err error
			if out, err = p.op.call(tx, in); errors.As(err, &again) {
				return nil // keep what has been begun
			}
			return err
		})
		switch {
		case err != nil || again == nil:
			return out, err
		case x.stale > 0 || time.Now().After(limit):
			return nil, again.Err
		}
		select {
		case <-x.r.http.Context().Done():
			return nil, again.Err
		case <-time.After(againEvery):
		}
	}
}

// do runs fn on the present state, or on an older one.
func (x *exchange) do(fn func(tx *world.Tx) error) error {
	if x.stale > 0 {
		return x.h.o.World.DoAgo(x.account, x.r.cred.region, x.stale, fn)
	}
	return x.h.o.World.Do(x.account, x.r.cred.region, fn)
}

// identify says who is calling; a session must exist and not be over.
func (x *exchange) identify(tx *world.Tx) error {
	session, ok := sessionOf(tx, x.r.cred.key)
	if !ok {
		return &problem{what: isStranger}
	}
	if !session.Expires.IsZero() && tx.Now.After(session.Expires) {
		return &problem{what: isOver}
	}
	tx.Caller, tx.Registered = session.ARN, x.r.client != ""
	x.caller = tx.Caller
	return nil
}

func (x *exchange) sleep(d time.Duration) error {
	clock := x.h.o.World.Clock()
	return clock.Sleep(x.r.http.Context(), x.r.client, clock.Now().Add(d))
}
