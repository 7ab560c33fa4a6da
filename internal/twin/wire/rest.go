package wire

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"sort"
	"strings"
)

// route is one REST operation's method and path.
type route struct {
	op     string
	method string
	parts  []string // "{Name}", "{Name+}" or a literal
	query  map[string]string
	needs  []need // required members outside the path: they tell CopyObject from PutObject
}

type need struct{ header, query string }

func newRoutes(m *model) []route {
	var out []route
	for name, op := range m.Operations {
		path, query, _ := strings.Cut(op.HTTP.RequestURI, "?")
		r := route{op: name, method: op.HTTP.Method, parts: split(path), query: map[string]string{}}
		for _, q := range strings.Split(query, "&") {
			if k, v, _ := strings.Cut(q, "="); k != "" {
				r.query[k] = v
			}
		}
		if sh := m.shape(op.inputShape()); sh != nil {
			for _, req := range sh.Required {
				switch mem := sh.Members[req]; mem.Location {
				case "header":
					r.needs = append(r.needs, need{header: mem.LocationName})
				case "querystring":
					r.needs = append(r.needs, need{query: mem.LocationName})
				}
			}
		}
		out = append(out, r)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].op < out[j].op })
	return out
}

func split(path string) []string {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// find returns the operation that a REST request names, and the path's members.
func (b *bound) find(method, rawPath string, query url.Values, h http.Header) (string, map[string]string) {
	best, bestScore := "", -1
	var bestLabels map[string]string
	for _, r := range b.routes {
		if r.method != method {
			continue
		}
		labels, ok := r.match(rawPath)
		if !ok {
			continue
		}
		if score := r.score(query, h); score > bestScore {
			best, bestScore, bestLabels = r.op, score, labels
		}
	}
	return best, bestLabels
}

func (r route) match(rawPath string) (map[string]string, bool) {
	labels := map[string]string{}
	rest := strings.TrimPrefix(rawPath, "/")
	for i, part := range r.parts {
		name, isLabel := strings.CutPrefix(part, "{")
		name = strings.TrimSuffix(name, "}")
		if greedy, ok := strings.CutSuffix(name, "+"); isLabel && ok && i == len(r.parts)-1 {
			value, err := url.PathUnescape(rest)
			if err != nil || value == "" {
				return nil, false
			}
			labels[greedy] = value
			return labels, true
		}
		var seg string
		seg, rest, _ = strings.Cut(rest, "/")
		if !isLabel {
			if seg != part {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(seg)
		if err != nil || value == "" {
			return nil, false
		}
		labels[name] = value
	}
	return labels, rest == ""
}

// score is how well the request's query and headers fit, or -1 for not at all.
func (r route) score(query url.Values, h http.Header) int {
	n := 0
	for k, v := range r.query {
		have, ok := query[k]
		if !ok || v != "" && have[0] != v {
			return -1
		}
		n += 10
	}
	for _, need := range r.needs {
		if need.header != "" && h.Get(need.header) == "" || need.query != "" && !query.Has(need.query) {
			return -1
		}
		n++
	}
	return n
}

func (b *bound) decodeREST(p *opPlan, r *request, v reflect.Value) error {
	for _, f := range p.in.fields {
		fv := v.Field(f.index)
		var err error
		switch f.location {
		case "uri":
			if s, ok := r.labels[f.locName]; ok {
				err = setText(f.plan, f.timefmt, settle(fv), s)
			}
		case "querystring":
			err = restQuery(f, r.query[f.locName], fv)
		case "header":
			if s := r.http.Header.Values(f.locName); len(s) > 0 {
				err = restHeader(f, s, fv)
			}
		case "headers":
			restPrefix(f, r.http.Header, fv)
		}
		if err != nil {
			return badValue(f.name, err.Error())
		}
	}
	return b.decodeBody(p, r, v)
}

func restQuery(f *field, values []string, v reflect.Value) error {
	if len(values) == 0 {
		return nil
	}
	if f.plan.kind != kList {
		return setText(f.plan, f.timefmt, settle(v), values[0])
	}
	out := reflect.MakeSlice(v.Type(), len(values), len(values))
	for i, s := range values {
		if err := setText(f.plan.elem, "", settle(out.Index(i)), s); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

func restHeader(f *field, values []string, v reflect.Value) error {
	if f.plan.kind == kList {
		var all []string
		for _, s := range values {
			for _, one := range strings.Split(s, ",") {
				all = append(all, strings.TrimSpace(one))
			}
		}
		return restQuery(f, all, v)
	}
	return setText(f.plan, or(f.timefmt, "rfc822"), settle(v), values[0])
}

func restPrefix(f *field, h http.Header, v reflect.Value) {
	for name, values := range h {
		if key, ok := strings.CutPrefix(strings.ToLower(name), strings.ToLower(f.locName)); ok {
			if v.IsNil() {
				v.Set(reflect.MakeMap(v.Type()))
			}
			v.SetMapIndex(reflect.ValueOf(key), reflect.ValueOf(values[0]))
		}
	}
}

func (b *bound) decodeBody(p *opPlan, r *request, v reflect.Value) error {
	if f := p.in.payload; f != nil {
		fv := v.Field(f.index)
		switch {
		case f.plan.kind == kStream:
			fv.Set(reflect.ValueOf(io.NopCloser(bytes.NewReader(r.body))))
		case f.plan.kind == kBlob:
			fv.SetBytes(r.body)
		case len(bytes.TrimSpace(r.body)) == 0:
		case b.protocol == "rest-json":
			return decodeJSON(f.plan, r.body, settle(fv))
		default:
			e, err := parseXML(r.body)
			if err != nil {
				return err
			}
			return xmlStruct(f.plan, e, settle(fv), f.name)
		}
		return nil
	}
	if b.protocol == "rest-json" {
		return decodeJSON(p.in, r.body, v)
	}
	return nil
}

func (b *bound) encodeREST(w http.ResponseWriter, p *opPlan, v reflect.Value) {
	status := p.m.HTTP.ResponseCode
	h := w.Header()
	for _, f := range p.out.fields {
		fv := v.Field(f.index)
		if f.location == "" || absent(fv) {
			continue
		}
		if fv.Kind() == reflect.Pointer {
			fv = fv.Elem()
		}
		switch f.location {
		case "header":
			if text := string(appendText(nil, f.plan, or(f.timefmt, "rfc822"), fv)); text != "" && !strings.ContainsAny(text, "\r\n") {
				h.Set(f.locName, text)
			}
		case "headers":
			for _, k := range sortedKeys(fv) {
				h.Set(f.locName+k.String(), fv.MapIndex(k).String())
			}
		case "statusCode":
			status = int(fv.Int())
		}
	}
	if status == 0 {
		status = http.StatusOK
	}
	if h.Get("Content-Range") != "" {
		status = http.StatusPartialContent // the model has no word for it
	}
	if f := p.out.payload; f != nil {
		b.encodePayload(w, f, v.Field(f.index), status)
		return
	}
	var body []byte
	switch {
	case b.protocol == "rest-json":
		h.Set("Content-Type", "application/json")
		body = appendJSON(body, p.out, v)
	case hasBody(p.out, v):
		h.Set("Content-Type", "application/xml")
		tag := strings.TrimSuffix(p.out.name, "Output")
		if tag == p.name || strings.HasPrefix(tag, "List") {
			tag += "Result"
		}
		if p.name == "ListObjectsV2" || p.name == "ListObjects" {
			tag = "ListBucketResult"
		}
		body = append(body, fmt.Sprintf("%s<%s xmlns=%q>", xmlHead, tag, b.m.Metadata.XMLNamespace)...)
		body = append(appendXML(body, p.out, v), "</"+tag+">"...)
	}
	writeBody(w, status, body)
}

func hasBody(p *plan, v reflect.Value) bool {
	for _, f := range p.fields {
		if f.location == "" && !absent(v.Field(f.index)) {
			return true
		}
	}
	return false
}

func (b *bound) encodePayload(w http.ResponseWriter, f *field, v reflect.Value, status int) {
	if f.plan.kind == kStream {
		if w.Header().Get("Content-Type") == "" {
			w.Header().Set("Content-Type", "application/octet-stream")
		}
		w.WriteHeader(status)
		if absent(v) {
			return
		}
		body := v.Interface().(io.ReadCloser)
		defer body.Close()
		_, _ = io.Copy(w, body) // a cut answer is seen by the client as too short
		return
	}
	var body []byte
	if !absent(v) {
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
		switch {
		case f.plan.kind == kBlob:
			body = v.Bytes()
		case b.protocol == "rest-json":
			w.Header().Set("Content-Type", "application/json")
			body = appendJSON(nil, f.plan, v)
		default:
			w.Header().Set("Content-Type", "application/xml")
			body = appendElement(append(body, xmlHead...), f.tag, f.plan, "", v)
		}
	}
	writeBody(w, status, body)
}
