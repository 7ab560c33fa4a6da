package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
)

// Updater is a Manager of a system whose updates are not packages: Windows.
type Updater interface {
	// InstallUpdates installs the updates of the given KBs as the last Collect saw them,
	// and none that also carries a rejected KB. It says why a KB was not installed;
	// an error means that of those not named nothing is known.
	InstallUpdates(ctx context.Context, kbs, rejected []string) (why map[string]string, err error)
}

// refuseLock is why no lock is applied on Windows.
func refuseLock() error {
	return fault.New(fault.Unsupported, "patch Windows by its baseline, without a lock",
		"apply lock: updates of Windows carry no file digests, so a package lock cannot name them")
}

// installUpdates installs what the baseline approves on a system without packages, and
// judges it again. What counts is what a new look finds, not what the agent promised.
func (r *run) installUpdates(ctx context.Context) error {
	if r.req.Lock != nil {
		return refuseLock()
	}
	agent, ok := r.Manager.(Updater)
	if !ok {
		return fault.New(fault.Unsupported, "", "install updates: this system has no update agent to work with")
	}
	plan := r.report.Before0
	if len(plan.ToInstall) == 0 {
		r.Say("nothing to install")
		inv := r.node.Inventory
		r.report.After = &inv
		return r.judgeUpdates(r.node, plan)
	}
	for _, kb := range plan.ToInstall {
		r.Say("install %s", kb)
	}
	why, failed := agent.InstallUpdates(ctx, plan.ToInstall, rejectedKBs(plan))
	// Whatever happened, say what is installed now.
	after, _, err := r.Inventory.Collect(context.WithoutCancel(ctx), nil)
	if err != nil {
		return errors.Join(failed, fmt.Errorf("look for updates after the installation: %w", err))
	}
	r.report.After = &after.Inventory
	r.report.Changes = apply.Diff(r.node.Inventory.Installed, after.Inventory.Installed)
	need, err := r.Manager.RebootNeeded()
	r.report.RebootNeed = need
	failed = errors.Join(failed, err)
	for _, kb := range plan.ToInstall {
		if !there(after, kb) {
			r.leaveUpdate(kb, why[kb])
		}
	}
	return r.afterUpdates(failed, after, plan)
}

// afterUpdates judges the machine and says what failed.
func (r *run) afterUpdates(failed error, after baseline.Node, plan *baseline.Result) error {
	judged := r.judgeUpdates(after, plan)
	if failed != nil {
		return fault.As(errors.Join(failed, judged), fault.KindOf(failed), fault.HintOf(failed))
	}
	return judged
}

func (r *run) leaveUpdate(kb, why string) {
	if why == "" {
		why = "a new search does not find it installed"
	}
	r.why[kb] = why
	r.unmet = append(r.unmet, kb)
	r.report.FailedItems = append(r.report.FailedItems, kb)
	r.find("not installed: %s: %s", kb, why)
}

// judgeUpdates ends an Install: the states come from the second look.
func (r *run) judgeUpdates(after baseline.Node, plan *baseline.Result) error {
	prior, err := r.prior()
	if err != nil {
		return err
	}
	wanted := &baseline.InstallOverrideList{Patches: []baseline.OverridePatch{}}
	var installed []string
	for _, kb := range plan.ToInstall {
		wanted.Patches = append(wanted.Patches, baseline.OverridePatch{ID: kb})
		if there(after, kb) {
			installed = append(installed, kb)
		}
	}
	result, err := baseline.EvaluateRun(r.base, after, baseline.Run{
		Operation: baseline.OperationInstall, RebootOption: baseline.RebootOption(r.req.RebootOption),
		InstalledByRun: installed, Override: wanted, Prior: prior,
	}, r.now, r.req.Options)
	if err != nil {
		return fmt.Errorf("evaluate baseline %s after the installation: %w", r.base.Name, err)
	}
	result.ToInstall = plan.ToInstall
	for i := range result.Items {
		if item := &result.Items[i]; item.State == baseline.StateFailed && item.Reason == "" {
			item.Reason = r.why[item.ID]
		}
	}
	if err := r.conclude(result, prior); err != nil {
		return err
	}
	if len(r.unmet) > 0 {
		return fault.New(fault.Partial, "the findings of the report say why", "install: updates were not installed: %s", strings.Join(r.unmet, ", "))
	}
	return nil
}

// there says whether a KB is wholly installed on n, or will be after a restart.
func there(n baseline.Node, kb string) bool {
	return slices.ContainsFunc(n.Available.Updates, func(u baseline.Update) bool {
		return strings.EqualFold(u.KB, kb) && u.Installed
	})
}

func rejectedKBs(plan *baseline.Result) []string {
	var list []string
	for kb, status := range plan.DeploymentStatus {
		if status == baseline.DeploymentExplicitRejected {
			list = append(list, kb)
		}
	}
	slices.Sort(list)
	return list
}
