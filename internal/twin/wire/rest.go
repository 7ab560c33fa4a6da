package wire

import (
	"bytes"
	"io"
	"net/http"
	"reflect"
	"strings"
)

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
	return setText(f.plan, headerTime(f), settle(v), values[0])
}

// headerTime is the format of times in headers: that of HTTP, if the model does
// not say otherwise.
func headerTime(f *field) string { return or(or(f.timefmt, f.plan.timefmt), "rfc822") }

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
		case f.plan.kind == kString: // a bucket policy
			settle(fv).SetString(string(r.body))
		case len(bytes.TrimSpace(r.body)) == 0:
		case b.protocol == "rest-json":
			return decodeJSON(f.plan, r.body, settle(fv))
		default:
			e, err := parseXML(r.body)
			if err != nil {
				return err
			}
			if e.name != string(f.tag) {
				return malformed("the document is a %.40q, not a %s", e.name, f.tag)
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
