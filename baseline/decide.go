package baseline

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

func isSecurity(classification string) bool {
	return equalFold(classification, "Security") || equalFold(classification, "SecurityUpdates")
}
