// Package policy brings patch baselines in and out of the formats in which people
// keep them: the API's JSON, what the AWS CLI prints and takes, Terraform, its plan
// JSON, patch policies' overrides, CloudFormation and rehydrate.hcl.
//
// Reading is strict: what a baseline cannot have is refused by name, a value that
// only a deployment would compute is refused rather than guessed, and all faults of
// a file are reported together. Writing checks itself by reading its own output.
package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
)

// Format is a form in which baselines are kept.
type Format string

// The formats.
const (
	API                Format = "api"
	AWSCLI             Format = "awscli"
	Terraform          Format = "terraform"
	Plan               Format = "plan"
	Override           Format = "override"
	CloudFormation     Format = "cloudformation"
	CloudFormationJSON Format = "cloudformation-json"
	HCL                Format = "hcl"
)

// About describes a format for people.
type About struct {
	Format Format `json:"format"`
	Writes bool   `json:"writes"` // every format is read, not every one is written
	Many   bool   `json:"many"`   // a file can hold several baselines
	Text   string `json:"text"`
}

// Formats lists the formats in the order in which help shows them.
func Formats() []About {
	return []About{
		{API, true, false, "JSON as CreatePatchBaseline takes it"},
		{AWSCLI, true, false, "JSON as `aws ssm get-patch-baseline` prints and --cli-input-json takes it"},
		{Terraform, true, true, `resource "aws_ssm_patch_baseline" blocks (.tf, .tf.json)`},
		{Plan, false, true, "`terraform show -json` of a plan or a state"},
		{Override, true, true, "BaselineOverride, Quick Setup's baseline_overrides.json"},
		{CloudFormation, true, true, "AWS::SSM::PatchBaseline in a template, JSON or YAML; YAML is written"},
		{CloudFormationJSON, true, true, "the same, written as JSON"},
		{HCL, true, true, "baseline blocks of rehydrate.hcl"},
	}
}

// ParseFormat finds a format by its name.
func ParseFormat(name string) (Format, error) {
	var names []string
	for _, a := range Formats() {
		if string(a.Format) == name {
			return a.Format, nil
		}
		names = append(names, string(a.Format))
	}
	return "", fault.New(fault.Usage, "", "unknown format %q: one of %s%s", name, strings.Join(names, ", "), nearest(name, names))
}

func about(f Format) About {
	all := Formats()
	i := slices.IndexFunc(all, func(a About) bool { return a.Format == f })
	if i < 0 {
		return About{Format: f}
	}
	return all[i]
}

// Policy is one baseline of a file.
type Policy struct {
	// Label is what the file calls it: the label of a block, a logical id, an
	// address; the baseline's name where the file has no other word.
	Label    string
	Baseline *baseline.Baseline
	// AptApprovalDelay is the extension that only rehydrate.hcl can ask for.
	AptApprovalDelay bool
	// Notes say what the file states beyond the policy, and what was assumed.
	Notes []string
}

// Refusal makes one usage error of all that is wrong with a file, a line each.
func Refusal(what string, faults []baseline.Fault) error {
	return fault.As(&RefusedError{What: what, Faults: faults}, fault.Usage, "")
}

// RefusedError says everything that is wrong with a file.
type RefusedError struct {
	What   string
	Faults []baseline.Fault
}

func (e *RefusedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is refused, %s:", e.What, count(len(e.Faults), "fault"))
	for _, f := range e.Faults {
		b.WriteString("\n    " + f.String())
	}
	return b.String()
}

func count(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
