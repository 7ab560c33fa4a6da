package twin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"
)

// maxRules bounds the text of a fault plan.
const maxRules = maxAdmin

// ReadRules reads a fault plan from a file.
func ReadRules(name string) ([]Rule, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRules+1))
	if err != nil {
		return nil, err
	}
	return ParseRules(text)
}

// ParseRules reads a fault plan: a JSON list of rules. What is wrong is said with its
// line, its rule and its field; a field that is not known, written otherwise or there
// twice is wrong too.
func ParseRules(text []byte) ([]Rule, error) {
	if len(text) > maxRules {
		return nil, fmt.Errorf("it is larger than %d bytes", maxRules)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	t, err := d.Token()
	if err == nil && t != json.Delim('[') {
		err = errors.New("a fault plan is a list of rules: [{…}, …]")
	}
	rules := []Rule{}
	for err == nil && d.More() {
		var one json.RawMessage
		if err = d.Decode(&one); err != nil {
			break
		}
		at := d.InputOffset() - int64(len(one))
		var r Rule
		err := fill(one, at, reflect.ValueOf(&r).Elem())
		if err == nil {
			err = r.check()
		}
		if err != nil {
			if in := (*placed)(nil); errors.As(err, &in) {
				at = in.at
			}
			return nil, fmt.Errorf("line %d, rule %d: %w", lineOf(text, at), len(rules)+1, err)
		}
		rules = append(rules, r)
	}
	if err == nil {
		_, err = d.Token() // the end of the list
	}
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is something after the list of rules")
		}
	}
	if err != nil {
		at := d.InputOffset()
		if s := (*json.SyntaxError)(nil); errors.As(err, &s) {
			at = s.Offset
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("it ends too early")
		}
		return nil, fmt.Errorf("line %d: %w", lineOf(text, at), err)
	}
	return rules, nil
}

// placed is an error that knows where in the text it is.
type placed struct {
	at   int64
	path string
	err  error
}

func (p *placed) Error() string { return p.path + ": " + p.err.Error() }
func (p *placed) Unwrap() error { return p.err }

func lineOf(text []byte, at int64) int {
	return 1 + bytes.Count(text[:min(max(at, 0), int64(len(text)))], []byte("\n"))
}

// fill puts a JSON object that begins at an offset into a structure.
func fill(object []byte, at int64, v reflect.Value) error {
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("it is no object: {…}")
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, begins := t.(string), at+d.InputOffset()
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		f, names := fieldOf(v, name)
		switch {
		case !f.IsValid():
			err = fmt.Errorf("unknown field; there are: %s", strings.Join(names, ", "))
		case seen[name]:
			err = errors.New("the field is there twice")
		default:
			err = put(value, at+d.InputOffset()-int64(len(value)), f)
		}
		if err != nil {
			if in := (*placed)(nil); errors.As(err, &in) {
				return &placed{in.at, name + "." + in.path, in.err}
			}
			return &placed{begins, name, err}
		}
		seen[name] = true
	}
	return nil
}

// put sets one field.
func put(value []byte, at int64, f reflect.Value) error {
	t := f.Type()
	if t.Kind() == reflect.Pointer && string(value) != "null" {
		f.Set(reflect.New(t.Elem()))
		return fill(value, at, f.Elem())
	}
	err := json.Unmarshal(value, f.Addr().Interface())
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) && t != reflect.TypeFor[Duration]() {
		return fmt.Errorf("a %s is no %s", wrong.Value, t.Kind())
	}
	if wrong := (*time.ParseError)(nil); errors.As(err, &wrong) || err != nil && t == reflect.TypeFor[time.Time]() {
		return errors.New("a time is written 2026-03-01T12:00:00Z")
	}
	return err
}

// fieldOf is the field of a JSON name, and all names.
func fieldOf(v reflect.Value, name string) (f reflect.Value, names []string) {
	for k := range v.NumField() {
		tag, _, _ := strings.Cut(v.Type().Field(k).Tag.Get("json"), ",")
		if names = append(names, tag); tag == name {
			f = v.Field(k)
		}
	}
	slices.Sort(names)
	return f, names
}
