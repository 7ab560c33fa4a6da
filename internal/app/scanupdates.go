package app

import (
	"cmp"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// everything approves whatever is newer: what it finds missing are all pending
// updates, so that version order, module streams and retracted advisories are
// judged by the one evaluator.
func everything(os baseline.OperatingSystem) *baseline.Baseline {
	all := true
	r := baseline.PatchRule{EnableNonSecurity: &all,
		PatchFilterGroup: &baseline.PatchFilterGroup{PatchFilters: []baseline.PatchFilter{{Key: "PRODUCT", Values: []string{"*"}}}}}
	switch os {
	case baseline.Debian, baseline.Ubuntu, baseline.Raspbian: // no dates there
	default:
		r.ApproveUntilDate = "9999-12-31" // those dated after the scan too: they are offered
	}
	return &baseline.Baseline{Name: "pending", OperatingSystem: os, ApprovalRules: &baseline.PatchRuleGroup{PatchRules: []baseline.PatchRule{r}}}
}

// pending lists what the node could install in place of what it has.
func (s *scanner) pending(n baseline.Node) error {
	r, err := baseline.Evaluate(everything(n.Inventory.OS), n, s.in.Now, baseline.Options{})
	if err != nil {
		return err
	}
	offers := map[string][]*baseline.AvailablePackage{}
	for i := range n.Available.Packages {
		p := &n.Available.Packages[i]
		offers[p.Name] = append(offers[p.Name], p)
	}
	held := map[string]bool{}
	for _, p := range n.Inventory.Installed {
		if p.Held {
			held[p.Name+"."+p.Arch] = true
		}
	}
	judged := map[string]*baseline.Item{}
	if s.out.Evaluation != nil {
		for i := range s.out.Evaluation.Items {
			judged[s.out.Evaluation.Items[i].ID] = &s.out.Evaluation.Items[i]
		}
	}
	for _, item := range r.Items {
		if item.State != baseline.StateMissing {
			continue
		}
		u := updateOf(n.Inventory, item, visible(n.Inventory, offers[item.Name]))
		u.Held = held[item.Name+"."+item.Arch]
		if j := judged[item.ID]; j != nil {
			u.State, u.Rule, u.Level = string(j.State), j.Rule, j.ComplianceLevel
		}
		s.out.Updates = append(s.out.Updates, u)
	}
	return nil
}

// visible are the offers of one name that module streams do not hide: those of
// inactive streams, and the plain ones beside an active stream's (specification §16.4).
func visible(inv baseline.Inventory, offers []*baseline.AvailablePackage) []*baseline.AvailablePackage {
	streamed := slices.ContainsFunc(offers, func(p *baseline.AvailablePackage) bool {
		return p.Module != "" && slices.Contains(inv.EnabledModules, p.Module)
	})
	var out []*baseline.AvailablePackage
	for _, p := range offers {
		if p.Module == "" && (!streamed || p.Hotfix) || p.Module != "" && slices.Contains(inv.EnabledModules, p.Module) {
			out = append(out, p)
		}
	}
	return out
}

// updateOf joins an item with the offer of its version and the advisories of every
// version between.
func updateOf(inv baseline.Inventory, item baseline.Item, offers []*baseline.AvailablePackage) record.Update {
	os := inv.OS
	u := record.Update{Name: item.Name, Arch: item.Arch, Installed: item.Installed, Version: item.Version,
		Classification: item.Classification, Severity: item.Severity, CVEs: slices.Clone(item.CVEs)}
	u.Security = strings.EqualFold(item.Classification, "security")
	switch os {
	case baseline.Debian, baseline.Ubuntu, baseline.Raspbian:
		u.Severity = "" // Patch Manager shows the package's priority there
	default:
	}
	for _, p := range offers {
		if p.Arch != item.Arch && p.Arch != "all" && p.Arch != "noarch" && item.Arch != "all" && item.Arch != "noarch" {
			continue
		}
		version := baseline.FullVersion(os, p.Package)
		if baseline.CompareVersions(os, version, item.Installed) <= 0 || baseline.CompareVersions(os, version, item.Version) > 0 {
			continue
		}
		if p.Changelog != nil {
			u.CVEs = append(u.CVEs, p.Changelog.CVEs...)
		}
		for _, o := range p.Origins {
			u.Security = u.Security || strings.Contains(strings.ToLower(o.Label+" "+o.Suite), "security")
		}
		u.Advisories = append(u.Advisories, advisories(inv, p, version)...)
		if version == item.Version && u.Filename == "" {
			u.Source, u.Filename, u.Size, u.SHA256, u.Phased, u.Origin = p.Repository, p.Filename, p.Size, p.SHA256, p.Phased, origin(p)
		}
	}
	for _, a := range u.Advisories {
		u.CVEs = append(u.CVEs, a.CVEs...)
		u.Security = u.Security || strings.EqualFold(a.Type, "security")
	}
	slices.Sort(u.CVEs)
	u.CVEs = slices.Compact(u.CVEs)
	slices.SortFunc(u.Advisories, func(a, b record.Advisory) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Version, b.Version))
	})
	u.Advisories = slices.CompactFunc(u.Advisories, func(a, b record.Advisory) bool { return a.ID == b.ID })
	return u
}

// advisories are the notices that name a version, were not withdrawn and are not bound
// to a module stream that is inactive.
func advisories(inv baseline.Inventory, p *baseline.AvailablePackage, version string) []record.Advisory {
	var out []record.Advisory
	for _, n := range p.Notices {
		if strings.EqualFold(n.Status, "retracted") || n.Module != "" && !slices.Contains(inv.EnabledModules, n.Module) {
			continue
		}
		a := record.Advisory{ID: n.ID, Type: n.Type, Issued: n.Issued, Version: version, CVEs: n.CVEs}
		if n.Severity != nil {
			a.Severity = *n.Severity
		}
		out = append(out, a)
	}
	return out
}

// origin says in words where a version comes from.
func origin(p *baseline.AvailablePackage) string {
	var parts []string
	for _, o := range p.Origins {
		word := strings.TrimSpace(cmp.Or(o.Label, o.Origin) + " " + cmp.Or(o.Codename, o.Suite))
		if word != "" && !slices.Contains(parts, word) {
			parts = append(parts, word)
		}
	}
	return strings.Join(parts, ", ")
}
