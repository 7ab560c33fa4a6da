package baseline

import (
	"math"
	"slices"
	"strings"
)

// Catalog is what repositories offer to nodes of one product, read once under a
// compiled baseline: dates parsed, packages grouped and ordered. Nodes with the
// same repositories can share it; it is immutable and safe for concurrent use.
type Catalog struct {
	compiled *Compiled
	product  string
	family   family
	mask     uint32 // the rules that the product passes
	groups   []group
	modules  map[string][]string // a modular build's stream → names it provides
	available
}

// available keeps the input that results refer to.
type available struct {
	packages []AvailablePackage
	updates  []Update
}

// group is the candidates of one package name and architecture, lowest version
// first; candidates of equal versions stand together in a fixed order.
type group struct {
	name, arch string
	candidates []candidate
	withdrawn  []*AvailablePackage // versions that only retracted advisories name
}

// candidate is a pair of a package version and an advisory that names exactly it,
// or of a version and no advisory (§1.4).
type candidate struct {
	pkg           *AvailablePackage
	notice        *Notice
	date          int64 // seconds; 0: none, which counts as 1970 (AMB-03)
	first, second int32 // ids of the attributes that filters test
	meta          bool  // passes the security gate (§2)
	dated         bool
	modular       bool // bound to a module stream: the node decides
}

// never is a date that no rule with a delay reaches; only a rule without one
// (apt, macOS) approves it.
const never = math.MaxInt64 - 1

// Catalog reads what the repositories of a product offer.
func (c *Compiled) Catalog(product string, a *Available) *Catalog {
	cat := &Catalog{
		compiled: c, product: product, family: familyOf(c.os, product),
		mask:      c.product.masks[c.id(&c.product, "PRODUCT", product)],
		available: available{a.Packages, a.Updates},
	}
	if c.world == worldWindows {
		return cat
	}
	cat.group(a.Packages)
	for i := range cat.groups {
		g := &cat.groups[i]
		slices.SortStableFunc(g.candidates, func(x, y candidate) int { return c.order(&x, &y) })
	}
	return cat
}

type packageKey struct{ name, arch string }

func (cat *Catalog) group(packages []AvailablePackage) {
	index := make(map[packageKey]int, len(packages))
	var counts []int
	total := 0
	for i := range packages {
		p := &packages[i]
		k := cat.key(&p.Package)
		at, ok := index[k]
		if !ok {
			at = len(counts)
			index[k] = at
			counts = append(counts, 0)
			cat.groups = append(cat.groups, group{name: k.name, arch: k.arch})
		}
		n := max(1, len(p.Notices))
		counts[at] += n
		total += n
	}
	all := make([]candidate, total) // one allocation for every group's candidates
	for i := range cat.groups {
		cat.groups[i].candidates, all = all[:0:counts[i]], all[counts[i]:]
	}
	for i := range packages {
		p := &packages[i]
		cat.add(&cat.groups[index[cat.key(&p.Package)]], p)
		if p.Module != "" {
			if cat.modules == nil {
				cat.modules = map[string][]string{}
			}
			cat.modules[p.Module] = append(cat.modules[p.Module], p.Name)
		}
	}
	slices.SortFunc(cat.groups, func(x, y group) int {
		if c := strings.Compare(x.name, y.name); c != 0 {
			return c
		}
		return strings.Compare(x.arch, y.arch)
	})
}

// key tells packages apart: name and architecture, on macOS the name alone.
func (cat *Catalog) key(p *Package) packageKey {
	if cat.family == mac {
		return packageKey{name: p.Name}
	}
	return packageKey{p.Name, p.Arch}
}

// add makes the candidates of one version: one for each advisory, or a single one
// without. A version that any advisory names is never evaluated without one, also
// when that advisory is retracted (§1.4, §16.1).
func (cat *Catalog) add(g *group, p *AvailablePackage) {
	if cat.family == apt || cat.family == mac || len(p.Notices) == 0 {
		g.candidates = append(g.candidates, cat.plain(p))
		return
	}
	kept := false
	for i := range p.Notices {
		n := &p.Notices[i]
		if retracted(n) {
			continue
		}
		g.candidates = append(g.candidates, cat.advised(p, n))
		kept = true
	}
	if !kept {
		g.withdrawn = append(g.withdrawn, p)
	}
}

