package policy

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/baseline/vectors"
	"github.com/goldenami/rehydrate/internal/policy/tree"
)

const sourceVectors = "docs/baseline-test-format.md"

// RunVectors runs a file of test vectors whose evaluate vectors may name their
// baseline (see Inline). A file that is no vector file is a *RefusedError that
// names every vector at fault, not only the first; a vector that expects nothing
// is one, because it could not fail.
func RunVectors(name string, data []byte, find func(ref string) (Policy, error)) (vectors.Summary, error) {
	if _, err := tree.JSON(data); err != nil { // a field that stands twice, too
		return vectors.Summary{}, Refusal(name, []baseline.Fault{{Field: name, Value: "the file", Limit: "JSON: " + err.Error(), Source: sourceVectors}})
	}
	data, err := Inline(data, find)
	if err != nil {
		return vectors.Summary{}, err
	}
	faults := idle(data)
	sum, err := vectors.Run(data)
	if err != nil {
		faults = append(faults, eachFault(data, err)...)
	}
	if len(faults) > 0 {
		return vectors.Summary{}, Refusal(name, faults)
	}
	return sum, nil
}

type bareVector struct {
	ID       string                     `json:"id"`
	Expected map[string]json.RawMessage `json:"expected"`
}

func split(data []byte) []json.RawMessage {
	var doc struct {
		Vectors []json.RawMessage `json:"vectors"`
	}
	if json.Unmarshal(data, &doc) != nil {
		return nil // the strict reader says what is wrong
	}
	return doc.Vectors
}

// idle finds vectors without an expectation.
func idle(data []byte) []baseline.Fault {
	var out []baseline.Fault
	for i, raw := range split(data) {
		var v bareVector
		if json.Unmarshal(raw, &v) == nil && len(v.Expected) == 0 {
			out = append(out, baseline.Fault{Field: vectorName(i, v.ID) + ".expected", Value: "nothing", Limit: "at least one expectation", Source: sourceVectors})
		}
	}
	return out
}

func vectorName(i int, id string) string {
	if id == "" {
		return fmt.Sprintf("vectors[%d]", i)
	}
	return id
}

var unknownField = regexp.MustCompile(`unknown field "(.*)"$`)

// eachFault runs every vector on its own, to find all that are at fault. A fault of
// the whole file, such as an id that occurs twice, is in no single vector.
func eachFault(data []byte, whole error) []baseline.Fault {
	var out []baseline.Fault
	for i, raw := range split(data) {
		one, err := json.Marshal(map[string]any{"vectors": []json.RawMessage{raw}})
		if err == nil {
			_, err = vectors.Run(one)
		}
		if err == nil {
			continue
		}
		var v bareVector
		_ = json.Unmarshal(raw, &v) // a vector without a readable id goes by its place
		out = append(out, vectorFault(vectorName(i, v.ID), err))
	}
	if len(out) == 0 {
		out = append(out, vectorFault("vectors", whole))
	}
	return out
}

func vectorFault(at string, err error) baseline.Fault {
	if m := unknownField.FindStringSubmatch(err.Error()); m != nil {
		return baseline.Fault{Field: at, Value: `"` + m[1] + `"`, Limit: "there is no such field", Source: sourceVectors}
	}
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "reading vectors: "), at+": ")
	return baseline.Fault{Field: at, Value: "the vector", Limit: text, Source: sourceVectors}
}
