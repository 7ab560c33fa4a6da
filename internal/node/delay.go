package node

import (
	"context"
	"fmt"

	"github.com/goldenami/rehydrate/baseline"
)

// readDates reads the changelogs that a delay needs: on Debian and Ubuntu nothing
// else states a version's date. Only what would be missing without the delay is
// downloaded, and the files serve the installation too.
func (r *run) readDates(ctx context.Context) error {
	if !r.req.Options.AptApprovalDelay || r.Manager == nil {
		return nil
	}
	eager, delays := undelayed(r.base)
	if !delays {
		return nil
	}
	options := r.req.Options
	options.AptApprovalDelay = false
	result, err := baseline.Evaluate(eager, r.node, r.now, options)
	if err != nil {
		return fmt.Errorf("evaluate baseline %s without its delays: %w", r.base.Name, err)
	}
	missing := map[string]bool{}
	for _, item := range result.Items {
		if item.State == baseline.StateMissing {
			missing[item.Name+"."+item.Arch] = true
		}
	}
	have := installed(r.node.Inventory)
	var offers []baseline.AvailablePackage
	for _, p := range r.node.Available.Packages {
		key := p.Name + "." + p.Arch
		if missing[key] && baseline.CompareVersions(r.node.Inventory.OS, p.Version, have[key]) > 0 {
			offers = append(offers, p)
		}
	}
	r.Say("read the changelogs of %d packages for the approval delay", len(offers))
	return r.changelogs(ctx, offers)
}

// changelogs reads the changelogs of those offers that have none yet.
func (r *run) changelogs(ctx context.Context, offers []baseline.AvailablePackage) error {
	var want []baseline.AvailablePackage
	for _, p := range offers {
		if p.Changelog == nil {
			want = append(want, p)
		}
	}
	if len(want) == 0 {
		return nil
	}
	logs, remarks, err := r.Manager.Changelogs(ctx, r.node.Inventory.OS, want, installed(r.node.Inventory))
	if err != nil {
		return err
	}
	for _, text := range remarks {
		r.find("%s", text)
	}
	for i, p := range r.node.Available.Packages {
		if log := logs[p.SHA256]; log != nil && p.Changelog == nil {
			r.node.Available.Packages[i].Changelog = log
		}
	}
	return nil
}

// undelayed is b without its approval delays, and whether it had any.
func undelayed(b *baseline.Baseline) (*baseline.Baseline, bool) {
	if b.ApprovalRules == nil {
		return b, false
	}
	eager, rules, delays := *b, *b.ApprovalRules, false
	rules.PatchRules = append([]baseline.PatchRule(nil), rules.PatchRules...)
	for i := range rules.PatchRules {
		rule := &rules.PatchRules[i]
		delays = delays || rule.ApproveUntilDate != "" || rule.ApproveAfterDays != nil && *rule.ApproveAfterDays > 0
		rule.ApproveAfterDays, rule.ApproveUntilDate = nil, ""
	}
	eager.ApprovalRules = &rules
	return &eager, delays
}
