package baseline

import (
	"encoding/json"
	"fmt"
)

// Change applies an UpdatePatchBaseline request to b and returns the result
// (§16.1). Without replace, fields that the request leaves out stay; with it, what
// Create requires is required and what is left out is cleared. The operating
// system cannot be changed. BaselineId and Replace, which the request carries too,
// are ignored.
func (b *Baseline) Change(request []byte, replace bool) (*Baseline, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(request, &fields); err != nil {
		return nil, fmt.Errorf("changing baseline %s: %w", b.Name, err)
	}
	if _, ok := fields["OperatingSystem"]; ok {
		v := &faultList{}
		v.add("OperatingSystem", string(fields["OperatingSystem"]), "cannot be changed", "SSM API model, UpdatePatchBaseline")
		return nil, v.err("change of baseline " + b.Name)
	}
	delete(fields, "BaselineId")
	delete(fields, "Replace")
	out := &Baseline{OperatingSystem: b.OperatingSystem}
	if !replace {
		var err error
		if out, err = b.clone(); err != nil {
			return nil, err
		}
		out.forget(fields) // a given field replaces the old one whole
	}
	given, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("changing baseline %s: %w", b.Name, err)
	}
	if err := decodeStrict(given, out); err != nil {
		return nil, fmt.Errorf("changing baseline %s: %w", b.Name, err)
	}
	if err := out.Validate(); err != nil {
		return nil, err
	}
	return out, nil
}

func (b *Baseline) clone() (*Baseline, error) {
	data, err := json.Marshal(b)
	if err != nil {
		return nil, fmt.Errorf("copying baseline %s: %w", b.Name, err)
	}
	var out Baseline
	if err := json.Unmarshal(data, &out); err != nil {
		return nil, fmt.Errorf("copying baseline %s: %w", b.Name, err)
	}
	return &out, nil
}

// forget clears the structured fields that a request brings: JSON decoding into
// an existing value would merge them.
func (b *Baseline) forget(fields map[string]json.RawMessage) {
	for name := range fields {
		switch name {
		case "GlobalFilters":
			b.GlobalFilters = nil
		case "ApprovalRules":
			b.ApprovalRules = nil
		case "ApprovedPatches":
			b.ApprovedPatches = nil
		case "RejectedPatches":
			b.RejectedPatches = nil
		case "Sources":
			b.Sources = nil
		}
	}
}
