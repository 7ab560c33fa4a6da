package baseline

import (
	"slices"
	"strings"
)

// fixedCVEs is the union of the CVEs of all approved candidates newer than the
// installed version; none is newer than the best (§3).
func (p *pass) fixedCVEs(inst *Installed) []string {
	var first, all []string
	for i := range p.approvals {
		a := &p.approvals[i]
		cves := p.cvesOf(a.candidate)
		if len(cves) == 0 || comparePackages(p.compiled.world, &a.pkg.Package, &inst.Package) <= 0 {
			continue
		}
		switch {
		case first == nil && len(cves) == 1:
			first = cves // usually the only ones: no copy
		default:
			all = append(append(all, first...), cves...)
			first = []string{}
		}
	}
	if all == nil {
		return first
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (p *pass) cvesOf(k *candidate) []string {
	switch {
	case k.notice != nil:
		return k.notice.CVEs
	case k.pkg.Changelog != nil && p.compiled.opts.AptApprovalDelay:
		return k.pkg.Changelog.CVEs
	}
	return nil
}

// livePatched is §16.2: on Amazon Linux 2 a newer kernel counts as installed when
// installed live patches fix every CVE that it fixes.
func (p *pass) livePatched(inst *Installed, best *approval, cves []string) bool {
	if p.compiled.os != AmazonLinux2 || inst.Name != "kernel" || len(cves) == 0 {
		return false
	}
	fixed := map[string]bool{}
	for i := range p.groups {
		g := &p.groups[i]
		if !strings.HasPrefix(g.name, "kernel-livepatch-") {
			continue
		}
		live := p.lookup(packageKey{g.name, g.arch})
		for j := range g.candidates {
			k := &g.candidates[j]
			if live != nil && k.notice != nil && comparePackages(worldRPM, &k.pkg.Package, &live.Package) <= 0 {
				for _, id := range k.notice.CVEs {
					fixed[id] = true
				}
			}
		}
	}
	for _, id := range cves {
		if !fixed[id] {
			return false
		}
	}
	return best.notice != nil
}
