package baseline

import (
	"math"
	"strings"
)

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
