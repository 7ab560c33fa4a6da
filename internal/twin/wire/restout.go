package wire

import (
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
)

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
			if text := string(appendText(nil, f.plan, headerTime(f), fv)); text != "" && !strings.ContainsAny(text, "\r\n") {
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
	case p.name == "GetBucketLocation": // the one member is the root itself, also without a text (the API Reference's example)
		h.Set("Content-Type", "application/xml")
		body = fmt.Appendf(body, "%s<LocationConstraint xmlns=%q>", xmlHead, s3Namespace)
		for _, f := range p.out.fields {
			body = escape(body, v.Field(f.index).String())
		}
		body = append(body, "</LocationConstraint>"...)
	case hasBody(p.out, v):
		h.Set("Content-Type", "application/xml")
		tag := rootOf(p)
		body = append(body, fmt.Sprintf("%s<%s xmlns=%q>", xmlHead, tag, or(b.m.Metadata.XMLNamespace, s3Namespace))...)
		body = append(appendXML(body, p.out, v), "</"+tag+">"...)
	}
	writeBody(w, status, body)
}

// s3Namespace is S3's, which its model does not tell.
const s3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// rootOf is the element that an answer of S3 is ("Response Syntax" of each operation, S3
// API Reference); the model does not tell it.
func rootOf(p *opPlan) string {
	switch p.name {
	case "ListObjectsV2", "ListObjects":
		return "ListBucketResult"
	case "ListObjectVersions":
		return "ListVersionsResult"
	case "ListBuckets":
		return "ListAllMyBucketsResult"
	case "CreateMultipartUpload":
		return "InitiateMultipartUploadResult"
	case "DeleteObjects":
		return "DeleteResult"
	case "GetBucketVersioning":
		return "VersioningConfiguration"
	}
	tag := strings.TrimSuffix(p.out.name, "Output")
	if tag == p.name || strings.HasPrefix(tag, "List") {
		tag += "Result"
	}
	return tag
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
		case f.plan.kind == kString: // a bucket policy
			w.Header().Set("Content-Type", "application/json")
			body = []byte(v.String())
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
