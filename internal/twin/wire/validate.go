package wire

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// rules are a shape's constraints.
type rules struct {
	enum     map[string]bool
	pattern  *regexp.Regexp
	min, max *float64
}

// newRules takes the constraints from the model; enum values that only the Go
// type knows (it may be newer) count as well.
func newRules(sh *shape, t reflect.Type) rules {
	r := rules{min: sh.Min, max: sh.Max}
	if sh.Pattern != "" {
		r.pattern, _ = regexp.Compile(`\A(?:` + strings.TrimSuffix(strings.TrimPrefix(sh.Pattern, "^"), "$") + `)\z`)
	}
	if len(sh.Enum) == 0 || t.Kind() != reflect.String {
		return r
	}
	r.enum = make(map[string]bool, len(sh.Enum))
	for _, v := range sh.Enum {
		r.enum[v] = true
	}
	if m, ok := t.MethodByName("Values"); ok && m.Type.NumIn() == 1 && m.Type.NumOut() == 1 && m.Type.Out(0).Kind() == reflect.Slice {
		values := m.Func.Call([]reflect.Value{reflect.Zero(t)})[0]
		for i := range values.Len() {
			r.enum[values.Index(i).String()] = true
		}
	}
	return r
}

// validate checks a decoded request against the model.
func validate(p *plan, v reflect.Value, path string) error {
	switch p.kind {
	case kStruct:
		for _, f := range p.fields {
			fv := v.Field(f.index)
			name := join(path, f.name)
			if missing(fv) {
				if f.required {
					return &problem{what: isMissing, path: name}
				}
				continue
			}
			if fv.Kind() == reflect.Pointer {
				fv = fv.Elem()
			}
			if err := validate(f.plan, fv, name); err != nil {
				return err
			}
		}
	case kList:
		if err := p.rules.size(v.Len(), path, "[...]"); err != nil {
			return err
		}
		for i := range v.Len() {
			e := v.Index(i)
			if e.Kind() == reflect.Pointer {
				e = e.Elem()
			}
			if err := validate(p.elem, e, path+"."+strconv.Itoa(i+1)); err != nil {
				return err
			}
		}
	case kMap:
		if err := p.rules.size(v.Len(), path, "{...}"); err != nil {
			return err
		}
		for it := v.MapRange(); it.Next(); {
			e := it.Value()
			if e.Kind() == reflect.Pointer {
				e = e.Elem()
			}
			if err := validate(p.elem, e, join(path, it.Key().String())); err != nil {
				return err
			}
		}
	case kString:
		return p.rules.text(v.String(), path)
	case kBlob:
		return p.rules.size(v.Len(), path, "[...]")
	case kInt:
		return p.rules.number(float64(v.Int()), path)
	case kFloat:
		return p.rules.number(v.Float(), path)
	}
	return nil
}

func missing(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0 // an enum without a value
	}
	return false
}

func (r rules) text(s, path string) error {
	if r.enum != nil && !r.enum[s] {
		known := make([]string, 0, len(r.enum))
		for k := range r.enum {
			known = append(known, k)
		}
		slices.Sort(known)
		if len(known) > 40 {
			known = append(known[:40], "...")
		}
		return invalid(path, s, "satisfy enum value set: ["+strings.Join(known, ", ")+"]")
	}
	if r.min != nil || r.max != nil {
		if err := r.size(utf8.RuneCountInString(s), path, s); err != nil {
			return err
		}
	}
	if r.pattern != nil && !r.pattern.MatchString(s) {
		return invalid(path, s, "satisfy regular expression pattern: "+r.pattern.String()[5:len(r.pattern.String())-3])
	}
	return nil
}

func (r rules) size(n int, path, shown string) error {
	if r.min != nil && float64(n) < *r.min {
		return invalid(path, shown, fmt.Sprintf("have length greater than or equal to %v", *r.min))
	}
	if r.max != nil && float64(n) > *r.max {
		return invalid(path, shown, fmt.Sprintf("have length less than or equal to %v", *r.max))
	}
	return nil
}

func (r rules) number(f float64, path string) error {
	if r.min != nil && f < *r.min {
		return invalid(path, fmt.Sprint(f), fmt.Sprintf("have value greater than or equal to %v", *r.min))
	}
	if r.max != nil && f > *r.max {
		return invalid(path, fmt.Sprint(f), fmt.Sprintf("have value less than or equal to %v", *r.max))
	}
	return nil
}

func invalid(path, value, limit string) error {
	if len(value) > 200 {
		value = value[:200] + "..."
	}
	return &problem{what: isInvalid, path: path, value: value, limit: limit}
}
