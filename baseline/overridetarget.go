package baseline

import (
	"fmt"
	"slices"
)

// target is what an override list wants for one installed package.
type target struct {
	*candidate
	level   int    // the baseline's compliance level of that version; -1 if not approved
	refused string // why it is not in the install set
	newer   bool   // than the installed version
}

// overrideEntry is a compiled OverridePatch.
type overrideEntry struct {
	id, title patternList
	titled    bool
}

func compileOverride(os OperatingSystem, l *InstallOverrideList) []overrideEntry {
	out := make([]overrideEntry, len(l.Patches))
	for i, p := range l.Patches {
		out[i] = overrideEntry{
			id:     compileList(os, []string{p.ID}, false),
			title:  compileList(os, []string{p.Title}, false),
			titled: p.Title != "",
		}
	}
	return out
}

func (e *overrideEntry) matches(p *Package) bool {
	return e.names(p) && e.fits(p)
}

func (e *overrideEntry) names(p *Package) bool { return e.id.matchPackage(p, nil) >= 0 }

func (e *overrideEntry) fits(p *Package) bool {
	return !e.titled || e.title.matchPackage(p, nil) >= 0
}

// overrideTargets finds for every installed package the highest matching version
// that is not older (§6.5), approved or not, rejected or not, and refuses those
// whose dependencies the list or BLOCK forbids.
func (p *pass) overrideTargets(l *InstallOverrideList) map[packageKey]*target {
	entries := compileOverride(p.compiled.os, l)
	out := map[packageKey]*target{}
	for _, inst := range p.distinctInstalled() {
		k := p.key(&inst.Package)
		g := p.groupOf(k)
		if g == nil {
			continue
		}
		if t := p.overrideTarget(inst, g, entries); t != nil {
			out[k] = t
		}
	}
	return out
}

func (p *pass) overrideTarget(inst *Installed, g *group, entries []overrideEntry) *target {
	var t *target
	for i := len(g.candidates) - 1; i >= 0; i-- {
		k := &g.candidates[i]
		d := comparePackages(p.compiled.world, &k.pkg.Package, &inst.Package)
		if d < 0 || (t != nil && comparePackages(p.compiled.world, &k.pkg.Package, &t.pkg.Package) != 0) {
			break
		}
		if t == nil {
			if !p.offered(k) || !slices.ContainsFunc(entries, func(e overrideEntry) bool { return e.matches(&k.pkg.Package) }) {
				continue
			}
			t = &target{candidate: k, level: -1, newer: d > 0, refused: p.overrideRefuses(k.pkg, entries)}
			if inst.Held && d > 0 {
				t.refused = "held"
			}
		}
		if v := p.judge(k); v.ok && int(v.level) > t.level {
			t.level = int(v.level)
		}
	}
	return t
}

// overrideRefuses is the dependency check of §6.5: a needed dependency that some
// id names must satisfy that entry's title; under BLOCK a rejected dependency
// refuses the update unless the list itself asks for that dependency.
func (p *pass) overrideRefuses(k *AvailablePackage, entries []overrideEntry) string {
	c := p.compiled
	for i := range k.Requires {
		need := &k.Requires[i]
		if p.satisfied(need) {
			continue
		}
		named, fits := false, false
		for j := range entries {
			if entries[j].names(need) {
				named = true
				fits = fits || entries[j].fits(need)
			}
		}
		if named && !fits {
			return fmt.Sprintf("needs %s, which the override list wants in another version", Title(c.os, *need))
		}
		if !named && c.block && c.rejected.matchPackage(need, &p.buf) >= 0 {
			return fmt.Sprintf("needs %s, which RejectedPatches blocks", Title(c.os, *need))
		}
	}
	return ""
}

// targetList is the install set of an override list (§3.1).
func targetList(targets map[packageKey]*target) []string {
	var out []string
	for k, t := range targets {
		if t.newer && t.refused == "" {
			id := k.name
			if k.arch != "" {
				id += "." + k.arch
			}
			out = append(out, id+"="+t.version())
		}
	}
	slices.Sort(out)
	return out
}

func (k *candidate) version() string {
	if k.pkg.Release == "" {
		return k.pkg.Version
	}
	return epochOf(k.pkg.Epoch) + ":" + k.pkg.Version + "-" + k.pkg.Release
}