func retracted(n *Notice) bool { return equalFold(n.Status, "retracted") }

func (cat *Catalog) plain(p *AvailablePackage) candidate {
	c := cat.compiled
	k := candidate{pkg: p, first: idAbsent, second: idAbsent, modular: p.Module != ""}
	switch cat.family {
	case apt:
		k.first = attribute(c, &c.first, "SECTION", p.Section)
		k.second = attribute(c, &c.second, "PRIORITY", p.Priority)
		k.meta = securityOrigin(p.Origins, c.opts.Switches)
		if k.date, k.dated = aptDate(p); !k.dated && c.opts.AptApprovalDelay {
			k.date = never
		}
	case mac:
		k.first = attribute(c, &c.first, "CLASSIFICATION", p.Manager)
		k.meta = true // AMB-21
	default:
		k.meta = cat.family == zypp && c.opts.Switches.SuseGate != SuseGateAdvisory // AMB-15
		if k.dated = !p.BuildTime.IsZero(); k.dated {
			k.date = p.BuildTime.Unix()
		}
		cat.undated(&k)
	}
	return k
}

func attribute(c *Compiled, k *keyMasks, key, value string) int32 {
	if value == "" {
		return idAbsent
	}
	return c.id(k, key, value)
}

func (cat *Catalog) advised(p *AvailablePackage, n *Notice) candidate {
	c := cat.compiled
	k := candidate{pkg: p, notice: n, meta: true, modular: p.Module != "" || n.Module != ""}
	k.first = attribute(c, &c.first, "CLASSIFICATION", n.Type)
	switch {
	case n.Severity != nil && *n.Severity == "":
		k.second = idOther // present, but equal to no value (§1.3)
	case n.Severity != nil:
		k.second = c.id(&c.second, "SEVERITY", *n.Severity)
	case cat.family == yum:
		k.second = c.id(&c.second, "SEVERITY", "None") // §1.3
	}
	if cat.needsSeverity() { // AMB-04
		k.meta = n.Type != "" && n.Severity != nil
	}
	text := n.Updated
	if text == "" || (cat.family == dnf && c.opts.Switches.Date == DateIssued) { // AMB-01
		text = n.Issued
	}
	if t, ok := parseDate(text); ok {
		k.date, k.dated = t.Unix(), true
	}
	cat.undated(&k)
	return k
}

// needsSeverity is AMB-04: dnf demands type and severity, yum only an advisory.
func (cat *Catalog) needsSeverity() bool {
	switch cat.compiled.opts.Switches.Severity {
	case SeverityRequired:
		return cat.family == yum || cat.family == dnf
	case SeverityOptional:
		return false
	}
	return cat.family == dnf
}

func (cat *Catalog) undated(k *candidate) {
	if !k.dated && cat.compiled.opts.Switches.NoDate == NoDateExcluded { // AMB-03
		k.date = never
	}
}

// order sorts by version, then by what makes equal versions a fixed sequence, so
// that the input's order never shows in a result (§16.1).
func (c *Compiled) order(x, y *candidate) int {
	if d := comparePackages(c.world, &x.pkg.Package, &y.pkg.Package); d != 0 {
		return d
	}
	if d := strings.Compare(noticeID(x.notice), noticeID(y.notice)); d != 0 {
		return d
	}
	if d := strings.Compare(x.pkg.Repository, y.pkg.Repository); d != 0 {
		return d
	}
	if d := strings.Compare(x.pkg.Filename, y.pkg.Filename); d != 0 {
		return d
	}
	return strings.Compare(x.pkg.SHA256, y.pkg.SHA256)
}

func noticeID(n *Notice) string {
	if n == nil {
		return ""
	}
	return n.ID
}
