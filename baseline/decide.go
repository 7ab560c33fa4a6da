package baseline

import (
	"fmt"
	"slices"
	"strings"
)

// approval is an approved candidate of a group, with what approved it.
type approval struct {
	*candidate
	verdict
}

// decision is the outcome for one installed package (§3), or for one that is not
// installed and has an approved candidate.
type decision struct {
	state   State
	best    *approval // what the state is about; nil for InstalledOther and InstalledRejected
	cves    []string
	reason  string
	install bool // part of the install set (§3.1)
}

// decide selects the state of an installed package among the candidates of its
// name and architecture.
func (p *pass) decide(inst *Installed, g *group) decision {
	c := p.compiled
	var best *approval
	if g != nil {
		p.approve(g)
		best = p.newest()
	}
	if best == nil {
		return p.unapproved(inst, g)
	}
	switch d := comparePackages(c.world, &best.pkg.Package, &inst.Package); {
	case d > 0 && best.pkg.Manager == "installer" && p.family == mac:
		return p.unapproved(inst, g) // receipts are never Missing (§5)
	case d > 0:
		return p.missing(inst, best)
	case d < 0 && !p.aheadIsInstalled():
		return p.unapproved(inst, g) // AMB-11
	}
	return decision{state: StateInstalled, best: best}
}

// approve collects the group's approved candidates in p.approvals, lowest version
// first.
func (p *pass) approve(g *group) {
	p.approvals = p.approvals[:0]
	for i := range g.candidates {
		if v := p.judge(&g.candidates[i]); v.ok {
			p.approvals = append(p.approvals, approval{&g.candidates[i], v})
		}
	}
}

// newest is the approval with the highest version; among equal versions the
// highest level, then a security advisory, then the first in the fixed order.
func (p *pass) newest() *approval {
	n := len(p.approvals)
	if n == 0 {
		return nil
	}
	best := &p.approvals[n-1]
	for i := n - 2; i >= 0; i-- {
		a := &p.approvals[i]
		if comparePackages(p.compiled.world, &a.pkg.Package, &best.pkg.Package) != 0 {
			break
		}
		if a.level > best.level || (a.level == best.level && (a.security() || !best.security())) {
			best = a
		}
	}
	return best
}

func (k *candidate) security() bool {
	if k.notice == nil {
		return k.meta && len(k.pkg.Origins) > 0
	}
	return isSecurity(k.notice.Type)
}

// aheadIsInstalled is AMB-11: yum also considers approved versions older than the
// installed one, the other families do not.
func (p *pass) aheadIsInstalled() bool {
	switch p.compiled.opts.Switches.Ahead {
	case AheadInstalled:
		return true
	case AheadOther:
		return false
	}
	return p.family == yum
}

func (p *pass) unapproved(inst *Installed, g *group) decision {
	c := p.compiled
	if c.block && p.rejects(inst, g) {
		return decision{state: StateInstalledRejected}
	}
	d := decision{state: StateInstalledOther}
	switch {
	case g == nil:
	case p.withdrawn(inst, g):
		d.reason = "the installed build is named only by a retracted advisory"
	case p.family == apt && c.opts.AptApprovalDelay:
		d.reason = p.undatedReason(inst, g)
	}
	return d
}

// rejects says whether the installed version matches RejectedPatches; on SUSE the
// patches that name it count too.
func (p *pass) rejects(inst *Installed, g *group) bool {
	list := &p.compiled.rejected
	if list.matchPackage(&inst.Package, &p.buf) >= 0 {
		return true
	}
	if !list.suse || g == nil {
		return false
	}
	for i := range g.candidates {
		k := &g.candidates[i]
		if comparePackages(worldRPM, &k.pkg.Package, &inst.Package) == 0 && list.matchVersion(k.pkg, &p.buf) >= 0 {
			return true
		}
	}
	return false
}

func (p *pass) withdrawn(inst *Installed, g *group) bool {
	for _, w := range g.withdrawn {
		if comparePackages(p.compiled.world, &w.Package, &inst.Package) == 0 {
			return true
		}
	}
	return false
}

// undatedReason explains a newer deb version that waits only because nobody knows
// its date.
func (p *pass) undatedReason(inst *Installed, g *group) string {
	for i := len(g.candidates) - 1; i >= 0; i-- {
		k := &g.candidates[i]
		if k.dated || comparePackages(worldDeb, &k.pkg.Package, &inst.Package) <= 0 {
			continue
		}
		if undated := *k; p.wouldApprove(&undated) {
			return k.pkg.Version + " is not approved: its date is not known and every matching rule has a delay"
		}
	}
	return ""
}

// wouldApprove judges a copy of a candidate as if it were old enough.
func (p *pass) wouldApprove(k *candidate) bool {
	k.date = 0
	return p.judge(k).ok
}

func (p *pass) missing(inst *Installed, best *approval) decision {
	d := decision{state: StateMissing, best: best, install: true}
	d.cves = p.fixedCVEs(inst)
	if p.livePatched(inst, best, d.cves) {
		return decision{state: StateInstalled, best: best, reason: "live patches fix every CVE of " + FullVersion(p.compiled.os, best.pkg.Package)}
	}
	if r := p.blockedBy(best.pkg); r != "" {
		d.install, d.reason = false, r
	}
	if inst.Held {
		d.install, d.reason = false, "held"
	}
	return d
}

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

// blockedBy names the rejected package that an update would pull in, under BLOCK
// (AMB-13); what is already satisfied is not checked.
func (p *pass) blockedBy(k *AvailablePackage) string {
	c := p.compiled
	if !c.block {
		return ""
	}
	for i := range k.Requires {
		need := &k.Requires[i]
		if !p.satisfied(need) && c.rejected.matchPackage(need, &p.buf) >= 0 {
			return fmt.Sprintf("needs %s, which RejectedPatches blocks", Title(c.os, *need))
		}
	}
	return ""
}

func (p *pass) satisfied(need *Package) bool {
	inst := p.lookup(p.key(need))
	return inst != nil && comparePackages(p.compiled.world, &inst.Package, need) >= 0
}

// lookup finds the highest installed version of a package.
func (p *pass) lookup(k packageKey) *Installed {
	if p.installed == nil {
		p.installed = make(map[packageKey]*Installed, len(p.inventory.Installed))
		for i := range p.inventory.Installed {
			inst := &p.inventory.Installed[i]
			at := p.key(&inst.Package)
			if old := p.installed[at]; old == nil || comparePackages(p.compiled.world, &old.Package, &inst.Package) < 0 {
				p.installed[at] = inst
			}
		}
	}
	return p.installed[k]
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

func isSecurity(classification string) bool {
	return equalFold(classification, "Security") || equalFold(classification, "SecurityUpdates")
}
