package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
)

// decodeJSON fills v, a structure, from a JSON object; an empty body is {}.
func decodeJSON(p *plan, body []byte, v reflect.Value) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		return malformed("not JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return malformed("text after the JSON value")
	}
	o, ok := x.(map[string]any)
	if !ok {
		return malformed("not a JSON object")
	}
	return jsonStruct(p, o, v, "", 0)
}

func jsonStruct(p *plan, o map[string]any, v reflect.Value, path string, depth int) error {
	if depth > maxDepth {
		return malformed("nested too deeply")
	}
	for name, x := range o {
		f := p.byName[name]
		if f == nil {
			if name == "__type" {
				continue
			}
			return unknownMember(join(path, name))
		}
		if x == nil {
			continue
		}
		if err := jsonValue(f.plan, f.timefmt, x, v.Field(f.index), join(path, name), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func jsonValue(p *plan, format string, x any, v reflect.Value, path string, depth int) error {
	switch x := x.(type) {
	case map[string]any:
		switch p.kind {
		case kStruct:
			return jsonStruct(p, x, settle(v), path, depth)
		case kMap:
			return jsonMap(p, x, v, path, depth)
		}
	case []any:
		if p.kind == kList {
			return jsonList(p, x, v, path, depth)
		}
	case string:
		switch p.kind {
		case kString, kBlob:
			return textValue(p, format, x, v, path)
		case kTime:
			if _, err := strconv.ParseFloat(x, 64); err != nil {
				return textValue(p, format, x, v, path)
			}
		case kFloat:
			if x == "NaN" || x == "Infinity" || x == "-Infinity" {
				return textValue(p, format, x, v, path)
			}
		}
	case bool:
		if p.kind == kBool {
			settle(v).SetBool(x)
			return nil
		}
	case json.Number:
		switch p.kind {
		case kInt, kFloat:
			return textValue(p, format, x.String(), v, path)
		case kTime:
			return textValue(p, "unixTimestamp", x.String(), v, path)
		}
	}
	return badValue(path, fmt.Sprintf("a JSON %s where a %s belongs", jsonKind(x), p.kind))
}

func textValue(p *plan, format, s string, v reflect.Value, path string) error {
	if err := setText(p, format, settle(v), s); err != nil {
		return badValue(path, err.Error())
	}
	return nil
}

func jsonList(p *plan, x []any, v reflect.Value, path string, depth int) error {
	out := reflect.MakeSlice(v.Type(), len(x), len(x))
	for i, e := range x {
		if e == nil {
			return badValue(path+"."+strconv.Itoa(i+1), "null in a list")
		}
		if err := jsonValue(p.elem, "", e, out.Index(i), path+"."+strconv.Itoa(i+1), depth+1); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

func jsonMap(p *plan, x map[string]any, v reflect.Value, path string, depth int) error {
	out := reflect.MakeMapWithSize(v.Type(), len(x))
	for k, e := range x {
		if e == nil {
			continue
		}
		value := reflect.New(v.Type().Elem()).Elem()
		if err := jsonValue(p.elem, "", e, value, join(path, k), depth+1); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(k).Convert(v.Type().Key()), value)
	}
	v.Set(out)
	return nil
}

func jsonKind(x any) string {
	switch x.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case bool:
		return "boolean"
	}
	return "number"
}

// appendJSON appends the answer's members that belong in the body.
func appendJSON(dst []byte, p *plan, v reflect.Value) []byte {
	dst = append(dst, '{')
	first := true
	for _, f := range p.fields {
		fv := v.Field(f.index)
		if f.location != "" || absent(fv) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, f.key...)
		dst = appendJSONValue(dst, f.plan, f.timefmt, fv)
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
