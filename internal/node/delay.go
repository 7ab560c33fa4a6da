package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
)

// readDates reads the changelogs that a delay needs: on Debian and Ubuntu nothing
// else states a version's date. Read are only those of packages that would be
// missing without the delay and are not missing, at that version, with it.
func (r *run) readDates(ctx context.Context) error {
	if !r.datesFromChangelogs() || r.Manager == nil {
		return nil
	}
	eager, delays := undelayed(r.base)
	if !delays {
		return nil
	}
	options := r.req.Options
	options.AptApprovalDelay = false
	missing, err := r.missing(eager, r.node, options)
	if err != nil {
		return err
	}
	// A first sight alone would pass for the date, although the changelog's may be later.
	undated := r.node
	undated.Available.Packages = slices.Clone(undated.Available.Packages)
	for i := range undated.Available.Packages {
		if p := &undated.Available.Packages[i]; p.Changelog == nil {
			p.FirstSeen = time.Time{}
		}
	}
	settled, err := r.missing(r.base, undated, r.req.Options)
	if err != nil {
		return err
	}
	have := installed(r.node.Inventory)
	var offers []baseline.AvailablePackage
	for _, p := range r.node.Available.Packages {
		key := p.Name + "." + p.Arch
		if missing[key] != "" && missing[key] != settled[key] && baseline.CompareVersions(r.node.Inventory.OS, apply.Version(p.Package), have[key]) > 0 {
			offers = append(offers, p)
		}
	}
	return r.changelogs(ctx, offers)
}

// missing gives the target version of every Missing package by "name.arch".
func (r *run) missing(b *baseline.Baseline, n baseline.Node, o baseline.Options) (map[string]string, error) {
	result, err := baseline.Evaluate(b, n, r.now, o)
	if err != nil {
		return nil, fmt.Errorf("evaluate baseline %s: %w", b.Name, err)
	}
	targets := map[string]string{}
	for _, item := range result.Items {
		if item.State == baseline.StateMissing {
			targets[item.Name+"."+item.Arch] = item.Version
		}
	}
	return targets, nil
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
	r.Say("read the changelogs of %d packages", len(want))
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
