package record

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
)

// runFields is Run without its methods.
type runFields Run

// known are the JSON names of Run's fields.
func known() map[string]bool {
	out := map[string]bool{}
	for f := range reflect.TypeFor[Run]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out[name] = true
	}
	return out
}

// UnmarshalJSON keeps the fields that this version does not know.
func (r *Run) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, (*runFields)(r)); err != nil {
		return err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	names := known()
	maps.DeleteFunc(all, func(k string, _ json.RawMessage) bool { return names[k] })
	r.Unknown = all
	if len(all) == 0 {
		r.Unknown = nil
	}
	return nil
}

// MarshalJSON writes them again.
func (r Run) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(runFields(r))
	if err != nil || len(r.Unknown) == 0 {
		return data, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	names := known()
	for k, v := range r.Unknown {
		if !names[k] {
			all[k] = v
		}
	}
	return json.Marshal(all)
}
