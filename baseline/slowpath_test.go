package baseline

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// slowScan evaluates a dnf node by the pseudo-code of §3, rendering every name and
// testing every filter for every candidate.
func slowScan(b *Baseline, inv Inventory, packages []AvailablePackage) (items []Item, notApplicable int) {
	type approved struct {
		full string
		slowVerdict
	}
	installed := map[string]string{}
	for _, inst := range inv.Installed {
		id, full := inst.Name+"."+inst.Arch, FullVersion(b.OperatingSystem, inst.Package)
		if old, ok := installed[id]; !ok || CompareVersions(b.OperatingSystem, old, full) < 0 {
			installed[id] = full
		}
	}
	candidates := map[string][]approved{}
	absent := map[string]bool{}
	for _, p := range packages {
		for _, n := range p.Notices {
			v := slowApprove(b, p.Package, n)
			if !v.ok {
				continue
			}
			id := p.Name + "." + p.Arch
			if _, ok := installed[id]; !ok {
				absent[id] = true
				continue
			}
			candidates[id] = append(candidates[id], approved{FullVersion(b.OperatingSystem, p.Package), v})
		}
	}
	for id, inst := range installed {
		it := Item{ID: id, State: StateInstalledOther, Version: inst, ComplianceLevel: LevelUnspecified}
		var best *approved
		for i := range candidates[id] {
			a := &candidates[id][i]
			if CompareVersions(b.OperatingSystem, a.full, inst) < 0 {
				continue
			}
			if best == nil || slowBetter(b.OperatingSystem, a.full, best.full, a.slowVerdict, best.slowVerdict) {
				best = a
			}
		}
		name, arch, _ := strings.Cut(id, ".")
		switch {
		case best == nil && b.RejectedPatchesAction == Block && slowListed(b.RejectedPatches, ParsePackage(b.OperatingSystem, name, arch, inst)):
			it.State = StateInstalledRejected
		case best == nil:
		case CompareVersions(b.OperatingSystem, best.full, inst) > 0:
			it.State, it.Version, it.ComplianceLevel, it.Rule = StateMissing, best.full, best.level, best.rule
			for _, a := range candidates[id] {
				if CompareVersions(b.OperatingSystem, a.full, inst) > 0 {
					it.CVEs = append(it.CVEs, a.notice.CVEs...)
				}
			}
			slices.Sort(it.CVEs)
		default:
			it.State, it.ComplianceLevel, it.Rule = StateInstalled, best.level, best.rule
		}
		items = append(items, it)
	}
	slices.SortFunc(items, func(x, y Item) int { return strings.Compare(x.ID, y.ID) })
	return items, len(absent)
}

type slowVerdict struct {
	ok          bool
	level, rule string
	notice      Notice
}

func slowBetter(os OperatingSystem, full, bestFull string, v, best slowVerdict) bool {
	if c := CompareVersions(os, full, bestFull); c != 0 {
		return c > 0
	}
	if a, b := slices.Index(levelNames[:], v.level), slices.Index(levelNames[:], best.level); a != b {
		return a > b
	}
	if a, b := v.notice.Type == "security", best.notice.Type == "security"; a != b {
		return a
	}
	return v.notice.ID < best.notice.ID
}

func slowApprove(b *Baseline, p Package, n Notice) slowVerdict {
	v := slowVerdict{notice: n}
	if slowListed(b.RejectedPatches, p) {
		return v
	}
	ids := append([]string{n.ID}, n.CVEs...)
	if slowListed(b.ApprovedPatches, p) || slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(b.ApprovedPatches, id) }) {
		v.ok, v.level, v.rule = true, LevelUnspecified, "approved_patches"
	}
	published, _ := time.Parse("2006-01-02 15:04:05", n.Updated)
	for i, r := range b.ApprovalRules.PatchRules {
		fits := true
		for _, f := range r.PatchFilterGroup.PatchFilters {
			value := map[string]string{"PRODUCT": "AmazonLinux2023", "CLASSIFICATION": n.Type, "SEVERITY": *n.Severity}[f.Key]
			fits = fits && slices.ContainsFunc(f.Values, func(s string) bool { return strings.EqualFold(s, value) })
		}
		old := published.Before(day0.AddDate(0, 0, -*r.ApproveAfterDays))
		if fits && old && (!v.ok || slices.Index(levelNames[:], r.ComplianceLevel) > slices.Index(levelNames[:], v.level)) {
			v.ok, v.level, v.rule = true, r.ComplianceLevel, fmt.Sprintf("approval_rule[%d]", i)
		}
	}
	return v
}

// slowListed matches by path.Match, which is right for names without slashes.
func slowListed(list []string, p Package) bool {
	for _, entry := range list {
		for _, form := range rpmForms {
			if ok, err := path.Match(entry, string(form.render(nil, &p))); err == nil && ok {
				return true
			}
		}
	}
	return false
}
