package wire

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

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
}

// Handler serves AWS requests of all its services on one address.
type Handler struct {
	o        Options
	services []*bound
	byName   map[string]*bound
}

// NewHandler binds the services to their models.
func NewHandler(o Options) (*Handler, error) {
	h := &Handler{o: o, byName: map[string]*bound{}}
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
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	x := &exchange{h: h, w: w, r: newRequest(hr), began: time.Now()}
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
		p, out, err = x.serve()
	}
	x.log(err, fault)
	if fault.LostResponse {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		x.b.fail(w, x.wireError(err), x.id)
		return
	}
	x.b.encode(w, p, out, x.id)
}

// service finds which service a request is for: by its signature's scope, its
// target header, its host, or the action in its body.
func (h *Handler) service(r *request) *bound {
	if b := h.byName[r.cred.service]; b != nil {
		return b
	}
	if target := r.http.Header.Get("X-Amz-Target"); target != "" {
		prefix, _, _ := strings.Cut(target, ".")
		for _, b := range h.services {
			if b.m.Metadata.TargetPrefix == prefix {
				return b
			}
		}
	}
	host := strings.Split(r.http.Host, ".")
	for i, label := range host {
		if b := h.byName[label]; b != nil && i < len(host)-1 {
			return b
		}
	}
	if r.cred.service != "" {
		return nil
	}
	return h.byAction(r)
}

// byAction serves clients that do not sign: only a query action tells.
func (h *Handler) byAction(r *request) *bound {
	action := r.query.Get("Action")
	if action == "" && strings.HasPrefix(r.http.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if r.read = r.readBody(maxBody); r.read != nil {
			return nil
		}
		form, err := url.ParseQuery(string(r.body))
		if err != nil {
			return nil
		}
		action = form.Get("Action")
	}
	for _, b := range h.services {
		if (b.protocol == "ec2" || b.protocol == "query") && b.m.Operations[action] != nil {
			return b
		}
	}
	return nil
}

// prepare reads the request and names its operation.
func (x *exchange) prepare() error {
	limit := int64(maxBody)
	if x.b.rest() {
		limit = maxRESTBody
	}
	if x.r.body == nil && x.r.read == nil {
		x.r.read = x.r.readBody(limit)
	}
	if x.r.read != nil {
		return x.r.read
	}
	switch {
	case x.b.rest():
		if x.b.Name == "s3" {
			x.r.path = pathStyle(x.r.http.Host, x.r.path)
		}
		x.op, x.r.labels = x.b.find(x.r.http.Method, x.r.path, x.r.query, x.r.http.Header)
	case x.b.protocol == "json":
		_, x.op, _ = strings.Cut(x.r.http.Header.Get("X-Amz-Target"), ".")
	default:
		if err := x.r.parseForm(); err != nil {
			return err
		}
		x.op = x.r.form.Get("Action")
	}
	if x.op == "" {
		return &Error{Code: "InvalidAction", Message: "The request names no operation that this service has.", Status: 400}
	}
	return x.h.authenticate(x.r)
}

// pathStyle puts the bucket of bucket.s3.region.host or bucket.127.0.0.1 in front
// of the path. An address that begins with digits has no bucket.
func pathStyle(host, path string) string {
	name, _, _ := strings.Cut(host, ":")
	for _, mark := range []string{".s3.", ".s3-", ".127.", ".localhost"} {
		if bucket, _, ok := strings.Cut(name, mark); ok && strings.Trim(bucket, "0123456789.") != "" {
			return "/" + bucket + path
		}
	}
	return path
}

