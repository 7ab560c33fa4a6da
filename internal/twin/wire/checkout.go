package wire

import (
	"errors"
	"fmt"
	"reflect"
	"time"
	"unsafe"
)

// checkOutput reports required members that the handler left out, and values that
// the model does not have: the SDK would pass them on silently.
func checkOutput(p *plan, v reflect.Value) error {
	switch p.kind {
	case kStruct:
		b := base(v)
		for _, f := range p.fields {
			if err := checkMember(f, b, v); err != nil {
				// The path is put together on the way out, because nearly always there is none.
				return fmt.Errorf("%s: %w", f.name, err)
			}
		}
	case kList:
		for i := range v.Len() {
			e := v.Index(i)
			if e.Kind() == reflect.Pointer {
				if e.IsNil() {
					return errEmptyMember
				}
				e = e.Elem()
			}
			if err := checkOutput(p.elem, e); err != nil {
				return err
			}
		}
	case kString:
		if p.rules.enum != nil && v.Type() != stringType && !p.rules.enum[v.String()] {
			return fmt.Errorf("%q is not one of the enum's values", v.String())
		}
	case kTime:
		if timeOf(v).IsZero() {
			return errZeroTime
		}
	}
	return nil
}

var (
	errAbsent      = errors.New("a required member is absent")
	errEmptyMember = errors.New("the list has an empty member")
	errZeroTime    = errors.New("the time is zero")
)

// checkMember checks a member of the structure in, which begins at b.
func checkMember(f *field, b unsafe.Pointer, in reflect.Value) error {
	if f.absentIn(b, in) {
		if f.required {
			return errAbsent
		}
		return nil
	}
	v := in.Field(f.index)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return checkOutput(f.plan, v)
}

// timeOf reads a time without a copy on the heap where it can.
func timeOf(v reflect.Value) time.Time {
	if v.CanAddr() {
		if t, ok := v.Addr().Interface().(*time.Time); ok {
			return *t
		}
	}
	t, _ := v.Interface().(time.Time)
	return t
}

var stringType = reflect.TypeFor[string]()
