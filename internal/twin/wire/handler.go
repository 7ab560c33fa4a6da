package wire

import (
	"net/http"
	"reflect"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// DefaultAccount is whose world it is when an access key says nothing else.
const DefaultAccount = "111122223333"

// Options say how a handler serves.
type Options struct {
	World    *world.World
	Services []*Service
	// Account is the account of unknown access keys; empty is DefaultAccount.
	Account string
	// Keys gives access keys accounts of their own.
	Keys map[string]string
	// Secrets, if not empty, are the only access keys accepted, with the secret
	// that their signatures are checked with. Empty accepts any signature.
	Secrets map[string]string
	// Faults decides whether a call goes wrong on purpose; nil never.
	Faults Faults
	// Violation hears of answers that break the service's model; nil logs them.
	Violation func(error)
}

// Faults decides what goes wrong.
type Faults interface {
	// Next is asked once a call, in order; the zero Fault lets it pass.
	Next(c Call) Fault
}

// Call is one request as the faults see it.
type Call struct {
	Service, Operation, Account, Region string
	Protocol                            string // as the request speaks: ec2, query, json, rest-json, rest-xml, smithy-rpc-v2-cbor
	Now                                 time.Time
	Request                             []byte // the body, or the escaped path and query of a REST request
}

// Fault is what goes wrong with one call.
type Fault struct {
	// Error is answered instead of asking the handler.
	Error *Error
	// Latency passes, in virtual time, before anything else.
	Latency time.Duration
	// LostResponse runs the handler and cuts the connection.
	LostResponse bool
	// Stale runs the handler on the state as it was this long ago and keeps nothing of
	// what it changes.
	Stale time.Duration
}

// Handler serves AWS requests of all its services on one address.
type Handler struct {
	o        Options
	services []*bound
	byName   map[string]*bound
	memory   *semaphore.Weighted // for bodies
}

// NewHandler binds the services to their models.
func NewHandler(o Options) (*Handler, error) {
	h := &Handler{o: o, byName: map[string]*bound{}, memory: semaphore.NewWeighted(bodyMemory)}
	if h.o.Account == "" {
		h.o.Account = DefaultAccount
	}
	for _, s := range o.Services {
		b, err := bind(s)
		if err != nil {
			return nil, err
		}
		h.services = append(h.services, b)
		h.byName[s.Name] = b
		if n := b.m.Metadata.SigningName; n != "" {
			h.byName[n] = b
		}
	}
	return h, nil
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	x := &exchange{h: h, w: w, r: newRequest(hr), began: time.Now()}
	x.r.rc, x.r.memory = http.NewResponseController(w), h.memory
	defer x.r.done()
	leave := h.o.World.Clock().Enter(x.r.client)
	defer func() { leave() }()
	x.id = requestID()
	w.Header().Set("X-Amzn-Requestid", x.id)
	w.Header().Set("X-Amz-Request-Id", x.id)
	x.account = h.accountOf(x.r.cred.key)
	if x.b = h.service(x.r); x.b == nil {
		x.unknownService()
		return
	}
	x.b = x.b.spoken(hr)
	err := x.prepare()
	var fault Fault
	if err == nil && h.o.Faults != nil {
		fault = h.o.Faults.Next(x.call())
	}
	if fault.Latency > 0 {
		leave() // a sleeper is not a request in flight: time may jump
		err = x.sleep(fault.Latency)
		leave = h.o.World.Clock().Enter(x.r.client)
	}
	if err == nil && fault.Error != nil {
		err = fault.Error
	}
	var p *opPlan
	var out reflect.Value
	if err == nil {
		x.stale = fault.Stale
		p, out, err = x.serve()
	}
	x.log(err, fault)
	if fault.LostResponse {
		panic(http.ErrAbortHandler)
	}
	if x.r.body == nil && hr.ContentLength != 0 {
		_ = x.r.rc.SetReadDeadline(time.Now().Add(readIdle)) // the server waits for a body that was not wanted
	}
	_ = x.r.rc.SetWriteDeadline(time.Now().Add(writeLimit)) // without a socket there is none
	defer func() { _ = x.r.rc.SetWriteDeadline(time.Time{}) }()
	if err != nil {
		x.b.fail(w, x.wireError(err), x.id)
		return
	}
	x.b.encode(w, p, out, x.id)
}
