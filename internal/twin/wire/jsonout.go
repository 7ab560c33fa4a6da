package wire

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
)

// appendJSON appends the answer's members that belong in the body.
func appendJSON(dst []byte, p *plan, v reflect.Value) []byte {
	dst = append(dst, '{')
	first, b := true, base(v)
	for _, f := range p.fields {
		if f.absentIn(b, v) || f.location != "" {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, f.key...)
		dst = appendJSONValue(dst, f.plan, f.timefmt, v.Field(f.index))
	}
	return append(dst, '}')
}

func appendJSONValue(dst []byte, p *plan, format string, v reflect.Value) []byte {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch p.kind {
	case kStruct:
		return appendJSON(dst, p, v)
	case kList:
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSONValue(dst, p.elem, "", v.Index(i))
		}
		return append(dst, ']')
	case kMap:
		dst = append(dst, '{')
		for i, k := range sortedKeys(v) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendQuoted(dst, k.String()), ':')
			dst = appendJSONValue(dst, p.elem, "", v.MapIndex(k))
		}
		return append(dst, '}')
	case kString:
		return appendQuoted(dst, v.String())
	case kTime:
		switch or(format, p.timefmt) {
		case "", "unixTimestamp":
			return appendText(dst, p, "unixTimestamp", v)
		}
	case kBlob:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, v.Bytes())
		return append(dst, '"')
	case kFloat:
		switch f := v.Float(); {
		case math.IsNaN(f):
			return append(dst, `"NaN"`...)
		case math.IsInf(f, 1):
			return append(dst, `"Infinity"`...)
		case math.IsInf(f, -1):
			return append(dst, `"-Infinity"`...)
		}
	case kOpaque, kStream:
		return append(dst, "null"...)
	}
	if p.kind == kTime {
		return append(appendText(append(dst, '"'), p, format, v), '"')
	}
	return appendText(dst, p, format, v)
}

func appendQuoted(dst []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		return append(dst, `""`...)
	}
	return append(dst, text...)
}
