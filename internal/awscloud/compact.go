package awscloud

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Compact is an SDK value as JSON in the API's own names, without what is not set:
// null, empty strings, lists and objects. False and 0 stay.
func Compact(v any) (json.RawMessage, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	tree, _ = prune(tree)
	if tree == nil {
		tree = map[string]any{}
	}
	return json.Marshal(tree)
}

func prune(v any) (any, bool) {
	switch v := v.(type) {
	case nil:
		return nil, false
	case string:
		return v, v != ""
	case map[string]any:
		for k, x := range v {
			if p, ok := prune(x); ok {
				v[k] = p
			} else {
				delete(v, k)
			}
		}
		return v, len(v) > 0
	case []any:
		for i, x := range v {
			// An element keeps its place even when it is empty.
			v[i], _ = prune(x)
		}
		return v, len(v) > 0
	}
	return v, true
}
