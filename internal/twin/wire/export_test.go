package wire

import (
	"bytes"
	"net/http"
	"net/url"
	"reflect"
)

// Codec is a service's codec without its handlers, for the proofs.
type Codec struct{ b *bound }

// NewCodec binds a service to its model.
func NewCodec(s *Service) (Codec, error) {
	b, err := bind(s)
	return Codec{b}, err
}

// Types are an operation's input and output.
func (c Codec) Types(op string) (in, out reflect.Type) {
	return c.b.ops[op].in, c.b.ops[op].out
}

// Decode makes the input of a request; it does not validate.
func (c Codec) Decode(op string, r *http.Request) (reflect.Value, error) {
	x := newRequest(r)
	if err := x.readBody(maxRESTBody, 1); err != nil {
		return reflect.Value{}, err
	}
	switch {
	case c.b.rest():
		if c.b.Name == "s3" {
			x.path = pathStyle(r.Host, x.path)
		}
		var found string
		if found, x.labels = c.b.find(r.Method, x.path, x.query, r.Header); found != op {
			return reflect.Value{}, malformed("routed to %q", found)
		}
	case c.b.protocol == "ec2" || c.b.protocol == "query":
		if err := x.parseForm(); err != nil {
			return reflect.Value{}, err
		}
	}
	return c.b.decode(c.b.plan(op), x)
}

// Validate checks an input against the model.
func (c Codec) Validate(op string, in reflect.Value) error {
	return validate(c.b.plan(op).in, in.Elem(), "")
}

// Encode writes an answer.
func (c Codec) Encode(op string, out reflect.Value) (int, http.Header, []byte) {
	w := &recorder{header: http.Header{}}
	c.b.encode(w, c.b.plan(op), out.Elem(), "id")
	return w.status, w.header, w.body
}

// CheckOutput is the check of answers.
func (c Codec) CheckOutput(op string, out reflect.Value) error {
	return checkOutput(c.b.plan(op).out, out.Elem())
}

// DecodeForm decodes form parameters, DecodeText a JSON body, DecodeXML an XML one.
func (c Codec) DecodeForm(op, form string) (reflect.Value, error) {
	q, err := url.ParseQuery(form)
	if err != nil {
		return reflect.Value{}, err
	}
	return c.b.decode(c.b.plan(op), &request{form: q})
}

// DecodeBody decodes a body of a JSON or REST service.
func (c Codec) DecodeBody(op string, body []byte) (reflect.Value, error) {
	r, _ := http.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	return c.b.decode(c.b.plan(op), &request{http: r, body: body})
}

// Dechunk takes the aws-chunked encoding off.
func Dechunk(body []byte, h http.Header) ([]byte, error) { return dechunk(body, h) }