func (x *exchange) call() Call {
	c := Call{Service: x.b.Name, Operation: x.op, Account: x.account, Region: x.r.cred.region, Request: x.r.body}
	if x.b.rest() {
		c.Request = []byte(x.r.http.URL.RequestURI())
	}
	return c
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
	if err := checkOutput(p.out, v.Elem(), ""); err != nil {
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
	limit := time.Now().Add(AgainLimit)
	for {
		var again *Again
		err = x.h.o.World.Do(x.account, x.r.cred.region, func(tx *world.Tx) error {
			if err := x.identify(tx); err != nil {
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
		case time.Now().After(limit):
			return nil, again.Err
		}
		select {
		case <-x.r.http.Context().Done():
			return nil, again.Err
		case <-time.After(againEvery):
		}
	}
}

// identify says who is calling; a session must exist and not be over.
func (x *exchange) identify(tx *world.Tx) error {
	session, ok := sessionOf(tx, x.r.cred.key)
	if !ok {
		return &Error{Code: "InvalidClientTokenId", Message: "The security token included in the request is invalid.", Status: 403}
	}
	if !session.Expires.IsZero() && tx.Now.After(session.Expires) {
		return &Error{Code: "ExpiredToken", Message: "The security token included in the request is expired.", Status: 400}
	}
	tx.Caller, tx.Registered = session.ARN, x.r.client != ""
	x.caller = tx.Caller
	return nil
}

func (x *exchange) sleep(d time.Duration) error {
	clock := x.h.o.World.Clock()
	return clock.Sleep(x.r.http.Context(), x.r.client, clock.Now().Add(d))
}

func (x *exchange) violation(err error) {
	if x.h.o.Violation != nil {
		x.h.o.Violation(err)
		return
	}
	x.h.o.World.Log(world.Event{Time: x.h.o.World.Clock().Now(), Account: x.account, Region: x.r.cred.region,
		Kind: "twin.violation", Data: map[string]any{"operation": x.op, "error": err.Error()}})
}

// wireError turns any error into an AWS error.
func (x *exchange) wireError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var p *problem
	if errors.As(err, &p) {
		return p.wireError(x.b.protocol)
	}
	return &Error{Code: "InternalFailure", Message: "the twin failed: " + err.Error(), Status: 500}
}

func unsupported(service, op string) *Error {
	return &Error{Code: "UnsupportedOperation", Status: 400,
		Message: fmt.Sprintf("The operation %s of %s is not modelled by this twin.", op, service)}
}

// unknownService answers for services that the twin does not have, in the shape
// that the request's own protocol would most likely have.
func (x *exchange) unknownService() {
	e := &Error{Code: "UnsupportedOperation", Status: 400}
	protocol, name := "rest-json", or(x.r.cred.service, "this service")
	switch {
	case x.r.http.Header.Get("X-Amz-Target") != "":
		protocol = "json"
		x.op = x.r.http.Header.Get("X-Amz-Target")
	case strings.HasPrefix(x.r.http.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		protocol = "query"
		if x.r.read == nil && x.r.body == nil {
			x.r.read = x.r.readBody(maxBody)
		}
		if x.r.parseForm() == nil {
			x.op = x.r.form.Get("Action")
		}
	default:
		x.op = x.r.http.Method + " " + x.r.path
	}
	e.Message = fmt.Sprintf("The operation %s of %s is not modelled by this twin.", x.op, name)
	x.b = &bound{Service: &Service{Name: name}}
	x.log(e, Fault{})
	writeError(x.w, protocol, metadata{JSONVersion: "1.1"}, e, x.id)
}

// log adds the call to the event log.
func (x *exchange) log(err error, f Fault) {
	data := map[string]any{
		"service": x.b.Name, "op": x.op, "status": http.StatusOK, "id": x.id,
		"ms": float64(time.Since(x.began).Microseconds()) / 1000,
	}
	if err != nil {
		e := x.wireError(err)
		data["error"], data["message"], data["status"] = e.Code, e.Message, e.Status
		if e.Status == 0 {
			data["status"] = http.StatusBadRequest
		}
	}
	if x.caller != "" {
		data["caller"] = x.caller
	}
	if x.r.client != "" {
		data["client"] = x.r.client
	}
	if f.LostResponse {
		data["lost"] = true
	}
	for k, v := range x.notes {
		data[k] = v
	}
	w := x.h.o.World
	w.Log(world.Event{Time: w.Clock().Now(), Account: x.account, Region: x.r.cred.region, Kind: "call", Data: data})
}
