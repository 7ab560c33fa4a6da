package wire

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

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
		if x.b.asQuery {
			return p.wireError(rpcCBOR)
		}
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
	x.op = x.r.http.Method + " " + x.r.path
	kind := x.r.http.Header.Get("Content-Type")
	switch {
	case x.r.http.Header.Get("X-Amz-Target") != "":
		protocol = "json"
		x.op = x.r.http.Header.Get("X-Amz-Target")
	case name == "route53" || name == "cloudfront":
		protocol = "rest-xml"
	case strings.HasPrefix(kind, "application/x-www-form-urlencoded"):
		protocol = "query"
		if x.r.read == nil && x.r.body == nil {
			x.r.read = x.r.readBody(maxBody, grown)
		}
		if x.r.parseForm() == nil {
			x.op = or(x.r.form.Get("Action"), x.op)
		}
	case x.r.cred.service == "" && x.r.http.Method == http.MethodPost && strings.HasPrefix(kind, "multipart/form-data"):
		protocol, x.op, name = "rest-xml", "PostObject", "s3" // a form, signed in its fields
	case x.r.http.Header.Get("Authorization") == "" && x.r.path != "/":
		protocol = "rest-xml" // S3 alone is asked by nobody in particular, and has nothing public
		e = &Error{Code: "AccessDenied", Message: "Access Denied", Status: http.StatusForbidden}
	}
	if e.Message == "" {
		e.Message = unsupported(name, x.op).Message
	}
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
