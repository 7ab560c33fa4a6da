package policy

import (
	"errors"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/baseline/vectors"
	"github.com/goldenami/rehydrate/internal/policy/tree"
)

const sourceVectors = "docs/baseline-test-format.md"

// RunVectors runs a file of test vectors whose evaluate vectors may name their
// baseline (see Inline). A file that is no vector file is a *RefusedError that
// names every vector at fault, not only the first; a vector that expects nothing
// is one, because it could not fail. The summary holds the vectors that could run.
func RunVectors(name string, data []byte, find func(ref string) (Policy, error)) (vectors.Summary, error) {
	if _, err := tree.JSON(data); err != nil { // a field that stands twice, too
		return vectors.Summary{}, Refusal(name, []baseline.Fault{{Field: name, Value: "the file", Limit: "JSON: " + err.Error(), Source: sourceVectors}})
	}
	data, err := Inline(data, find)
	if err != nil {
		return vectors.Summary{}, err
	}
	sum, err := vectors.Run(data)
	var bad *vectors.RefusedError
	if errors.As(err, &bad) {
		return sum, Refusal(name, bad.Faults)
	}
	return sum, err
}
