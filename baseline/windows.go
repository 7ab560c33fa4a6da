package baseline

import (
	"cmp"
	"slices"
)

// The deployment statuses of DescribeEffectivePatchesForPatchBaseline (§4).
const (
	DeploymentApproved         = "APPROVED"
	DeploymentPendingApproval  = "PENDING_APPROVAL"
	DeploymentExplicitApproved = "EXPLICIT_APPROVED"
	DeploymentExplicitRejected = "EXPLICIT_REJECTED"
)

// windowsVerdict is the judgement of one KB.
type windowsVerdict struct {
	verdict
	rejected bool
	pending  bool // a rule would approve it later
}

// judgeKB approves a KB if any of its revisions is approved (§4 step 5).
func (p *pass) judgeKB(k *kbase) windowsVerdict {
	var out windowsVerdict
	for _, r := range k.revisions {
		v := p.judgeUpdate(r, releaseOf(k.Update))
		if v.rejected {
			return v
		}
		out.pending = out.pending || v.pending
		if v.ok && (!out.ok || v.level > out.level) {
			out.verdict = v.verdict
		}
	}
	return out
}

func (p *pass) judgeUpdate(u *Update, released int64) windowsVerdict {
	p.judged++
	c := p.compiled
	if c.rejected.matchKB(u) >= 0 {
		return windowsVerdict{rejected: true}
	}
	var out windowsVerdict
	if c.approved.matchKB(u) >= 0 {
		out.verdict = verdict{ok: true, level: c.approvedLevel, rule: byList}
	}
	for i, r := range c.baseline.rules() {
		if !p.ruleTakes(u, r) {
			continue
		}
		if released >= p.cutoffs[i] {
			out.pending = out.pending || c.rules[i].until == 0
			continue
		}
		if l := c.rules[i].level; !out.ok || l > out.level {
			out.verdict = verdict{ok: true, level: l, rule: i}
		}
	}
	return out
}

func (p *pass) updatePasses(u *Update, filters []PatchFilter) bool {
	for _, f := range filters {
		if !p.compiled.test(f, foldString(updateAttribute(u, f.Key))) {
			return false
		}
	}
	return true
}

// scanWindows is §4: what Patch Manager's service works out for a node.
func (p *pass) scanWindows() *Result {
	c := p.compiled
	r := &Result{Items: []Item{}, DeploymentStatus: map[string]string{}, Notes: p.notes()}
	for _, k := range p.knowledge() {
		if k.superseded && !k.replaced {
			continue
		}
		v := p.judgeKB(k)
		if k.superseded {
			if v.ok {
				r.Items = append(r.Items, p.updateItem(k, StateNotApplicable, v))
			}
			continue
		}
		if s := deploymentStatus(v); s != "" {
			r.DeploymentStatus[k.KB] = s
		}
		state := p.updateState(k, v)
		if state == "" {
			continue
		}
		r.Items = append(r.Items, p.updateItem(k, state, v))
		if state == StateMissing {
			r.ToInstall = append(r.ToInstall, k.KB)
		}
	}
	r.conclude(c.availableFails())
	p.limitNotApplicable(r)
	return r
}

// availableFails is AMB-19: an absent AvailableSecurityUpdatesComplianceStatus is
// COMPLIANT.
func (c *Compiled) availableFails() bool {
	return c.baseline.AvailableSecurityUpdatesComplianceStatus == NonCompliant
}

func deploymentStatus(v windowsVerdict) string {
	switch {
	case v.rejected:
		return DeploymentExplicitRejected
	case v.ok && v.rule == byList:
		return DeploymentExplicitApproved
	case v.ok:
		return DeploymentApproved
	case v.pending:
		return DeploymentPendingApproval
	}
	return ""
}

// updateState is §4 step 6; empty means that the KB is not reported.
func (p *pass) updateState(k *kbase, v windowsVerdict) State {
	switch {
	case k.installed() && v.ok:
		return StateInstalled
	case k.installed() && v.rejected && p.compiled.block:
		return StateInstalledRejected
	case k.installed():
		return StateInstalledOther
	case v.ok && k.NotApplicable:
		return StateNotApplicable
	case v.ok:
		return StateMissing
	case !v.rejected && !k.NotApplicable && equalFold(k.Classification, "SecurityUpdates"):
		return StateAvailableSecurityUpdate
	}
	return ""
}

func (p *pass) updateItem(k *kbase, s State, v windowsVerdict) Item {
	it := Item{
		ID: k.KB, Title: cmp.Or(k.Title, k.KB), Name: k.KB, State: s,
		ComplianceLevel: LevelUnspecified,
		Classification:  k.Classification, Severity: cmp.Or(k.MSRCSeverity, "Unspecified"),
	}
	if v.ok {
		it.ComplianceLevel, it.Rule = v.level.String(), p.compiled.ruleName(v.rule)
	}
	switch s {
	case StateInstalledOther, StateNotApplicable: // blanked by the service (§7)
		it.Classification, it.Severity, it.ComplianceLevel = "", "", LevelUnspecified
	case StateMissing:
		it.CVEs = sortedStrings(k.CVEs)
	}
	if k.installed() {
		it.InstalledTime = k.InstalledTime
	}
	return it
}

// limitNotApplicable reports at most NotApplicableLimit of them (§16.8).
func (p *pass) limitNotApplicable(r *Result) {
	limit := p.compiled.opts.NotApplicableLimit
	over := r.Counts.NotApplicableCount - limit
	if limit <= 0 || over <= 0 {
		return
	}
	r.Counts.UnreportedNotApplicableCount = over
	seen := 0
	r.Items = slices.DeleteFunc(r.Items, func(it Item) bool {
		if it.State == StateNotApplicable {
			seen++
		}
		return it.State == StateNotApplicable && seen > limit
	})
}
