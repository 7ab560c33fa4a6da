package wire

import (
	"fmt"
	"reflect"
	"time"
)

// checkOutput reports required members that the handler left out, which the SDK
// would pass on silently.
func checkOutput(p *plan, v reflect.Value, path string) error {
	switch p.kind {
	case kStruct:
		for _, f := range p.fields {
			fv := v.Field(f.index)
			if missing(fv) {
				if f.required {
					return fmt.Errorf("required member %s is absent", join(path, f.name))
				}
				continue
			}
			if fv.Kind() == reflect.Pointer {
				fv = fv.Elem()
			}
			if err := checkOutput(f.plan, fv, join(path, f.name)); err != nil {
				return err
			}
		}
	case kList:
		for i := range v.Len() {
			e := v.Index(i)
			if e.Kind() == reflect.Pointer {
				if e.IsNil() {
					return fmt.Errorf("%s has an empty member", path)
				}
				e = e.Elem()
			}
			if err := checkOutput(p.elem, e, path); err != nil {
				return err
			}
		}
	case kString:
		if v.Type() != stringType && p.rules.enum != nil && !p.rules.enum[v.String()] {
			return fmt.Errorf("%s: %q is not one of the enum's values", path, v.String())
		}
	case kTime:
		if v.Interface().(time.Time).IsZero() {
			return fmt.Errorf("%s: the time is zero", path)
		}
	}
	return nil
}

var stringType = reflect.TypeFor[string]()
