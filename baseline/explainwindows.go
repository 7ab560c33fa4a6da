package baseline

import (
	"cmp"
	"time"
)

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
