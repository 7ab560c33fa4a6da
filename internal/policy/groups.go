package policy

import (
	"fmt"
	"slices"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/policy/tree"
)

// The groups of a baseline: filters, rules and sources, nested as in the API or
// flat as in Terraform.

// blocksAside is a flat baseline without its blocks, which are read on their own.
func (r *reader) blocksAside(v tree.Value) tree.Value {
	if !r.flat || v.Kind != tree.Object {
		return v
	}
	v.Fields = slices.DeleteFunc(slices.Clone(v.Fields), func(f tree.Field) bool {
		return f.Name == "approval_rule" || f.Name == "global_filter" || f.Name == "source"
	})
	return v
}

func (r *reader) flatBlocks(v tree.Value, b *baseline.Baseline) {
	if v.Kind != tree.Object {
		return
	}
	if list := r.list(v.Get("global_filter"), "GlobalFilters.PatchFilters"); len(list) > 0 {
		b.GlobalFilters = &baseline.PatchFilterGroup{PatchFilters: r.filters(list, "GlobalFilters.PatchFilters")}
	}
	if list := r.list(v.Get("approval_rule"), "ApprovalRules.PatchRules"); len(list) > 0 {
		b.ApprovalRules = &baseline.PatchRuleGroup{}
		for i, e := range list {
			at := fmt.Sprintf("ApprovalRules.PatchRules[%d]", i)
			get := r.object(e, at, append(ruleFields, "patch_filter")...)
			group := r.list(get("patch_filter"), at+".PatchFilterGroup.PatchFilters")
			if r.filtered && len(group) == 0 {
				r.fault(at+".PatchFilterGroup.PatchFilters", "nothing", "at least one patch_filter")
			}
			rule := r.rule(get, at)
			rule.PatchFilterGroup = &baseline.PatchFilterGroup{PatchFilters: r.filters(group, at+".PatchFilterGroup.PatchFilters")}
			b.ApprovalRules.PatchRules = append(b.ApprovalRules.PatchRules, rule)
		}
	}
	b.Sources = r.sources(v.Get("source"))
}

func (r *reader) nested(get func(string) tree.Value, b *baseline.Baseline) {
	b.GlobalFilters = r.group(get("GlobalFilters"), "GlobalFilters")
	if rules := get("ApprovalRules"); rules.Kind != tree.Null {
		inner := r.object(rules, "ApprovalRules", "PatchRules")
		b.ApprovalRules = &baseline.PatchRuleGroup{PatchRules: []baseline.PatchRule{}}
		for i, e := range r.list(inner("PatchRules"), "ApprovalRules.PatchRules") {
			at := fmt.Sprintf("ApprovalRules.PatchRules[%d]", i)
			field := r.object(e, at, append(ruleFields, "PatchFilterGroup")...)
			rule := r.rule(field, at)
			rule.PatchFilterGroup = r.group(field("PatchFilterGroup"), at+".PatchFilterGroup")
			b.ApprovalRules.PatchRules = append(b.ApprovalRules.PatchRules, rule)
		}
	}
	b.Sources = r.sources(get("Sources"))
}

var ruleFields = []string{"ApproveAfterDays", "ApproveUntilDate", "ComplianceLevel", "EnableNonSecurity"}

func (r *reader) rule(get func(string) tree.Value, at string) baseline.PatchRule {
	return baseline.PatchRule{
		ApproveAfterDays:  r.number(get("ApproveAfterDays"), at+".ApproveAfterDays"),
		ApproveUntilDate:  r.text(get("ApproveUntilDate"), at+".ApproveUntilDate"),
		ComplianceLevel:   r.text(get("ComplianceLevel"), at+".ComplianceLevel"),
		EnableNonSecurity: r.truth(get("EnableNonSecurity"), at+".EnableNonSecurity"),
	}
}

// group is the API's object around a list of filters.
func (r *reader) group(v tree.Value, at string) *baseline.PatchFilterGroup {
	if v.Kind == tree.Null {
		return nil
	}
	get := r.object(v, at, "PatchFilters")
	return &baseline.PatchFilterGroup{PatchFilters: r.filters(r.list(get("PatchFilters"), at+".PatchFilters"), at+".PatchFilters")}
}

func (r *reader) filters(list []tree.Value, path string) []baseline.PatchFilter {
	out := make([]baseline.PatchFilter, len(list))
	for i, e := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		get := r.object(e, at, "Key", "Values")
		out[i] = baseline.PatchFilter{Key: r.text(get("Key"), at+".Key"), Values: r.texts(get("Values"), at+".Values")}
	}
	return out
}

func (r *reader) sources(v tree.Value) []baseline.PatchSource {
	var out []baseline.PatchSource
	for i, e := range r.list(v, "Sources") {
		at := fmt.Sprintf("Sources[%d]", i)
		get := r.object(e, at, "Name", "Products", "Configuration")
		out = append(out, baseline.PatchSource{
			Name: r.text(get("Name"), at+".Name"), Products: r.texts(get("Products"), at+".Products"),
			Configuration: r.text(get("Configuration"), at+".Configuration"),
		})
	}
	return out
}
