// Package strict reads JSON whose every field counts. encoding/json takes a field
// in any case, lets the last of two equal ones win and stops at the first unknown
// one; here each of these is a fault with its path, and all are reported together.
package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
)

// Fault is one field that cannot stand where it stands.
type Fault struct {
	Path string // such as ApprovalRules.PatchRules[0].approveAfterDays
	Text string // what is wrong with it
}

// Error holds every fault of a document, at least one.
type Error struct{ Faults []Fault }

func (e *Error) Error() string {
	var all []string
	for _, f := range e.Faults {
		at, name := "", f.Path
		if i := strings.LastIndexByte(f.Path, '.'); i >= 0 {
			at, name = " in "+f.Path[:i], f.Path[i+1:]
		}
		all = append(all, f.Text+" "+strconv.Quote(name)+at)
	}
	return strings.Join(all, "; ")
}

// In puts the faults of a strict error below a field; other errors stay as they are.
func In(field string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	out := &Error{}
	for _, f := range e.Faults {
		out.Faults = append(out.Faults, Fault{field + "." + f.Path, f.Text})
	}
	return out
}

// Decode reads exactly one JSON value. Fields that into's type does not have, has
// in another case, or that stand twice are an *Error.
func Decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil { // also bounds the depth
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("unexpected text after the JSON value")
	}
	w := walker{json.NewDecoder(bytes.NewReader(raw)), nil}
	w.value(reflect.TypeOf(into), "")
	if len(w.faults) > 0 {
		return &Error{w.faults}
	}
	return json.Unmarshal(raw, into)
}

// walker compares a document that is valid JSON with a type.
type walker struct {
	d      *json.Decoder
	faults []Fault
}

func (w *walker) value(t reflect.Type, path string) {
	if t == reflect.TypeFor[json.RawMessage]() { // for a later reader to judge
		var skipped json.RawMessage
		_ = w.d.Decode(&skipped) // the document is valid
		return
	}
	tok, err := w.d.Token()
	if err != nil {
		return // the document is valid: there is no such error
	}
	t = shape(t)
	switch tok {
	case json.Delim('{'):
		w.object(t, path)
	case json.Delim('['):
		var elem reflect.Type
		if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
			elem = t.Elem()
		}
		for i := 0; w.d.More(); i++ {
			w.value(elem, fmt.Sprintf("%s[%d]", path, i))
		}
		_, _ = w.d.Token() // the closing bracket
	}
}

func (w *walker) object(t reflect.Type, path string) {
	var known map[string]reflect.Type
	if t != nil && t.Kind() == reflect.Struct {
		known = map[string]reflect.Type{}
		fields(t, known)
	}
	seen := map[string]bool{}
	for w.d.More() {
		tok, err := w.d.Token()
		name, ok := tok.(string)
		if err != nil || !ok {
			return
		}
		at := strings.TrimPrefix(path+"."+name, ".")
		if seen[name] {
			w.faults = append(w.faults, Fault{at, "a second field"})
		}
		seen[name] = true
		var inner reflect.Type
		switch {
		case known != nil:
			if inner, ok = known[name]; !ok {
				w.faults = append(w.faults, Fault{at, unknown(known, name)})
			}
		case t != nil && t.Kind() == reflect.Map:
			inner = t.Elem()
		}
		w.value(inner, at)
	}
	_, _ = w.d.Token() // the closing brace
}

func unknown(known map[string]reflect.Type, name string) string {
	for k := range known {
		if strings.EqualFold(k, name) {
			return "field is written " + k + ", unknown field"
		}
	}
	return "unknown field"
}

// shape is the type behind pointers; nil if it reads its JSON itself.
func shape(t reflect.Type) reflect.Type {
	reader := reflect.TypeFor[json.Unmarshaler]()
	for t != nil {
		if t.Implements(reader) || reflect.PointerTo(t).Implements(reader) {
			return nil
		}
		if t.Kind() != reflect.Pointer {
			return t
		}
		t = t.Elem()
	}
	return nil
}

// fields lists what encoding/json would read into a struct, by name.
func fields(t reflect.Type, out map[string]reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			fields(f.Type, out)
		case !f.IsExported() || f.Tag.Get("json") == "-":
		case name != "":
			out[name] = f.Type
		default:
			out[f.Name] = f.Type
		}
	}
}
