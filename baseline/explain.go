package baseline

import (
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
