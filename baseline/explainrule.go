package baseline

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

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
