package node

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory"
	"github.com/goldenami/rehydrate/internal/record"
)

// Memory keeps what waits for a reboot between runs (specification §7.1).
type Memory interface {
	Load() (*baseline.Prior, error) // nil: nothing is kept
	Save(*baseline.Prior) error
}

// scan judges the root as it is.
func (r *run) scan() error {
	if id := inventory.Untrusted(r.node); id != "" && r.req.NoRefresh { // refreshing, apt itself refuses
		return fault.New(fault.Failed, "update the package lists with the publisher's key in place, or ask without noRefresh", "evaluate baseline %s: source %s: its index is not verified, and the source is not marked as trusted", r.base.Name, id)
	}
	prior, err := r.prior()
	if err != nil {
		return err
	}
	result, err := baseline.EvaluateRun(r.base, r.node, baseline.Run{Operation: baseline.OperationScan, Prior: prior}, r.now, r.req.Options)
	if err != nil {
		return fmt.Errorf("evaluate baseline %s: %w", r.base.Name, err)
	}
	r.report.Before0, r.report.Evaluation = result, result
	r.Say("%d packages installed, %d missing", len(r.node.Inventory.Installed), result.Counts.MissingCount)
	return nil
}

func (r *run) prior() (*baseline.Prior, error) {
	if r.Memory == nil {
		return nil, nil
	}
	prior, err := r.Memory.Load()
	if err != nil {
		return nil, fmt.Errorf("read what waits for a reboot: %w", err)
	}
	if boot := r.node.Inventory.BootTime; prior != nil && boot.After(prior.LastBoot) {
		prior.LastBoot = boot // a file does not see the restart
	}
	return prior, nil
}

// judge scans again and ends an Install: what was to be installed and still is
// older is Failed (specification §7). With a lock that was given, what the baseline of today wants
// beyond it stays Missing, as with an override list.
func (r *run) judge(lock *baseline.Lock, made bool) error {
	if r.base != nil {
		if err := r.rescan(lock, made); err != nil {
			return err
		}
	}
	if len(r.unmet) > 0 {
		return fault.New(fault.Partial, "a package on hold is released with apt-mark unhold, dnf versionlock delete or zypper removelock",
			"install: packages of the lock were not installed: %s", strings.Join(r.unmet, ", "))
	}
	return nil
}

func (r *run) rescan(lock *baseline.Lock, made bool) error {
	prior, err := r.prior()
	if err != nil {
		return err
	}
	outcome := baseline.Run{
		Operation: baseline.OperationInstall, RebootOption: baseline.RebootOption(r.req.RebootOption),
		PostInstall: r.report.After.Installed, Prior: prior,
	}
	if !made {
		outcome.Override = &baseline.InstallOverrideList{}
	}
	result, err := baseline.EvaluateRun(r.base, r.node, outcome, r.now, r.req.Options)
	if err != nil {
		return fmt.Errorf("evaluate baseline %s after the installation: %w", r.base.Name, err)
	}
	if !made {
		failBehind(result, lock)
	}
	for i := range result.Items {
		if item := &result.Items[i]; item.State == baseline.StateFailed && slices.Contains(r.report.FailedItems, item.ID) && item.Reason == "" {
			item.Reason = r.why[item.ID]
		}
	}
	return r.conclude(result, prior)
}

// conclude reports result as what an Install came to, and keeps what waits for a restart.
func (r *run) conclude(result *baseline.Result, prior *baseline.Prior) error {
	r.report.Evaluation = result
	r.report.RebootAsked = r.req.RebootOption == string(baseline.RebootIfNeeded) && (len(r.report.Changes) > 0 || r.waiting(prior))
	if r.Memory == nil || len(r.report.Changes) == 0 || baseline.RebootOption(r.req.RebootOption) != baseline.NoReboot {
		return nil
	}
	next := &baseline.Prior{Pending: result.RebootPending, LastNoRebootInstall: r.Clock.Now().UTC()}
	if err := r.Memory.Save(next); err != nil {
		return fmt.Errorf("keep what waits for a reboot: %w", err)
	}
	return nil
}

// waiting says that an installation since the last boot was not followed by a restart.
func (r *run) waiting(prior *baseline.Prior) bool {
	return prior != nil && !prior.LastNoRebootInstall.IsZero() && prior.LastNoRebootInstall.After(r.node.Inventory.BootTime)
}

// failBehind turns those Missing items into Failed that the lock holds newer.
func failBehind(result *baseline.Result, lock *baseline.Lock) {
	for i := range result.Items {
		item := &result.Items[i]
		if item.State != baseline.StateMissing || !behind(lock, *item) {
			continue
		}
		item.State = baseline.StateFailed
		result.Counts.MissingCount--
		result.Counts.FailedCount++
	}
}

// behind reports whether the lock holds a newer version than the item has.
func behind(lock *baseline.Lock, i baseline.Item) bool {
	for _, p := range lock.Packages {
		if p.Name == i.Name && p.Arch == i.Arch {
			return baseline.CompareVersions(lock.OS, baseline.FullVersion(lock.OS, p.Package), i.Installed) > 0
		}
	}
	return false
}

// fail remarks that p of the lock was not installed, and why: the run did not do
// all that it was to do.
func (r *run) fail(p baseline.LockedPackage, why string) {
	r.leave(p.Package, p.From, why)
	r.unmet = append(r.unmet, p.Name+"."+p.Arch)
}

// leave remarks that p was approved and not installed. Where the lock itself leaves
// it out (on hold, or pulling in what is blocked) that is a result, not a failure of
// the run: the state is Failed, and the gate judges it.
func (r *run) leave(p baseline.Package, from, why string) {
	id := p.Name + "." + p.Arch
	r.why[id] = why
	r.report.FailedItems = append(r.report.FailedItems, id)
	r.find("not installed: %s: %s", apply.Say(record.Change{Name: p.Name, Arch: p.Arch, From: from, To: apply.Version(p)}), why)
}
