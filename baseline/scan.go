package baseline

import (
	"slices"
	"strings"
)

// scan gives every installed package its item and counts what is approved but not
// installed (§3).
func (p *pass) scan() *Result {
	if p.family == windows {
		return p.scanWindows()
	}
	installed := p.distinctInstalled()
	r := &Result{Items: slices.Grow(p.items[:0], len(installed))}
	text := &arena{}
	var remarks remarks
	p.joined = slices.Grow(p.joined[:0], len(p.groups))[:len(p.groups)]
	clear(p.joined)
	for _, inst := range installed {
		var own *group
		if at := p.find(p.key(&inst.Package)); at >= 0 {
			own, p.joined[at] = &p.groups[at], true
		}
		d := p.decide(inst, own)
		r.Items = append(r.Items, Item{})
		it := &r.Items[len(r.Items)-1]
		p.fill(it, inst, own, &d, text)
		if d.state == StateMissing && p.missed != nil {
			p.missed(inst, d)
		}
		if d.state == StateMissing {
			p.remark(&remarks, it, d.best)
		}
		if d.install {
			r.ToInstall = append(r.ToInstall, text.join(it.ID, "=", it.Version))
		}
	}
	for i := range p.groups {
		if !p.joined[i] {
			p.countNotApplicable(r, &p.groups[i])
		}
	}
	slices.Sort(r.ToInstall)
	r.Notes = append(p.notes(), remarks.notes()...)
	r.conclude(false)
	return r
}

// distinctInstalled is the installed packages by name and architecture, of each
// the highest version (§3); rpm's gpg-pubkey entries are no packages (§16.1).
func (p *pass) distinctInstalled() []*Installed {
	list := slices.Grow(p.distinct[:0], len(p.inventory.Installed))
	for i := range p.inventory.Installed {
		inst := &p.inventory.Installed[i]
		if inst.Name == "gpg-pubkey" && p.compiled.world == worldRPM {
			continue
		}
		list = append(list, inst)
	}
	compare := func(a, b *Installed) int {
		ka, kb := p.key(&a.Package), p.key(&b.Package)
		if c := strings.Compare(ka.name, kb.name); c != 0 {
			return c
		}
		if c := strings.Compare(ka.arch, kb.arch); c != 0 {
			return c
		}
		return comparePackages(p.compiled.world, &b.Package, &a.Package)
	}
	if !slices.IsSortedFunc(list, compare) {
		slices.SortStableFunc(list, compare)
	}
	p.distinct = slices.CompactFunc(list, func(a, b *Installed) bool {
		return p.key(&a.Package) == p.key(&b.Package)
	})
	return p.distinct
}

// countNotApplicable counts an approved package that is not installed; Linux
// never lists it (§7).
func (p *pass) countNotApplicable(r *Result, g *group) {
	for i := range g.candidates {
		if p.judge(&g.candidates[i]).ok {
			r.Counts.NotApplicableCount++
			return
		}
	}
}

// fill describes an installed package's decision in it, which is empty.
func (p *pass) fill(it *Item, inst *Installed, g *group, d *decision, text *arena) {
	c := p.compiled
	it.Name, it.Arch, it.State = inst.Name, inst.Arch, d.state
	it.ComplianceLevel, it.CVEs, it.Reason = LevelUnspecified, d.cves, d.reason
	it.InstalledTime = inst.InstalledTime
	var own string
	it.ID, own, it.Title = text.title(c.world, &inst.Package)
	it.Installed, it.Version = own, own
	if d.best != nil {
		it.ComplianceLevel = d.best.level.String()
		it.Rule = p.compiled.ruleName(d.best.rule)
		it.Classification, it.Severity = p.classify(d.best.candidate)
	}
	switch d.state {
	case StateMissing:
		_, it.Version, it.Title = text.title(c.world, &d.best.pkg.Package)
		it.InstalledTime = noTime
	case StateInstalledRejected:
		it.Classification, it.Severity = p.classifyInstalled(inst, g)
	case StateInstalled:
		if d.reason != "" {
			it.InstalledTime = noTime // counted as installed by live patches (§16.2)
		}
	}
}

// classify is the classification and publisher severity that a report shows.
func (p *pass) classify(k *candidate) (classification, severity string) {
	switch {
	case p.family == apt:
		if k.meta {
			classification = "Security"
		}
		return classification, k.pkg.Priority
	case p.family == mac:
		return k.pkg.Manager, ""
	case k.notice == nil:
		return "", ""
	}
	severity = "None"
	if k.notice.Severity != nil {
		severity = *k.notice.Severity
	} else if p.family != yum {
		severity = ""
	}
	return titleCase(k.notice.Type), titleCase(severity)
}

// classifyInstalled is the classification of the installed version, if an
// advisory in the repositories names it (§7.2).
func (p *pass) classifyInstalled(inst *Installed, g *group) (classification, severity string) {
	if g == nil {
		return "", ""
	}
	var found *candidate
	for i := range g.candidates {
		k := &g.candidates[i]
		if comparePackages(p.compiled.world, &k.pkg.Package, &inst.Package) != 0 {
			continue
		}
		if found == nil || (k.security() && !found.security()) {
			found = k
		}
	}
	if found == nil {
		return "", ""
	}
	return p.classify(found)
}

// titleCase is how reports write the words that metadata has in lower case.
func titleCase(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	if t, ok := titleCased[s]; ok {
		return t
	}
	return string(s[0]-('a'-'A')) + s[1:]
}

// titleCased spares an allocation for the words that fill real metadata.
var titleCased = map[string]string{
	"security": "Security", "bugfix": "Bugfix", "enhancement": "Enhancement",
	"newpackage": "Newpackage", "recommended": "Recommended", "optional": "Optional",
	"feature": "Feature", "critical": "Critical", "important": "Important",
	"moderate": "Moderate", "medium": "Medium", "low": "Low",
}
