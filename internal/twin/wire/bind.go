package wire

import (
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/aws/smithy-go/encoding/cbor"
)

// bound is a service together with its model.
type bound struct {
	*Service
	m        *model
	protocol string // botocore's name: ec2, query, json, rest-json, rest-xml, smithy-rpc-v2-cbor
	routes   []route
	dialects map[string]*bound // further protocols that the service answers in
	asQuery  bool              // in JSON, but with the query protocol's error codes

	buffers sync.Pool // of *[]byte, for answers

	mu   sync.Mutex
	c    *compiler
	done map[string]*opPlan
}

// rpcCBOR is botocore's name of the Smithy RPC v2 CBOR protocol.
const rpcCBOR = "smithy-rpc-v2-cbor"

// opPlan is an operation with the plans of its input and output.
type opPlan struct {
	name    string
	op      operation
	m       *modelOp
	in, out *plan
	size    atomic.Int64 // of the last answer, as a hint
}

func bind(s *Service) (*bound, error) {
	m, err := loadModel(s.Name)
	if err != nil {
		return nil, err
	}
	for name := range s.ops {
		if m.Operations[name] == nil {
			return nil, fmt.Errorf("bind service %s: the model has no operation %s", s.Name, name)
		}
	}
	b := &bound{Service: s, m: m, protocol: m.Metadata.Protocol, c: newCompiler(m), done: map[string]*opPlan{}}
	if b.dialects, err = b.others(); err != nil {
		return nil, err
	}
	if b.rest() {
		b.routes = newRoutes(m)
	}
	return b, nil
}

// Services are the names of the handler's services, as they were given.
func (h *Handler) Services() (names []string) {
	for _, b := range h.services {
		names = append(names, b.Name)
	}
	return names
}

// Knows says whether the model of a service has an operation, whether or not a handler
// has it; the empty service is any of the handler's.
func (h *Handler) Knows(service, operation string) bool {
	for _, b := range h.services {
		if (service == "" || b.Name == service) && b.m.Operations[operation] != nil {
			return true
		}
	}
	return false
}

func (b *bound) rest() bool { return b.c.isREST() }

// plan returns the plans of an operation, or nil if the twin does not model it.
func (b *bound) plan(name string) *opPlan {
	op, ok := b.ops[name]
	if !ok {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.done[name]; p != nil {
		return p
	}
	p := &opPlan{name: name, op: op, m: b.m.Operations[name]}
	p.in = b.c.compile(p.m.inputShape(), op.in, false)
	p.out = b.c.compile(p.m.outputShape(), op.out, false)
	b.done[name] = p
	return p
}

// carries says whether an operation's body is bytes to keep, and not a document.
func (b *bound) carries(op string) bool {
	p := b.plan(op)
	return p != nil && p.in.payload != nil && (p.in.payload.plan.kind == kStream || p.in.payload.plan.kind == kBlob)
}

// decode makes the operation's input from a request.
func (b *bound) decode(p *opPlan, r *request) (reflect.Value, error) {
	in := reflect.New(p.op.in)
	var err error
	switch b.protocol {
	case "ec2", "query":
		var n *node
		if n, err = parseQuery(r.form); err == nil {
			err = queryDecoder{ec2: b.protocol == "ec2"}.structure(p.in, n, in.Elem(), "")
		}
	case "json":
		err = decodeJSON(p.in, r.body, in.Elem())
	case rpcCBOR:
		err = decodeCBOR(p.in, r.body, in.Elem())
	default:
		err = b.decodeREST(p, r, in.Elem())
	}
	return in, err
}

// encode writes the answer.
func (b *bound) encode(w http.ResponseWriter, p *opPlan, out reflect.Value, id string) {
	h := w.Header()
	body := b.buffer(int(p.size.Load()*9/8 + 512))
	switch b.protocol {
	case "ec2":
		h.Set("Content-Type", "text/xml;charset=UTF-8")
		body = append(body, xmlHead...)
		body = append(body, "<"+p.name+`Response xmlns="`+b.m.Metadata.XMLNamespace+`/"><requestId>`+id+"</requestId>"...)
		body = appendAnswer(body, p.out, out)
		body = append(body, "</"+p.name+"Response>"...)
	case "query":
		h.Set("Content-Type", "text/xml")
		body = append(body, "<"+p.name+`Response xmlns="`+b.m.Metadata.XMLNamespace+`">`...)
		if wrap := p.m.resultWrapper(); wrap != "" {
			body = append(body, "<"+wrap+">"...)
			body = appendAnswer(body, p.out, out)
			body = append(body, "</"+wrap+">"...)
		}
		body = append(body, "<ResponseMetadata><RequestId>"+id+"</RequestId></ResponseMetadata></"+p.name+"Response>"...)
	case "json":
		h.Set("Content-Type", "application/x-amz-json-"+or(b.m.Metadata.JSONVersion, "1.0"))
		body = appendJSON(body, p.out, out)
	case rpcCBOR:
		h.Set("Content-Type", "application/cbor")
		h.Set("Smithy-Protocol", "rpc-v2-cbor")
		body = cbor.Encode(cborAnswer(p.out, out))
	default:
		b.encodeREST(w, p, out)
		return
	}
	p.size.Store(int64(len(body)))
	if writeBody(w, http.StatusOK, body); !keeps(w) && cap(body) <= maxBody {
		b.buffers.Put(&body)
	}
}

// buffer is room for an answer of that size. One of an earlier answer need not be
// cleared first.
func (b *bound) buffer(size int) []byte {
	if old, ok := b.buffers.Get().(*[]byte); ok && cap(*old) >= size {
		return (*old)[:0]
	}
	return make([]byte, 0, size)
}

func keeps(w http.ResponseWriter) bool {
	_, ok := w.(keeper)
	return ok
}

const xmlHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

func writeBody(w http.ResponseWriter, status int, body []byte) {
	if status == http.StatusNoContent || status == http.StatusNotModified {
		w.WriteHeader(status)
		return
	}
	if w.Header().Get("Content-Length") == "" { // HeadObject says how long the object is
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	if k, ok := w.(keeper); ok {
		k.keep(body)
		return
	}
	_, _ = w.Write(body) // the client has gone; there is nobody to tell
}

// keeper is a response writer that takes a body over, which saves a copy.
type keeper interface{ keep(body []byte) }
