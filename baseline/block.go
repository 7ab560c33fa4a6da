package baseline

import "fmt"

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
