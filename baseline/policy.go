package baseline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// The exit codes of the run documents about a BaselineOverride (§8).
const (
	ExitOverrideAccess   = 160 // access denied
	ExitOverrideShape    = 161 // not a JSON array
	ExitOverrideDownload = 162
	ExitOverrideNoEntry  = 163 // no entry for the node's operating system
	ExitOverrideEntries  = 165 // more than one entry for it
	ExitOverrideBoth     = 167 // together with an InstallOverrideList
	ExitTaggedBaselines  = 142 // more than one baseline has the tag
)

// RunError is a condition that ends a run of a patch document, with the name and
// exit code of the condition; Exit is 0 where the document states none.
type RunError struct {
	Name string
	Exit int
	Text string
}

func (e *RunError) Error() string {
	if e.Exit == 0 {
		return fmt.Sprintf("%s (%s)", e.Text, e.Name)
	}
	return fmt.Sprintf("%s (%s, exit code %d)", e.Text, e.Name, e.Exit)
}

// KnownRunError says whether name is one of the conditions that this package
// reports as a RunError.
func KnownRunError(name string) bool {
	switch name {
	case "BaselineOverrideNotAnArray", "MultipleBaselineOverrides", "NoBaselineOverride",
		"BaselineOverrideAndInstallOverride", "AmbiguousPatchGroup", "MultipleTaggedBaselines",
		"InvalidBaselineTags", "NoBaseline":
		return true
	}
	return false
}

// ParseBaselineOverride reads a BaselineOverride or a patch policy's
// baseline_overrides.json: an array of GetPatchBaseline objects of which unknown
// fields (ids, dates, names) are ignored (§8.1). Every entry is validated, all
// faults of all entries together.
func ParseBaselineOverride(data []byte) ([]Baseline, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil || bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		return nil, &RunError{"BaselineOverrideNotAnArray", ExitOverrideShape, "reading baseline override: the file is not a JSON array"}
	}
	v := &faultList{}
	out := make([]Baseline, len(raw))
	for i, entry := range raw {
		if err := json.Unmarshal(entry, &out[i]); err != nil {
			return nil, fmt.Errorf("reading baseline override: entry %d: %w", i, err)
		}
		out[i].validateOverride(v, fmt.Sprintf("[%d].", i))
	}
	if err := v.err("baseline override"); err != nil {
		return nil, err
	}
	return out, nil
}

// SelectOverride is the index of the one entry for os (§8 step 1).
func SelectOverride(list []Baseline, os OperatingSystem) (int, error) {
	found := -1
	for i := range list {
		if list[i].os() != os {
			continue
		}
		if found >= 0 {
			return -1, &RunError{"MultipleBaselineOverrides", ExitOverrideEntries,
				fmt.Sprintf("choosing baseline override: more than one entry is for %s", os)}
		}
		found = i
	}
	if found < 0 {
		return -1, &RunError{"NoBaselineOverride", ExitOverrideNoEntry,
			fmt.Sprintf("choosing baseline override: no entry is for %s", os)}
	}
	return found, nil
}

// ErrNoSource says that a baseline has sources and none is for the node's product,
// which fails the run (§10).
var ErrNoSource = errors.New("no source of the baseline is for this product")

// SelectSources are the alternative sources of a product: those whose Products
// hold it or "*". They replace the node's repositories for the run; a baseline
// without sources leaves them alone.
func (b *Baseline) SelectSources(product string) ([]PatchSource, error) {
	var out []PatchSource
	for _, s := range b.Sources {
		for _, p := range s.Products {
			if p == "*" || equalFold(p, product) {
				out = append(out, s)
				break
			}
		}
	}
	if len(out) == 0 && len(b.Sources) > 0 {
		return nil, fmt.Errorf("choosing sources of baseline %s for %s: %w", b.Name, product, ErrNoSource)
	}
	return out, nil
}
