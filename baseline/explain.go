package baseline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Explanation says why a package is in its state: every candidate, newest first,
// with what each rule and list says about it.
type Explanation struct {
	Item       Item              `json:"item"`
	Candidates []CandidateReason `json:"candidates"`
}

// CandidateReason is the judgement of one version under one advisory.
type CandidateReason struct {
	Version  string    `json:"version"`
	Advisory string    `json:"advisory,omitempty"`
	Date     time.Time `json:"date,omitzero"`
	Approved bool      `json:"approved"`
	Rule     string    `json:"rule,omitempty"` // what approved it
	// ApprovedFrom is when the first rule will approve it; zero if it is approved
	// now or never will be.
	ApprovedFrom time.Time `json:"approvedFrom,omitzero"`
	Reasons      []string  `json:"reasons"` // one for the lists and for each rule
}

// Explain judges one package of a node by name, and by architecture unless that
// is empty, and tells why. It returns one explanation for each architecture; none
// if neither the node nor its repositories know the package.
func Explain(b *Baseline, n Node, now time.Time, o Options, name, arch string) ([]Explanation, error) {
	c, err := Compile(b, o)
	if err != nil {
		return nil, err
	}
	p, err := c.Catalog(n.Inventory.Product, &n.Available).pass(n.Inventory, now)
	if err != nil {
		return nil, err
	}
	if p.family == windows {
		return p.explainWindows(name), nil
	}
	items := map[packageKey]Item{}
	for _, it := range p.scan().Items {
		items[p.key(&Package{Name: it.Name, Arch: it.Arch})] = it
	}
	keys := map[packageKey]bool{}
	for k := range items {
		keys[k] = true
	}
	for i := range p.groups {
		keys[packageKey{p.groups[i].name, p.groups[i].arch}] = true
	}
	var out []Explanation
	for k := range keys {
		if k.name != name || (arch != "" && k.arch != "" && k.arch != arch) {
			continue
		}
		e := Explanation{Item: items[k]}
		if e.Item.ID == "" {
			e.Item = Item{ID: ItemID(c.os, Package{Name: k.name, Arch: k.arch}), Name: k.name, Arch: k.arch}
		}
		if g := p.groupOf(k); g != nil {
			e.Candidates = p.explainGroup(g)
			if e.Item.State == "" && slices.ContainsFunc(e.Candidates, func(r CandidateReason) bool { return r.Approved }) {
				e.Item.State = StateNotApplicable
			}
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(x, y Explanation) int { return strings.Compare(x.Item.ID, y.Item.ID) })
	return out, nil
}

func (p *pass) explainGroup(g *group) []CandidateReason {
	var out []CandidateReason
	for i := len(g.candidates) - 1; i >= 0; i-- {
		out = append(out, p.explainCandidate(&g.candidates[i]))
	}
	for _, w := range g.withdrawn {
		out = append(out, CandidateReason{
			Version: FullVersion(p.compiled.os, w.Package), Advisory: w.Notices[0].ID,
			Reasons: []string{"the advisory is retracted and approves nothing"},
		})
	}
	return out
}

func (p *pass) explainCandidate(k *candidate) CandidateReason {
	c := p.compiled
	r := CandidateReason{Version: FullVersion(c.os, k.pkg.Package), Advisory: noticeID(k.notice)}
	if k.dated {
		r.Date = time.Unix(k.date, 0).UTC()
	}
	if v := p.judge(k); v.ok {
		r.Approved, r.Rule = true, p.compiled.ruleName(v.rule)
	}
	if !p.offered(k) {
		r.say("its module stream is not active on this node, or an active stream hides it")
		return r
	}
	if i := c.rejected.matchVersion(k.pkg, &p.buf); i >= 0 {
		r.say("RejectedPatches[%d] %q rejects it", i, c.baseline.RejectedPatches[i])
		return r
	}
	p.explainLists(k, &r)
	for i := range c.rules {
		p.explainRule(k, i, &r)
	}
	if len(c.rules) == 0 && len(c.baseline.ApprovedPatches) == 0 {
		r.say("the baseline has no rules and no approved patches: it approves nothing")
	}
	return r
}

func (r *CandidateReason) say(format string, args ...any) {
	r.Reasons = append(r.Reasons, fmt.Sprintf(format, args...))
}

func (p *pass) explainLists(k *candidate, r *CandidateReason) {
	c := p.compiled
	i := c.listIndex(k, &p.buf)
	switch {
	case i < 0:
	case k.meta || c.approvedNonSecurity:
		r.say("ApprovedPatches[%d] %q approves it at level %s", i, c.baseline.ApprovedPatches[i], c.approvedLevel)
	default:
		r.say("ApprovedPatches[%d] %q names it, but %s and ApprovedPatchesEnableNonSecurity is off",
			i, c.baseline.ApprovedPatches[i], p.gateText())
	}
}

// gateText is why a candidate is not security, in the words of its family (§2).
func (p *pass) gateText() string {
	if p.family == apt {
		return "it comes from no trusted security origin"
	}
	return "no usable advisory names it"
}

func (p *pass) explainRule(k *candidate, i int, r *CandidateReason) {
	c := p.compiled
	name := p.compiled.ruleName(i)
	if f, ok := p.failingFilter(k, c.baseline.GlobalFilters.filters()); !ok {
		r.say("%s: the global filter %s does not pass %s", name, f.Key, p.shown(k, f.Key))
		return
	}
	if !k.meta && c.nonSecurity&(1<<i) == 0 {
		r.say("%s: %s and EnableNonSecurity is off", name, p.gateText())
		return
	}
	if f, ok := p.failingFilter(k, c.baseline.rules()[i].PatchFilterGroup.filters()); !ok {
		r.say("%s: the filter %s = %s does not pass %s", name, f.Key, strings.Join(f.Values, ", "), p.shown(k, f.Key))
		return
	}
	if k.date < p.cutoffs[i] {
		r.say("%s approves it at level %s", name, c.rules[i].level)
		return
	}
	if k.date == never {
		r.say("%s: its date is not known, so it is never old enough", name)
		return
	}
	if c.rules[i].until != 0 {
		r.say("%s: published %s, after ApproveUntilDate %s", name, stamp(k.date), c.baseline.rules()[i].ApproveUntilDate)
		return
	}
	from := approvedFrom(k.date, c.rules[i].days)
	r.say("%s: published %s, approved from %s (%d days)", name, stamp(k.date), from.Format(time.RFC3339), c.rules[i].days)
	if !r.Approved && (r.ApprovedFrom.IsZero() || from.Before(r.ApprovedFrom)) {
		r.ApprovedFrom = from
	}
}

// approvedFrom is the first second at which a date is strictly older than days.
func approvedFrom(date int64, days int) time.Time {
	return time.Unix(date+int64(days)*secondsPerDay+1, 0).UTC()
}

func stamp(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }

// failingFilter is the first filter that a candidate does not pass.
func (p *pass) failingFilter(k *candidate, filters []PatchFilter) (PatchFilter, bool) {
	for _, f := range filters {
		if !p.compiled.test(f, p.compiled.foldValue(f.Key, p.attribute(k, f.Key))) {
			return f, false
		}
	}
	return PatchFilter{}, true
}

// attribute is the value that a filter key tests; empty if absent (§1.3).
func (p *pass) attribute(k *candidate, key string) string {
	switch {
	case key == "PRODUCT":
		return p.product
	case key == "SECTION":
		return k.pkg.Section
	case key == "PRIORITY":
		return k.pkg.Priority
	case p.family == mac:
		return k.pkg.Manager
	case k.notice == nil:
		return ""
	case key == "CLASSIFICATION":
		return k.notice.Type
	case k.notice.Severity != nil:
		return *k.notice.Severity
	case p.family == yum:
		return "None"
	}
	return ""
}

func (p *pass) shown(k *candidate, key string) string {
	return cmp.Or(p.attribute(k, key), "an absent value")
}

func (p *pass) explainWindows(kb string) []Explanation {
	var item Item
	for _, it := range p.scan().Items {
		if equalFold(it.ID, kb) {
			item = it
		}
	}
	for _, k := range p.knowledge() {
		if !equalFold(k.KB, kb) {
			continue
		}
		if item.ID == "" {
			item = Item{ID: k.KB, Name: k.KB, Title: cmp.Or(k.Title, k.KB)}
		}
		return []Explanation{{item, []CandidateReason{p.explainKB(k)}}}
	}
	return nil
}

func (p *pass) explainKB(k *kbase) CandidateReason {
	c := p.compiled
	v := p.judgeKB(k)
	r := CandidateReason{Version: k.KB, Advisory: k.Bulletin, Date: k.ReleaseDate, Approved: v.ok}
	if v.ok {
		r.Rule = p.compiled.ruleName(v.rule)
	}
	if k.superseded {
		r.say("another update of the catalogue supersedes it: it is never installed")
	}
	if v.rejected {
		r.say("RejectedPatches rejects it")
		return r
	}
	if c.approved.matchKB(k.Update) >= 0 {
		r.say("ApprovedPatches approves it at level %s", c.approvedLevel)
	}
	for i, rule := range c.baseline.rules() {
		switch d := releaseOf(k.Update); {
		case !p.ruleTakes(k.Update, rule):
			r.say("%s: its filters, or the global ones, do not pass it", p.compiled.ruleName(i))
		case d < p.cutoffs[i]:
			r.say("%s approves it at level %s", p.compiled.ruleName(i), c.rules[i].level)
		case c.rules[i].until != 0:
			r.say("%s: released after ApproveUntilDate %s", p.compiled.ruleName(i), rule.ApproveUntilDate)
		default:
			from := approvedFrom(d, c.rules[i].days)
			r.say("%s: approved from %s (%d days)", p.compiled.ruleName(i), from.Format(time.RFC3339), c.rules[i].days)
			if !v.ok && (r.ApprovedFrom.IsZero() || from.Before(r.ApprovedFrom)) {
				r.ApprovedFrom = from
			}
		}
	}
	return r
}

// ruleTakes says whether an update passes the global filters and a rule's.
func (p *pass) ruleTakes(u *Update, r PatchRule) bool {
	filters := r.PatchFilterGroup.filters()
	return p.updatePasses(u, p.compiled.baseline.GlobalFilters.filters()) && p.updatePasses(u, filters) &&
		(hasKey(filters, "PATCH_SET") || equalFold(patchSet(u), "OS")) // AMB-25
}
