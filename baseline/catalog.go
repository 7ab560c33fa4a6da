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
	index    map[string]int32 // the first group of a package name
	firsts   valueIDs
	seconds  valueIDs
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
	sibling    int32 // the next group of the same name and another architecture; -1 if none
	candidates []candidate
	withdrawn  []*AvailablePackage // versions that only retracted advisories name
}

// candidate is a pair of a package version and an advisory that names exactly it,
// or of a version and no advisory (§1.4), with what the baseline says about it
// whatever the time and the node.
type candidate struct {
	pkg    *AvailablePackage
	notice *Notice
	date   int64  // seconds; 0: none, which counts as 1970 (AMB-03)
	rules  uint32 // bits of the rules whose filters and gate it passes, as do the global ones
	first  int32  // ids of the attributes that filters test
	second int32
	listed int16 // index in ApprovedPatches if that approves it, else -1

	rejected bool // by RejectedPatches
	meta     bool // passes the security gate (§2)
	dated    bool
	modular  bool // bound to a module stream: the node decides
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
	var buf []byte
	for i := range cat.groups {
		g := &cat.groups[i]
		if len(g.candidates) > 1 {
			slices.SortStableFunc(g.candidates, func(x, y candidate) int { return c.order(&x, &y) })
		}
		for j := range g.candidates {
			cat.prejudge(&g.candidates[j], &buf)
		}
	}
	return cat
}

type packageKey struct{ name, arch string }

func (cat *Catalog) group(packages []AvailablePackage) {
	cat.index = make(map[string]int32, len(packages))
	cat.groups = make([]group, 0, len(packages))
	owner := make([]int32, len(packages))
	counts := make([]int, 0, len(packages))
	total := 0
	for i := range packages {
		p := &packages[i]
		k := cat.key(&p.Package)
		first, named := cat.index[k.name]
		at := int32(-1)
		if named {
			at = cat.among(first, k.arch)
		}
		if at < 0 {
			at = int32(len(counts))
			counts = append(counts, 0)
			g := group{name: k.name, arch: k.arch, sibling: -1}
			if named {
				g.sibling = first
			}
			cat.index[k.name] = at
			cat.groups = append(cat.groups, g)
		}
		n := max(1, len(p.Notices))
		owner[i] = at
		counts[at] += n
		total += n
	}
	all := make([]candidate, total) // one allocation for every group's candidates
	for i := range cat.groups {
		cat.groups[i].candidates, all = all[:0:counts[i]], all[counts[i]:]
	}
	for i := range packages {
		p := &packages[i]
		cat.add(&cat.groups[owner[i]], p)
		if p.Module != "" {
			if cat.modules == nil {
				cat.modules = map[string][]string{}
			}
			cat.modules[p.Module] = append(cat.modules[p.Module], p.Name)
		}
	}
}

// find is the index of a package's group; -1 if no repository offers it.
func (cat *Catalog) find(k packageKey) int32 {
	first, ok := cat.index[k.name]
	if !ok {
		return -1
	}
	return cat.among(first, k.arch)
}

// among looks for an architecture among the groups of one name.
func (cat *Catalog) among(at int32, arch string) int32 {
	for at >= 0 && cat.groups[at].arch != arch {
		at = cat.groups[at].sibling
	}
	return at
}

// groupOf is the group of a package, nil if no repository offers any version.
func (cat *Catalog) groupOf(k packageKey) *group {
	at := cat.find(k)
	if at < 0 {
		return nil
	}
	return &cat.groups[at]
}

// prejudge works out the part of approve(candidate) of §3 that depends neither on
// the time nor on the node.
func (cat *Catalog) prejudge(k *candidate, buf *[]byte) {
	c := cat.compiled
	k.listed = -1
	if k.rejected = c.rejected.matchVersion(k.pkg, buf) >= 0; k.rejected {
		return // rejected always wins
	}
	if k.meta || c.approvedNonSecurity {
		k.listed = int16(c.listIndex(k, buf)) // bypasses the filters (AMB-08)
	}
	mask := cat.mask & c.first.masks[k.first] & c.second.masks[k.second]
	if mask&globalBit == 0 {
		return
	}
	if !k.meta {
		mask &= c.nonSecurity
	}
	k.rules = mask &^ globalBit
}

// listIndex is the entry of ApprovedPatches that names a candidate; -1 if none.
func (c *Compiled) listIndex(k *candidate, buf *[]byte) int {
	if i := c.approved.matchPackage(&k.pkg.Package, buf); i >= 0 {
		return i
	}
	return c.approved.matchNotice(k.notice, buf)
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
		k.first = cat.firsts.id(c, &c.first, "SECTION", p.Section)
		k.second = cat.seconds.id(c, &c.second, "PRIORITY", p.Priority)
		k.meta = securityOrigin(p.Origins, c.opts.Switches)
		if k.date, k.dated = aptDate(p); !k.dated && c.opts.AptApprovalDelay {
			k.date = never
		}
	case mac:
		k.first = cat.firsts.id(c, &c.first, "CLASSIFICATION", p.Manager)
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

// valueIDs remembers the ids of the values seen: repositories repeat a handful.
type valueIDs struct {
	last   string
	lastID int32
	ids    map[string]int32
}

func (v *valueIDs) id(c *Compiled, k *keyMasks, key, value string) int32 {
	switch {
	case value == "":
		return idAbsent
	case value == v.last:
		return v.lastID
	}
	id, ok := v.ids[value]
	if !ok {
		id = c.id(k, key, value)
		if v.ids == nil {
			v.ids = map[string]int32{}
		}
		v.ids[value] = id
	}
	v.last, v.lastID = value, id
	return id
}

func (cat *Catalog) advised(p *AvailablePackage, n *Notice) candidate {
	c := cat.compiled
	k := candidate{pkg: p, notice: n, meta: true, modular: p.Module != "" || n.Module != ""}
	k.first = cat.firsts.id(c, &c.first, "CLASSIFICATION", n.Type)
	switch {
	case n.Severity != nil && *n.Severity == "":
		k.second = idOther // present, but equal to no value (§1.3)
	case n.Severity != nil:
		k.second = cat.seconds.id(c, &c.second, "SEVERITY", *n.Severity)
	case cat.family == yum:
		k.second = cat.seconds.id(c, &c.second, "SEVERITY", "None") // §1.3
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
