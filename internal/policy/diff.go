package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
)

// Change is one difference between two baselines.
type Change struct {
	Field string `json:"field"`
	From  string `json:"from,omitempty"`
	To    string `json:"to,omitempty"`
	Words string `json:"words"`
}

// Diff says what differs in meaning: defaults that one side spells out are no
// difference, nor is the order of rules and list entries, which changes no decision.
func Diff(old, fresh *baseline.Baseline) []Change {
	d := &differ{}
	d.field("Name", old.Name, fresh.Name)
	d.field("Description", old.Description, fresh.Description)
	d.field("OperatingSystem", systemOf(old), systemOf(fresh))
	d.field("GlobalFilters", FilterWords(old.GlobalFilters), FilterWords(fresh.GlobalFilters))
	d.rules(rulesOf(old), rulesOf(fresh))
	d.list("ApprovedPatches", "approved", old.ApprovedPatches, fresh.ApprovedPatches)
	d.field("ApprovedPatchesComplianceLevel", level(old.ApprovedPatchesComplianceLevel), level(fresh.ApprovedPatchesComplianceLevel))
	d.field("ApprovedPatchesEnableNonSecurity", onOff(old.ApprovedPatchesEnableNonSecurity), onOff(fresh.ApprovedPatchesEnableNonSecurity))
	d.list("RejectedPatches", "rejected", old.RejectedPatches, fresh.RejectedPatches)
	d.field("RejectedPatchesAction", actionOf(old), actionOf(fresh))
	d.field("AvailableSecurityUpdatesComplianceStatus", old.AvailableSecurityUpdatesComplianceStatus, fresh.AvailableSecurityUpdatesComplianceStatus)
	d.sources(old.Sources, fresh.Sources)
	return d.out
}

type differ struct{ out []Change }

func (d *differ) add(field, from, to, words string) {
	d.out = append(d.out, Change{field, from, to, words})
}

func (d *differ) field(name, from, to string) {
	if from != to {
		d.add(name, from, to, fmt.Sprintf("%s: %s → %s", name, orNone(from), orNone(to)))
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func systemOf(b *baseline.Baseline) string {
	if b.OperatingSystem == "" {
		return string(baseline.Windows)
	}
	return string(b.OperatingSystem)
}

func actionOf(b *baseline.Baseline) string {
	if b.RejectedPatchesAction == "" {
		return baseline.AllowAsDependency
	}
	return b.RejectedPatchesAction
}

func onOff(b *bool) string {
	if b != nil && *b {
		return "on"
	}
	return "off"
}

func rulesOf(b *baseline.Baseline) []baseline.PatchRule {
	if b.ApprovalRules == nil {
		return nil
	}
	return slices.Clone(b.ApprovalRules.PatchRules)
}

func (d *differ) list(field, what string, old, fresh []string) {
	for _, s := range old {
		if !slices.Contains(fresh, s) {
			d.add(field, s, "", fmt.Sprintf("no longer %s: %s", what, s))
		}
	}
	for _, s := range fresh {
		if !slices.Contains(old, s) {
			d.add(field, "", s, fmt.Sprintf("newly %s: %s", what, s))
		}
	}
}

// rules drops the equal ones, pairs those with the same filters, and calls the
// rest removed or added.
func (d *differ) rules(old, fresh []baseline.PatchRule) {
	old, fresh = unpaired(old, fresh, RuleWords)
	for i := 0; i < len(old); i++ {
		j := slices.IndexFunc(fresh, func(r baseline.PatchRule) bool {
			return FilterWords(r.PatchFilterGroup) == FilterWords(old[i].PatchFilterGroup)
		})
		if j < 0 {
			continue
		}
		d.rule(old[i], fresh[j])
		old, fresh = slices.Delete(old, i, i+1), slices.Delete(fresh, j, j+1)
		i--
	}
	for _, r := range old {
		d.add("ApprovalRules", RuleWords(r), "", "rule removed: "+RuleWords(r))
	}
	for _, r := range fresh {
		d.add("ApprovalRules", "", RuleWords(r), "rule added: "+RuleWords(r))
	}
}

// unpaired takes out of both lists what they share, once for once.
func unpaired[T any](old, fresh []T, key func(T) string) (o, f []T) {
	for _, a := range old {
		if j := slices.IndexFunc(fresh, func(b T) bool { return key(a) == key(b) }); j >= 0 {
			fresh = slices.Delete(fresh, j, j+1)
		} else {
			o = append(o, a)
		}
	}
	return o, fresh
}

func (d *differ) rule(old, fresh baseline.PatchRule) {
	var parts []string
	part := func(from, to string) {
		if from != to {
			parts = append(parts, from+" → "+to)
		}
	}
	part(whenWords(old), whenWords(fresh))
	part("level "+level(old.ComplianceLevel), "level "+level(fresh.ComplianceLevel))
	part("non-security "+onOff(old.EnableNonSecurity), "non-security "+onOff(fresh.EnableNonSecurity))
	d.add("ApprovalRules", RuleWords(old), RuleWords(fresh), "rule for "+FilterWords(fresh.PatchFilterGroup)+": "+strings.Join(parts, ", "))
}

// sources never shows a configuration: it may hold credentials.
func (d *differ) sources(old, fresh []baseline.PatchSource) {
	for _, s := range old {
		j := slices.IndexFunc(fresh, func(t baseline.PatchSource) bool { return s.Name == t.Name })
		if j < 0 {
			d.add("Sources", s.Name, "", "source removed: "+s.Name)
			continue
		}
		d.field("Sources["+s.Name+"].Products", strings.Join(s.Products, ", "), strings.Join(fresh[j].Products, ", "))
		if s.Configuration != fresh[j].Configuration {
			d.add("Sources["+s.Name+"].Configuration", "", "", "source "+s.Name+": another configuration (not shown)")
		}
	}
	for _, s := range fresh {
		if !slices.ContainsFunc(old, func(t baseline.PatchSource) bool { return s.Name == t.Name }) {
			d.add("Sources", "", s.Name, "source added: "+s.Name)
		}
	}
}
