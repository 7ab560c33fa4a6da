// Package terraform reads and writes patch baselines in HCL: the blocks
// resource "aws_ssm_patch_baseline" of Terraform, and the baseline blocks of
// rehydrate.hcl, which use the same argument names.
//
// It reads what stands in the file and computes nothing: a variable, a function or
// a dynamic block has no value here, and is handed on as such, so that nothing is
// approved that the author did not write.
package terraform

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/policy/tree"
)

// Kind is which of the two blocks.
type Kind string

// The kinds.
const (
	Resource Kind = "resource" // resource "aws_ssm_patch_baseline" of Terraform
	Config   Kind = "baseline" // baseline of rehydrate.hcl
)

const resourceType = "aws_ssm_patch_baseline"

// Block is one baseline as it stands in a file.
type Block struct {
	Kind  Kind
	Label string
	At    string     // file:line of its head
	Body  tree.Value // arguments and blocks by name; a repeated block is a list
	// Faults are what the file alone shows to be wrong, such as unknown arguments.
	Faults []baseline.Fault
}

// The source of the faults that this package finds.
const (
	sourceHCL      = "HCL syntax"
	sourceResource = "Terraform AWS provider, aws_ssm_patch_baseline"
	sourceConfig   = "rehydrate.hcl, baseline block"
)

func (k Kind) source() string {
	if k == Resource {
		return sourceResource
	}
	return sourceConfig
}

// Read finds the baselines of a file; isJSON says that it is in HCL's JSON form.
// Other blocks are passed over. Faults are those that no single block has.
func Read(name string, src []byte, isJSON bool) ([]Block, []baseline.Fault) {
	f, faults := parse(name, src, isJSON)
	if len(faults) > 0 {
		return nil, faults
	}
	var out []Block
	content, _, diags := f.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{
		{Type: "resource", LabelNames: []string{"type", "name"}},
		{Type: "baseline", LabelNames: []string{"label"}},
	}})
	for _, b := range content.Blocks {
		switch {
		case b.Type == "baseline":
			out = append(out, read(Config, b.Labels[0], b, src))
		case b.Labels[0] == resourceType:
			out = append(out, read(Resource, b.Labels[1], b, src))
		}
	}
	return out, diagFaults(diags, src, sourceHCL)
}

// maxNesting bounds brackets, because the parser recurses.
const maxNesting = 200

func parse(name string, src []byte, isJSON bool) (f *hcl.File, faults []baseline.Fault) {
	open := 0
	for _, c := range src {
		switch c {
		case '[', '{', '(':
			open++
		case ']', '}', ')':
			open = max(0, open-1)
		}
		if open > maxNesting {
			return nil, []baseline.Fault{{Field: name, Value: "brackets", Limit: fmt.Sprintf("nested at most %d deep", maxNesting), Source: sourceHCL}}
		}
	}
	var diags hcl.Diagnostics
	p := hclparse.NewParser()
	if isJSON {
		f, diags = p.ParseJSON(src, name)
	} else {
		f, diags = p.ParseHCL(src, name)
	}
	return f, diagFaults(diags, src, sourceHCL)
}

// diagFaults turns the library's findings into ours.
func diagFaults(diags hcl.Diagnostics, src []byte, source string) []baseline.Fault {
	var out []baseline.Fault
	for _, d := range diags {
		if d.Severity != hcl.DiagError {
			continue
		}
		f := baseline.Fault{Field: "?", Value: tree.Shorten(d.Summary), Limit: d.Detail, Source: source}
		if d.Subject != nil {
			f.Field = place(*d.Subject)
			if d.Subject.CanSliceBytes(src) {
				f.Value = tree.Shorten(string(d.Subject.SliceBytes(src)))
			}
		}
		out = append(out, f)
	}
	return out
}

func place(r hcl.Range) string { return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line) }
