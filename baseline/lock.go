package baseline

import (
	"slices"
	"strings"
	"time"
)

// LockSchema is the version of the lock's JSON shape.
const LockSchema = 1

// Lock is a baseline evaluated once: exact packages, why each, and from which
// repository state. Its canonical JSON is hashed; one lock drives the bake, the
// gate and the in-place path.
type Lock struct {
	Schema         int             `json:"schema"`
	Baseline       string          `json:"baseline"` // the baseline's name
	BaselineDigest string          `json:"baselineDigest"`
	OS             OperatingSystem `json:"os"`
	Product        string          `json:"product"`
	Arch           string          `json:"arch"`
	EvaluatedAt    time.Time       `json:"evaluatedAt"`
	Extensions     []string        `json:"extensions,omitempty"` // such as apt-approval-delay
	Repositories   []Repository    `json:"repositories"`
	Packages       []LockedPackage `json:"packages"` // by name, then architecture
	// Skipped are approved updates that the lock leaves out, and why: held, or
	// needing what RejectedPatches blocks.
	Skipped []SkippedPackage `json:"skipped,omitempty"`
}

// SkippedPackage is a Missing package that is not part of the install set (§3.1).
type SkippedPackage struct {
	Package
	From   string `json:"from"`
	Reason string `json:"reason"`
}

// LockedPackage is one exact package file of a lock.
type LockedPackage struct {
	Package
	// From is the full version installed when the lock was made; empty for a
	// package that comes in as a dependency.
	From            string   `json:"from,omitempty"`
	Repository      string   `json:"repository"` // Repository.ID
	Filename        string   `json:"filename"`
	Size            int64    `json:"size"`
	SHA256          string   `json:"sha256"`
	Advisories      []string `json:"advisories,omitempty"`
	CVEs            []string `json:"cves,omitempty"`
	Rule            string   `json:"rule"` // such as "approval_rule[0]", "approved_patches", "dependency"
	ComplianceLevel string   `json:"complianceLevel"`
}

// RuleDependency is the rule of packages that only come along.
const RuleDependency = "dependency"

// Canonical is the lock's canonical JSON: sorted, without insignificant space.
func (l *Lock) Canonical() []byte {
	c := *l
	c.EvaluatedAt = l.EvaluatedAt.UTC()
	c.Extensions = sortedStrings(l.Extensions)
	c.Repositories = append([]Repository{}, l.Repositories...)
	slices.SortStableFunc(c.Repositories, func(a, b Repository) int {
		return strings.Compare(a.ID+"\x00"+a.URL, b.ID+"\x00"+b.URL)
	})
	for i := range c.Repositories {
		r := &c.Repositories[i]
		r.Date, r.ValidUntil = r.Date.UTC(), r.ValidUntil.UTC()
	}
	c.Packages = append([]LockedPackage{}, l.Packages...)
	for i := range c.Packages {
		p := &c.Packages[i]
		p.Advisories, p.CVEs = sortedStrings(p.Advisories), sortedStrings(p.CVEs)
	}
	slices.SortStableFunc(c.Packages, func(a, b LockedPackage) int { return byName(&a.Package, &b.Package) })
	c.Skipped = slices.Clone(l.Skipped)
	slices.SortStableFunc(c.Skipped, func(a, b SkippedPackage) int { return byName(&a.Package, &b.Package) })
	return canonicalJSON(c)
}

// byName is the fixed order of packages in documents.
func byName(a, b *Package) int {
	for _, pair := range [...][2]string{
		{a.Name, b.Name}, {a.Arch, b.Arch}, {a.Epoch, b.Epoch}, {a.Version, b.Version}, {a.Release, b.Release},
	} {
		if c := strings.Compare(pair[0], pair[1]); c != 0 {
			return c
		}
	}
	return 0
}

func sortedStrings(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return slices.Compact(out)
}

// Digest is the SHA-256 of Canonical, "sha256:" and hex.
func (l *Lock) Digest() string { return digestOf(l.Canonical()) }

// Identity is the digest of what would be installed: baseline digest, product,
// architecture and packages, but not when or from which index state. Two locks of
// one identity patch alike; the bake is skipped when it would not change.
func (l *Lock) Identity() string {
	type file struct {
		Package
		SHA256 string `json:"sha256"`
	}
	id := struct {
		BaselineDigest string          `json:"baselineDigest"`
		OS             OperatingSystem `json:"os"`
		Product        string          `json:"product"`
		Arch           string          `json:"arch"`
		Extensions     []string        `json:"extensions,omitempty"`
		Files          []file          `json:"files"`
	}{l.BaselineDigest, l.OS, l.Product, l.Arch, sortedStrings(l.Extensions), []file{}}
	for _, p := range l.Packages {
		id.Files = append(id.Files, file{p.Package, p.SHA256})
	}
	slices.SortStableFunc(id.Files, func(a, b file) int { return byName(&a.Package, &b.Package) })
	return digestOf(canonicalJSON(id))
}

// InstallList is the exact list for the native package manager, such as
// "openssl:amd64=3.0.11-1" for apt or "openssl-1:3.0.8-1.x86_64" for dnf.
func (l *Lock) InstallList() []string {
	out := make([]string, len(l.Packages))
	for i := range l.Packages {
		out[i] = installSpec(l.OS, &l.Packages[i].Package)
	}
	return out
}

func installSpec(os OperatingSystem, p *Package) string {
	switch {
	case worldOf(os) == worldDeb && (p.Arch == "" || p.Arch == "all"):
		return p.Name + "=" + p.Version // apt files "all" under the native architecture
	case worldOf(os) == worldDeb:
		return p.Name + ":" + p.Arch + "=" + p.Version
	case os == Suse:
		return p.Name + "." + p.Arch + "=" + strings.TrimPrefix(FullVersion(os, *p), "0:")
	case worldOf(os) == worldRPM:
		return p.Name + "-" + FullVersion(os, *p) + "." + p.Arch
	case os == MacOS:
		return p.Name + "=" + p.Version
	}
	return p.Name
}
