package wire

import (
	"maps"
	"net/http"
	"slices"

	"github.com/aws/smithy-go/encoding/cbor"
)

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
	if b.asQuery || b.protocol == rpcCBOR {
		queryError(w.Header(), &Error{Code: code, Status: status})
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
	case rpcCBOR:
		h.Set("Content-Type", "application/cbor")
		h.Set("Smithy-Protocol", "rpc-v2-cbor")
		body = cbor.Encode(cbor.Map{"__type": cbor.String(e.Code), "message": cbor.String(e.Message)})
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
