package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"unicode/utf8"
)

// decodeJSON fills v, a structure, from a JSON object; an empty body is {}.
func decodeJSON(p *plan, body []byte, v reflect.Value) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	switch {
	case !utf8.Valid(body):
		return malformed("text is not UTF-8")
	case bytes.Count(body, []byte(","))+bytes.Count(body, []byte("["))+bytes.Count(body, []byte("{")) > maxValues:
		return malformed("too many values")
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
	return badValue(path, fmt.Sprintf("a JSON %s where %s belongs", jsonKind(x), p.kind))
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
