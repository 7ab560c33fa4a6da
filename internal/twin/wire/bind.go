package wire

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"
)

// bound is a service together with its model.
type bound struct {
	*Service
	m        *model
	protocol string // botocore's name: ec2, query, json, rest-json, rest-xml
	routes   []route

	mu   sync.Mutex
	c    *compiler
	done map[string]*opPlan
}

// opPlan is an operation with the plans of its input and output.
type opPlan struct {
	name    string
	op      operation
	m       *modelOp
	in, out *plan
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
	if b.rest() {
		b.routes = newRoutes(m)
	}
	return b, nil
}

func (b *bound) rest() bool { return b.protocol == "rest-json" || b.protocol == "rest-xml" }

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
	default:
		err = b.decodeREST(p, r, in.Elem())
	}
	return in, err
}

// encode writes the answer.
func (b *bound) encode(w http.ResponseWriter, p *opPlan, out reflect.Value, id string) {
	h := w.Header()
	var body []byte
	switch b.protocol {
	case "ec2":
		h.Set("Content-Type", "text/xml;charset=UTF-8")
		body = append(body, xmlHead...)
		body = append(body, "<"+p.name+`Response xmlns="`+b.m.Metadata.XMLNamespace+`/"><requestId>`+id+"</requestId>"...)
		body = appendXML(body, p.out, out)
		body = append(body, "</"+p.name+"Response>"...)
	case "query":
		h.Set("Content-Type", "text/xml")
		body = append(body, "<"+p.name+`Response xmlns="`+b.m.Metadata.XMLNamespace+`">`...)
		if wrap := p.m.resultWrapper(); wrap != "" {
			body = append(body, "<"+wrap+">"...)
			body = appendXML(body, p.out, out)
			body = append(body, "</"+wrap+">"...)
		}
		body = append(body, "<ResponseMetadata><RequestId>"+id+"</RequestId></ResponseMetadata></"+p.name+"Response>"...)
	case "json":
		h.Set("Content-Type", "application/x-amz-json-"+or(b.m.Metadata.JSONVersion, "1.0"))
		body = appendJSON(body, p.out, out)
	default:
		b.encodeREST(w, p, out)
		return
	}
	writeBody(w, http.StatusOK, body)
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
	_, _ = w.Write(body) // the client has gone; there is nobody to tell
}

// fail writes an AWS error in the protocol's shape.
func (b *bound) fail(w http.ResponseWriter, e *Error, id string) {
	code, status := e.Code, e.Status
	if sh := b.m.shape(code); sh != nil && sh.Exception {
		if sh.Error != nil {
			code = or(sh.Error.Code, code)
			if status == 0 {
				status = sh.Error.HTTPStatusCode
			}
		}
	}
	if status == 0 {
		status = http.StatusBadRequest
	}
	writeError(w, b.protocol, b.m.Metadata, &Error{Code: code, Message: e.Message, Status: status, Fields: e.Fields}, id)
}

func writeError(w http.ResponseWriter, protocol string, meta metadata, e *Error, id string) {
	var body []byte
	h := w.Header()
	switch protocol {
	case "ec2":
		h.Set("Content-Type", "text/xml;charset=UTF-8")
		body = append(body, xmlHead+"<Response><Errors><Error><Code>"...)
		body = append(escape(body, e.Code), "</Code><Message>"...)
		body = append(escape(body, e.Message), "</Message></Error></Errors><RequestID>"+id+"</RequestID></Response>"...)
	case "query":
		h.Set("Content-Type", "text/xml")
		who := "Sender"
		if e.Status >= 500 {
			who = "Receiver"
		}
		body = append(body, `<ErrorResponse xmlns="`+meta.XMLNamespace+`"><Error><Type>`+who+"</Type><Code>"...)
		body = append(escape(body, e.Code), "</Code><Message>"...)
		body = append(escape(body, e.Message), "</Message></Error><RequestId>"+id+"</RequestId></ErrorResponse>"...)
	case "rest-xml":
		h.Set("Content-Type", "application/xml")
		body = append(body, xmlHead+"<Error><Code>"...)
		body = append(escape(body, e.Code), "</Code><Message>"...)
		body = append(escape(body, e.Message), "</Message><RequestId>"+id+"</RequestId></Error>"...)
	default:
		ct := "application/json"
		if protocol == "json" {
			ct = "application/x-amz-json-" + or(meta.JSONVersion, "1.0")
		}
		h.Set("Content-Type", ct)
		h.Set("X-Amzn-Errortype", e.Code)
		body = append(appendQuoted(append(body, `{"__type":`...), e.Code), `,"message":`...)
		body = append(appendQuoted(body, e.Message), `,"Message":`...)
		body = appendQuoted(body, e.Message)
		for _, k := range slices.Sorted(maps.Keys(e.Fields)) {
			body = append(appendQuoted(append(body, ','), k), ':')
			body = appendQuoted(body, e.Fields[k])
		}
		body = append(body, '}')
	}
	writeBody(w, e.Status, body)
}

// checkOutput reports required members that the handler left out, which the SDK
// would pass on silently.
func checkOutput(p *plan, v reflect.Value, path string) error {
	switch p.kind {
	case kStruct:
		for _, f := range p.fields {
			fv := v.Field(f.index)
			if missing(fv) {
				if f.required {
					return fmt.Errorf("required member %s is absent", join(path, f.name))
				}
				continue
			}
			if fv.Kind() == reflect.Pointer {
				fv = fv.Elem()
			}
			if err := checkOutput(f.plan, fv, join(path, f.name)); err != nil {
				return err
			}
		}
	case kList:
		for i := range v.Len() {
			e := v.Index(i)
			if e.Kind() == reflect.Pointer {
				if e.IsNil() {
					return fmt.Errorf("%s has an empty member", path)
				}
				e = e.Elem()
			}
			if err := checkOutput(p.elem, e, path); err != nil {
				return err
			}
		}
	case kString:
		if v.Type() != stringType && p.rules.enum != nil && !p.rules.enum[v.String()] {
			return fmt.Errorf("%s: %q is not one of the enum's values", path, v.String())
		}
	case kTime:
		if v.Interface().(time.Time).IsZero() {
			return fmt.Errorf("%s: the time is zero", path)
		}
	}
	return nil
}

var stringType = reflect.TypeFor[string]()
