package vectors

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/baseline/internal/strict"
)

func runMatch(raw json.RawMessage) ([]Difference, error) {
	var v matchVector
	if err := strict.Decode(raw, &v); err != nil {
		return nil, err
	}
	var d differences
	got := baseline.MatchPattern(v.OS, v.Pattern, v.Package.Package, notices(v.Package.Notices)...)
	d.compare("match", strconv.FormatBool(v.Expected.Match), strconv.FormatBool(got))
	return d, nil
}

func runResolve(raw json.RawMessage) ([]Difference, error) {
	var v resolveVector
	if err := strict.Decode(raw, &v); err != nil {
		return nil, err
	}
	got, err := v.resolve()
	return v.check(got, err), nil
}

func (v *resolveVector) resolve() (baseline.Resolution, error) {
	n := baseline.NodeIdentity{
		OS: v.Node.OS, Tags: v.Node.Tags, BaselineTags: v.Node.BaselineTags,
		HasOverride:        given(v.Node.BaselineOverride),
		HasInstallOverride: given(v.Node.InstallOverrideList),
	}
	if n.HasOverride {
		var err error
		if n.Override, err = baseline.ParseBaselineOverride(v.Node.BaselineOverride); err != nil {
			return baseline.Resolution{}, err
		}
	}
	return v.Account.Resolve(n)
}

// given says whether a field is there; null is how some writers leave it out.
func given(raw json.RawMessage) bool {
	return len(raw) > 0 && !bytes.Equal(bytes.TrimSpace(raw), []byte("null"))
}

func (v *resolveVector) check(got baseline.Resolution, err error) []Difference {
	var d differences
	if err == nil {
		if v.Expected.Error != nil || v.Expected.ExitCode != nil {
			d.compare("error", show(v.Expected), "baseline "+got.Baseline)
			return d
		}
		d.compareIf("baseline", v.Expected.Baseline, got.Baseline)
		d.compareIf("patchGroup", v.Expected.PatchGroup, got.PatchGroup)
		return d
	}
	if v.Expected.Error == nil && v.Expected.ExitCode == nil {
		d.compare("baseline", show(v.Expected), "error: "+err.Error())
		return d
	}
	var run *baseline.RunError
	if !errors.As(err, &run) {
		d.compare("error", show(v.Expected), err.Error())
		return d
	}
	if v.Expected.ExitCode != nil {
		d.compare("exitCode", strconv.Itoa(*v.Expected.ExitCode), strconv.Itoa(run.Exit))
	}
	// Only the document's exit codes are AWS's words; the names of conditions are
	// the vector author's. Where a code decides, a name that is none of ours is
	// taken for another word for it.
	if name := v.Expected.Error; name != nil && (v.Expected.ExitCode == nil || baseline.KnownRunError(*name)) {
		d.compare("error", *name, run.Name)
	}
	return d
}

func runValidate(raw json.RawMessage) ([]Difference, error) {
	var v validateVector
	if err := strict.Decode(raw, &v); err != nil {
		return nil, err
	}
	doc, err := baseline.DecodeDocument(v.Baseline)
	if err == nil {
		err = doc.Validate()
	}
	var d differences
	d.compare("valid", strconv.FormatBool(v.Expected.Valid), strconv.FormatBool(err == nil))
	if v.Expected.Field == nil || err == nil {
		return d, nil
	}
	for _, path := range faultPaths(err) {
		if names(*v.Expected.Field, path) {
			return d, nil
		}
	}
	d.compare("field", *v.Expected.Field, err.Error())
	return d, nil
}

// faultPaths are the fields at fault: of a baseline that is out of its limits, has
// fields that do not exist, or a value of the wrong type.
func faultPaths(err error) []string {
	var out []string
	var invalid *baseline.InvalidError
	var unknown *strict.Error
	var shape *json.UnmarshalTypeError
	switch {
	case errors.As(err, &invalid):
		for _, f := range invalid.Faults {
			out = append(out, f.Field)
		}
	case errors.As(err, &unknown):
		for _, f := range unknown.Faults {
			out = append(out, f.Path)
		}
	case errors.As(err, &shape):
		out = append(out, shape.Field)
	}
	return out
}

// names says whether an expected field, such as Key or ApprovalRules.PatchRules,
// is part of a fault's path: a run of its components, of which indexes count only
// where the expectation writes them.
func names(expected, path string) bool {
	want, have := strings.Split(expected, "."), strings.Split(path, ".")
	for i := 0; i+len(want) <= len(have); i++ {
		fits := true
		for j, w := range want {
			h := have[i+j]
			bare, _, _ := strings.Cut(h, "[")
			fits = fits && (w == h || w == bare)
		}
		if fits {
			return true
		}
	}
	return false
}

func runReboot(raw json.RawMessage) ([]Difference, error) {
	var v rebootVector
	if err := strict.Decode(raw, &v); err != nil {
		return nil, err
	}
	var d differences
	got, err := baseline.DecideReboot(v.Input)
	if err != nil {
		d.compare("decision", show(v.Expected), "error: "+err.Error())
		return d, nil
	}
	if e := v.Expected.Reboot; e != nil {
		d.compare("reboot", strconv.FormatBool(*e), strconv.FormatBool(got.Reboot))
	}
	if e := v.Expected.ExitCode; e != nil {
		d.compare("exitCode", strconv.Itoa(*e), strconv.Itoa(got.ExitCode))
	}
	if e := v.Expected.ExitCodeAfterReboot; e != nil {
		d.compare("exitCodeAfterReboot", strconv.Itoa(*e), strconv.Itoa(got.ExitCodeAfterReboot))
	}
	return d, nil
}
