package baseline

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// MakeLock evaluates and freezes what would be installed: the target of every
// Missing package of the install set, and deps, the further packages that the
// package manager's own solver adds. A package without a file name and a SHA-256
// from its index cannot be locked; the error names it.
func MakeLock(b *Baseline, n Node, now time.Time, o Options, deps ...AvailablePackage) (*Lock, error) {
	c, err := Compile(b, o)
	if err != nil {
		return nil, err
	}
	return c.MakeLock(n, now, deps...)
}

// MakeLock is the function MakeLock for a compiled baseline.
func (c *Compiled) MakeLock(n Node, now time.Time, deps ...AvailablePackage) (*Lock, error) {
	if c.world == worldWindows {
		return nil, errors.New("locking packages: Windows updates carry no file digests; use InstallOverrideList")
	}
	p, err := c.Catalog(n.Inventory.Product, &n.Available).pass(n.Inventory, now)
	if err != nil {
		return nil, err
	}
	l := &Lock{
		Schema: LockSchema, Baseline: c.baseline.Name, BaselineDigest: c.baseline.Digest(),
		OS: c.os, Product: n.Inventory.Product, Arch: n.Inventory.Arch,
		EvaluatedAt:  now.UTC(),
		Repositories: slices.Clone(n.Available.Repositories),
	}
	if p.family == apt && c.opts.AptApprovalDelay {
		l.Extensions = []string{ExtensionAptDelay}
	}
	b := &lockBuilder{pass: p, lock: l, at: map[packageKey]int{}}
	p.missed = b.missed
	p.scan()
	if b.err != nil {
		return nil, b.err
	}
	for i := range deps {
		if err := b.dependency(&deps[i]); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(l.Packages, func(x, y LockedPackage) int { return byName(&x.Package, &y.Package) })
	return l, nil
}

type lockBuilder struct {
	*pass
	lock *Lock
	at   map[packageKey]int // locked packages by key
	err  error              // the first failure
}

// missed adds one Missing package to the lock, or to what it skips.
func (b *lockBuilder) missed(inst *Installed, d decision) {
	from := FullVersion(b.compiled.os, inst.Package)
	if !d.install {
		b.lock.Skipped = append(b.lock.Skipped, SkippedPackage{d.best.pkg.Package, from, d.reason})
		return
	}
	locked := lockedFile(b.file(d.best))
	locked.From = from
	locked.Rule, locked.ComplianceLevel = b.compiled.ruleName(d.best.rule), d.best.level.String()
	locked.CVEs = d.cves
	for i := range b.approvals {
		a := &b.approvals[i]
		if a.notice != nil && comparePackages(b.compiled.world, &a.pkg.Package, &inst.Package) > 0 {
			locked.Advisories = append(locked.Advisories, a.notice.ID)
		}
	}
	locked.Advisories = sortedStrings(locked.Advisories)
	b.add(locked)
}

// file chooses the file of an approved version: of all approved candidates of
// that version the first in the fixed order that has one (§16.1).
func (b *lockBuilder) file(best *approval) *AvailablePackage {
	for i := range b.approvals {
		k := b.approvals[i].pkg
		if k.SHA256 != "" && k.Filename != "" && comparePackages(b.compiled.world, &k.Package, &best.pkg.Package) == 0 {
			return k
		}
	}
	return best.pkg
}

func lockedFile(p *AvailablePackage) LockedPackage {
	return LockedPackage{
		Package: p.Package, Repository: p.Repository,
		Filename: p.Filename, Size: p.Size, SHA256: p.SHA256,
	}
}

func (b *lockBuilder) add(p LockedPackage) {
	if p.SHA256 == "" || p.Filename == "" {
		if b.err == nil {
			b.err = fmt.Errorf("locking %s: its repository states no file name or no SHA-256",
				Title(b.compiled.os, p.Package))
		}
		return
	}
	b.at[packageKey{p.Name, p.Arch}] = len(b.lock.Packages)
	b.lock.Packages = append(b.lock.Packages, p)
}

// dependency adds a package that comes along. The solver's answer must agree with
// the lock: the same version of what is locked, never older than installed, never
// blocked.
func (b *lockBuilder) dependency(p *AvailablePackage) error {
	c := b.compiled
	title := Title(c.os, p.Package)
	if i, ok := b.at[packageKey{p.Name, p.Arch}]; ok {
		if have := b.lock.Packages[i].Package; comparePackages(c.world, &have, &p.Package) != 0 {
			return fmt.Errorf("locking dependency %s: the lock already holds %s", title, Title(c.os, have))
		}
		return nil
	}
	if c.block && c.rejected.matchPackage(&p.Package, &b.buf) >= 0 {
		return fmt.Errorf("locking dependency %s: RejectedPatches blocks it", title)
	}
	locked := lockedFile(p)
	locked.Rule, locked.ComplianceLevel = RuleDependency, LevelUnspecified
	if inst := b.lookup(b.key(&p.Package)); inst != nil {
		switch d := comparePackages(c.world, &inst.Package, &p.Package); {
		case d == 0:
			return nil
		case d > 0:
			return fmt.Errorf("locking dependency %s: %s is installed and newer", title, Title(c.os, inst.Package))
		}
		locked.From = FullVersion(c.os, inst.Package)
	}
	for i := range p.Notices {
		locked.Advisories = append(locked.Advisories, p.Notices[i].ID)
		locked.CVEs = append(locked.CVEs, p.Notices[i].CVEs...)
	}
	locked.Advisories, locked.CVEs = sortedStrings(locked.Advisories), sortedStrings(locked.CVEs)
	b.add(locked)
	return b.err
}
