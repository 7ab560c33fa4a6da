package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Inline prepares a file of test vectors (package baseline/vectors) in which an
// evaluate vector names its baseline instead of holding it: "baseline": "web.json".
// find gives the policy of a name. Everything else stays as it stands, for the
// vectors' own strict reader to judge.
func Inline(data []byte, find func(ref string) (Policy, error)) ([]byte, error) {
	var doc map[string]json.RawMessage
	var list []map[string]json.RawMessage
	if json.Unmarshal(data, &doc) != nil || json.Unmarshal(doc["vectors"], &list) != nil {
		return data, nil // the strict reader says better what is wrong
	}
	changed := false
	for _, v := range list {
		var kind, ref, id string
		_ = json.Unmarshal(v["kind"], &kind) // what is no text is no name either
		_ = json.Unmarshal(v["id"], &id)
		if kind != "evaluate" || !bytes.HasPrefix(bytes.TrimSpace(v["baseline"]), []byte{'"'}) {
			continue
		}
		if err := json.Unmarshal(v["baseline"], &ref); err != nil {
			return nil, fmt.Errorf("vector %s: baseline: %w", id, err)
		}
		p, err := find(ref)
		if err != nil {
			return nil, fmt.Errorf("vector %s: baseline: %w", id, err)
		}
		if err := inline(v, p); err != nil {
			return nil, fmt.Errorf("vector %s: %w", id, err)
		}
		changed = true
	}
	if !changed {
		return data, nil
	}
	var err error
	if doc["vectors"], err = json.Marshal(list); err != nil {
		return nil, fmt.Errorf("reading vectors: %w", err)
	}
	return json.Marshal(doc)
}

func inline(v map[string]json.RawMessage, p Policy) (err error) {
	if v["baseline"], err = json.Marshal(p.Baseline); err != nil {
		return fmt.Errorf("baseline: %w", err)
	}
	if !p.AptApprovalDelay {
		return nil
	}
	// The block asks for the extension; the vector may still state otherwise.
	options := map[string]json.RawMessage{}
	if raw, ok := v["options"]; ok {
		if err := json.Unmarshal(raw, &options); err != nil {
			return fmt.Errorf("options: %w", err)
		}
	}
	if _, stated := options["aptApprovalDelay"]; !stated {
		options["aptApprovalDelay"] = json.RawMessage("true")
	}
	v["options"], err = json.Marshal(options)
	return err
}
