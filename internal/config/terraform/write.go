package terraform

import (
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/goldenami/rehydrate/baseline"
)

// Write renders a baseline as a block of a kind. The label must be an identifier.
// What the baseline leaves out stays out, so that the defaults of whoever reads it
// apply: they are the API's.
func Write(k Kind, label string, b *baseline.Baseline) []byte {
	f := hclwrite.NewEmptyFile()
	labels := []string{label}
	if k == Resource {
		labels = []string{resourceType, label}
	}
	w := writer{f.Body().AppendNewBlock(string(k), labels).Body(), false}
	w.text("name", b.Name)
	w.text("description", b.Description)
	w.text("operating_system", string(b.OperatingSystem))
	w.texts("approved_patches", b.ApprovedPatches)
	w.text("approved_patches_compliance_level", b.ApprovedPatchesComplianceLevel)
	w.truth("approved_patches_enable_non_security", b.ApprovedPatchesEnableNonSecurity)
	w.texts("rejected_patches", b.RejectedPatches)
	w.text("rejected_patches_action", b.RejectedPatchesAction)
	w.text("available_security_updates_compliance_status", b.AvailableSecurityUpdatesComplianceStatus)
	w.filters("global_filter", b.GlobalFilters)
	if b.ApprovalRules != nil {
		for i := range b.ApprovalRules.PatchRules {
			w.rule(&b.ApprovalRules.PatchRules[i])
		}
	}
	for _, s := range b.Sources {
		in := w.block("source")
		in.text("name", s.Name)
		in.list("products", s.Products)
		in.text("configuration", s.Configuration)
	}
	return hclwrite.Format(f.Bytes())
}

// writer fills one body; a blank line stands before every block but a first one.
type writer struct {
	*hclwrite.Body
	begun bool
}

func (w *writer) block(name string) *writer {
	if w.begun {
		w.AppendNewline()
	}
	w.begun = true
	return &writer{w.AppendNewBlock(name, nil).Body(), false}
}

func (w *writer) set(name string, v cty.Value) {
	w.SetAttributeValue(name, v)
	w.begun = true
}

func (w *writer) text(name, s string) {
	if s != "" {
		w.set(name, cty.StringVal(s))
	}
}

func (w *writer) texts(name string, list []string) {
	if len(list) > 0 {
		w.list(name, list)
	}
}

func (w *writer) list(name string, list []string) {
	values := make([]cty.Value, len(list))
	for i, s := range list {
		values[i] = cty.StringVal(s)
	}
	w.set(name, cty.TupleVal(values))
}

func (w *writer) truth(name string, b *bool) {
	if b != nil {
		w.set(name, cty.BoolVal(*b))
	}
}

func (w *writer) filters(name string, g *baseline.PatchFilterGroup) {
	if g == nil {
		return
	}
	for _, f := range g.PatchFilters {
		in := w.block(name)
		in.text("key", f.Key)
		in.list("values", f.Values)
	}
}

func (w *writer) rule(r *baseline.PatchRule) {
	in := w.block("approval_rule")
	if r.ApproveAfterDays != nil {
		in.set("approve_after_days", cty.NumberIntVal(int64(*r.ApproveAfterDays)))
	}
	in.text("approve_until_date", r.ApproveUntilDate)
	in.text("compliance_level", r.ComplianceLevel)
	in.truth("enable_non_security", r.EnableNonSecurity)
	in.filters("patch_filter", r.PatchFilterGroup)
}
