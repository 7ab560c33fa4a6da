package baseline

import (
	"fmt"
	"strings"
)

// Account is what decides which baseline a node gets: the registrations of one
// account and region. Values are baseline ids or names.
type Account struct {
	Defaults   map[OperatingSystem]string            `json:"defaults,omitempty"`
	Predefined map[OperatingSystem]string            `json:"predefined,omitempty"`
	Groups     map[string]map[OperatingSystem]string `json:"groups,omitempty"`
	// TaggedBaselines are custom baselines by "key=value" of a tag.
	TaggedBaselines map[string]map[OperatingSystem][]string `json:"taggedBaselines,omitempty"`
}

// NodeIdentity is what a run knows about its node and its parameters.
type NodeIdentity struct {
	OS   OperatingSystem
	Tags map[string]string
	// BaselineTags is the parameter of AWS-RunPatchBaselineAssociation, such as
	// "Key=PatchTier,Values=Gold".
	BaselineTags string
	// Override are the entries of a BaselineOverride; HasOverride distinguishes an
	// empty one from none.
	Override    []Baseline
	HasOverride bool
	// HasInstallOverride says that an InstallOverrideList was given.
	HasInstallOverride bool
}

// Resolution is the baseline of a node and how it was found.
type Resolution struct {
	Baseline   string `json:"baseline"` // id or name; "override[i]" for an override entry
	PatchGroup string `json:"patchGroup"`
	Step       string `json:"step"` // baselineOverride, baselineTags, patchGroup, accountDefault, predefined
	Override   int    `json:"-"`    // index of the entry, if Step is baselineOverride
}

// Resolve follows §8: override → association tags → patch group → account
// default → predefined default.
func (a *Account) Resolve(n NodeIdentity) (Resolution, error) {
	if n.HasOverride {
		if n.HasInstallOverride {
			return Resolution{}, &RunError{"BaselineOverrideAndInstallOverride", ExitOverrideBoth,
				"resolving baseline: BaselineOverride and InstallOverrideList exclude each other"}
		}
		i, err := SelectOverride(n.Override, n.OS)
		if err != nil {
			return Resolution{}, err
		}
		return Resolution{Baseline: fmt.Sprintf("override[%d]", i), Step: "baselineOverride", Override: i}, nil
	}
	tagged, err := a.tagged(n)
	if err != nil {
		return Resolution{}, err
	}
	group, err := PatchGroup(n.Tags)
	if tagged != "" {
		return Resolution{Baseline: tagged, PatchGroup: group, Step: "baselineTags"}, nil
	}
	if err != nil {
		return Resolution{}, err
	}
	r := Resolution{PatchGroup: group}
	if id := a.Groups[group][n.OS]; group != "" && id != "" {
		r.Baseline, r.Step = id, "patchGroup"
		return r, nil
	}
	if id := a.Defaults[n.OS]; id != "" {
		r.Baseline, r.Step = id, "accountDefault"
		return r, nil
	}
	if id := a.Predefined[n.OS]; id != "" {
		r.Baseline, r.Step = id, "predefined"
		return r, nil
	}
	return Resolution{}, &RunError{Name: "NoBaseline",
		Text: fmt.Sprintf("resolving baseline: neither a default nor a predefined baseline exists for %q", n.OS)}
}

// PatchGroup is the node's patch group by its tags "Patch Group" or "PatchGroup",
// spelt exactly; both with different values is an error (AMB-22).
func PatchGroup(tags map[string]string) (string, error) {
	spaced, hasSpaced := tags["Patch Group"]
	plain, hasPlain := tags["PatchGroup"]
	switch {
	case hasSpaced && hasPlain && spaced != plain:
		return "", &RunError{Name: "AmbiguousPatchGroup",
			Text: fmt.Sprintf("resolving baseline: tag Patch Group is %q and tag PatchGroup is %q", spaced, plain)}
	case hasSpaced:
		return spaced, nil
	}
	return plain, nil
}

// tagged finds the custom baseline that BaselineTags names, "" if there is none.
func (a *Account) tagged(n NodeIdentity) (string, error) {
	if n.BaselineTags == "" {
		return "", nil
	}
	key, values, err := ParseBaselineTags(n.BaselineTags)
	if err != nil {
		return "", err
	}
	var found []string
	for _, v := range values {
		for _, id := range a.TaggedBaselines[key+"="+v][n.OS] {
			found = appendNew(found, id)
		}
	}
	if len(found) > 1 {
		return "", &RunError{"MultipleTaggedBaselines", ExitTaggedBaselines,
			fmt.Sprintf("resolving baseline: %s fits %s", n.BaselineTags, strings.Join(found, ", "))}
	}
	if len(found) == 0 {
		return "", nil
	}
	return found[0], nil
}

func appendNew(list []string, s string) []string {
	for _, old := range list {
		if old == s {
			return list
		}
	}
	return append(list, s)
}

// ParseBaselineTags reads "Key=k,Values=v1,v2".
func ParseBaselineTags(s string) (key string, values []string, err error) {
	rest, ok := strings.CutPrefix(s, "Key=")
	if ok {
		if k, list, found := strings.Cut(rest, ",Values="); found && k != "" && list != "" {
			return k, strings.Split(list, ","), nil
		}
	}
	return "", nil, &RunError{"InvalidBaselineTags", 153, // tag format (§11)
		fmt.Sprintf("reading baseline tags %q: want Key=k,Values=v1,v2", s)}
}
