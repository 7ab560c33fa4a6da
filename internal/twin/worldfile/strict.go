package worldfile

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// known refuses the first field of a decoded tree that T has no place for, naming
// its path and what could have been meant.
func known[T any](tree any) error { return knownIn("", tree, reflect.TypeFor[T]()) }

func knownIn(path string, v any, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) || reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return nil // it reads itself
	}
	switch v := v.(type) {
	case []any:
		if t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
			return nil // the decoder says what is wrong
		}
		for k, e := range v {
			if err := knownIn(fmt.Sprintf("%s[%d]", path, k), e, t.Elem()); err != nil {
				return err
			}
		}
	case map[string]any:
		return knownFields(path, v, t)
	}
	return nil
}

func knownFields(path string, v map[string]any, t reflect.Type) error {
	var fields map[string]reflect.Type
	switch t.Kind() {
	case reflect.Struct:
		fields = jsonFields(t)
	case reflect.Map:
	default:
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		var of reflect.Type
		if t.Kind() == reflect.Map {
			of = t.Elem()
		} else if of = fields[name]; of == nil {
			return fmt.Errorf("unknown field %s; there are: %s", join(path, name), strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		}
		if err := knownIn(join(path, name), v[name], of); err != nil {
			return err
		}
	}
	return nil
}

// jsonFields are the names that encoding/json knows, embedded structs' included.
func jsonFields(t reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for k := range t.NumField() {
		f := t.Field(k)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous:
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			maps.Copy(out, jsonFields(f.Type))
		case name != "":
			out[name] = f.Type
		default:
			out[f.Name] = f.Type
		}
	}
	return out
}
