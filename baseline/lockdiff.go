package baseline

import (
	"fmt"
	"slices"
	"strings"
)

// LockChange is one difference between two locks.
type LockChange struct {
	ID    string   `json:"id"`   // name.arch
	Kind  string   `json:"kind"` // added, removed, raised, lowered, rebuilt, reasoned
	From  string   `json:"from,omitempty"`
	To    string   `json:"to,omitempty"`
	CVEs  []string `json:"cves,omitempty"` // fixed by the new lock and not by the old
	Rule  string   `json:"rule,omitempty"` // the new lock's, the old one's for what is removed
	Words string   `json:"words"`
}

// LockDiff is what differs between two locks, in words.
type LockDiff struct {
	Changes  []LockChange `json:"changes"`
	Header   []string     `json:"header,omitempty"`   // baseline, product, architecture, extensions
	Fixed    []string     `json:"fixed,omitempty"`    // CVEs that only the new lock fixes
	Unfixed  []string     `json:"unfixed,omitempty"`  // CVEs that only the old lock fixes
	SameBake bool         `json:"sameBake,omitempty"` // equal identities
}

// DiffLocks compares an older lock with a newer one.
func DiffLocks(old, fresh *Lock) LockDiff {
	d := LockDiff{Changes: []LockChange{}, SameBake: old.Identity() == fresh.Identity()}
	d.header("baseline", old.Baseline, fresh.Baseline)
	d.header("baseline digest", old.BaselineDigest, fresh.BaselineDigest)
	d.header("operating system", string(old.OS), string(fresh.OS))
	d.header("product", old.Product, fresh.Product)
	d.header("architecture", old.Arch, fresh.Arch)
	d.header("extensions", strings.Join(sortedStrings(old.Extensions), ", "), strings.Join(sortedStrings(fresh.Extensions), ", "))

	before := map[packageKey]*LockedPackage{}
	for i := range old.Packages {
		p := &old.Packages[i]
		before[packageKey{p.Name, p.Arch}] = p
	}
	for i := range fresh.Packages {
		p := &fresh.Packages[i]
		k := packageKey{p.Name, p.Arch}
		if c, differs := changeOf(fresh.OS, before[k], p); differs {
			d.Changes = append(d.Changes, c)
		}
		delete(before, k)
	}
	for _, p := range before {
		if c, differs := changeOf(old.OS, p, nil); differs {
			d.Changes = append(d.Changes, c)
		}
	}
	slices.SortFunc(d.Changes, func(a, b LockChange) int { return strings.Compare(a.ID, b.ID) })
	had, has := old.cves(), fresh.cves()
	d.Fixed, d.Unfixed = without(has, had), without(had, has)
	return d
}

func (d *LockDiff) header(what, old, fresh string) {
	if old != fresh {
		d.Header = append(d.Header, fmt.Sprintf("%s: %s → %s", what, orNone(old), orNone(fresh)))
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// String renders the difference as lines; "no difference" if there is none.
func (d LockDiff) String() string {
	lines := slices.Clone(d.Header)
	for _, c := range d.Changes {
		lines = append(lines, c.Words)
	}
	if len(d.Fixed) > 0 {
		lines = append(lines, "fixed by the new lock only: "+strings.Join(d.Fixed, ", "))
	}
	if len(d.Unfixed) > 0 {
		lines = append(lines, "fixed by the old lock only: "+strings.Join(d.Unfixed, ", "))
	}
	if len(lines) == 0 {
		return "no difference"
	}
	return strings.Join(lines, "\n")
}

func changeOf(os OperatingSystem, old, fresh *LockedPackage) (LockChange, bool) {
	var c LockChange
	switch {
	case old == nil:
		c = LockChange{Kind: "added", To: FullVersion(os, fresh.Package), CVEs: sortedStrings(fresh.CVEs), Rule: fresh.Rule}
		c.ID = ItemID(os, fresh.Package)
		c.Words = fmt.Sprintf("%s %s added", c.ID, c.To)
	case fresh == nil:
		c = LockChange{Kind: "removed", From: FullVersion(os, old.Package), Rule: old.Rule}
		c.ID = ItemID(os, old.Package)
		c.Words = fmt.Sprintf("%s %s no longer locked", c.ID, c.From)
	default:
		c = LockChange{
			ID: ItemID(os, fresh.Package), Rule: fresh.Rule,
			From: FullVersion(os, old.Package), To: FullVersion(os, fresh.Package),
			CVEs: without(fresh.CVEs, old.CVEs),
		}
		switch v := CompareVersions(os, c.From, c.To); {
		case v < 0:
			c.Kind, c.Words = "raised", fmt.Sprintf("%s raised from %s to %s", c.ID, c.From, c.To)
		case v > 0:
			c.Kind, c.Words = "lowered", fmt.Sprintf("%s lowered from %s to %s", c.ID, c.From, c.To)
		case old.SHA256 != fresh.SHA256:
			c.Kind, c.Words = "rebuilt", fmt.Sprintf("%s %s is another file of the same version", c.ID, c.To)
		case old.Rule != fresh.Rule || old.ComplianceLevel != fresh.ComplianceLevel:
			c.Kind = "reasoned"
			c.Words = fmt.Sprintf("%s %s: %s at level %s before", c.ID, c.To, old.Rule, old.ComplianceLevel)
		default:
			return LockChange{}, false
		}
	}
	if len(c.CVEs) > 0 {
		c.Words += ", fixes " + strings.Join(c.CVEs, ", ")
	}
	if c.Kind != "removed" {
		c.Words += " (" + c.Rule + ")"
	}
	return c, true
}

func (l *Lock) cves() []string {
	var out []string
	for i := range l.Packages {
		out = append(out, l.Packages[i].CVEs...)
	}
	return sortedStrings(out)
}

// without is the sorted elements of list that drop does not hold.
func without(list, drop []string) []string {
	return slices.DeleteFunc(sortedStrings(list), func(s string) bool { return slices.Contains(drop, s) })
}
