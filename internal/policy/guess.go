package policy

import (
	"bytes"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/config/terraform"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/policy/tree"
)

// Guess finds a file's format by what stands in it. A file that fits none or
// several is refused: a wrong guess would read half of a policy.
func Guess(name string, data []byte) (Format, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return "", fault.New(fault.Usage, "", "%s is empty", name)
	}
	var fits []string
	var why string
	if isJSON(data) {
		v, err := tree.JSON(data)
		if err == nil {
			fits = guessJSON(v)
		} else {
			why = "it is no JSON: " + err.Error()
		}
	}
	if len(fits) == 0 && (why != "" || !isJSON(data)) {
		var problem string
		fits, problem = guessText(name, data)
		if why == "" {
			why = problem
		}
	}
	switch len(fits) {
	case 1:
		return Format(fits[0]), nil
	case 0:
		if why == "" {
			why = "it holds no baseline of any known format"
		}
		return "", fault.New(fault.Usage, "say which it is: rehydrate baseline import FORMAT FILE, FORMAT being "+formatNames(), "cannot tell the format of %s: %s", name, why)
	}
	return "", fault.New(fault.Usage, "say which to read: rehydrate baseline import FORMAT FILE", "the format of %s is ambiguous: it can be %s", name, strings.Join(fits, " or "))
}

func formatNames() string {
	var names []string
	for _, a := range Formats() {
		names = append(names, string(a.Format))
	}
	return strings.Join(names, ", ")
}

func guessJSON(v tree.Value) []string {
	if v.Kind == tree.List {
		return []string{string(Override)}
	}
	var fits []string
	add := func(f Format, names ...string) {
		for _, n := range names {
			if v.Has(n) {
				fits = append(fits, string(f))
				return
			}
		}
	}
	add(AWSCLI, "BaselineId", "CreatedDate", "ModifiedDate")
	if len(fits) == 0 {
		add(API, "Name", "ApprovalRules", "OperatingSystem", "GlobalFilters", "ApprovedPatches", "RejectedPatches")
	}
	add(Plan, "planned_values", "values", "terraform_version")
	add(CloudFormation, "Resources", "AWSTemplateFormatVersion")
	add(Terraform, "resource")
	add(HCL, "baseline")
	return fits
}

// guessText tells HCL from YAML.
func guessText(name string, data []byte) (fits []string, why string) {
	blocks, faults := terraform.Read(name, data, false)
	for _, k := range []struct {
		kind   terraform.Kind
		format Format
	}{{terraform.Resource, Terraform}, {terraform.Config, HCL}} {
		for _, b := range blocks {
			if b.Kind == k.kind {
				fits = append(fits, string(k.format))
				break
			}
		}
	}
	v, err := tree.YAML(data)
	if err == nil && v.Has("Resources") {
		fits = append(fits, string(CloudFormation))
	}
	switch hcl := strings.HasSuffix(name, ".tf") || strings.HasSuffix(name, ".hcl"); {
	case len(fits) > 0:
	case hcl && len(faults) > 0:
		why = faultText(faults)
	case hcl:
		why = "it holds no aws_ssm_patch_baseline and no baseline block"
	case err != nil && len(faults) > 0:
		why = "it is neither JSON nor HCL nor YAML"
	}
	return fits, why
}

func faultText(faults []baseline.Fault) string {
	var lines []string
	for _, f := range faults {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "; ")
}

// Read imports a file in the format that Guess finds.
func Read(name string, data []byte) ([]Policy, error) {
	f, err := Guess(name, data)
	if err != nil {
		return nil, err
	}
	return Import(f, name, data)
}
