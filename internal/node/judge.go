package node

import (
	"fmt"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
)

// judge scans again and ends an Install: what was to be installed and still is
// older is Failed (§7). With a lock that was given, what the baseline of today wants
// beyond it stays Missing, as with an override list.
func (r *run) judge(lock *baseline.Lock, made bool) error {
	if r.base != nil {
		after := baseline.Node{Inventory: *r.report.After, Available: r.node.Available}
		result, err := baseline.Evaluate(r.base, after, r.now, r.req.Options)
		if err != nil {
			return fmt.Errorf("evaluate baseline %s after the installation: %w", r.base.Name, err)
		}
		r.report.Evaluation = failMissing(result, func(i baseline.Item) bool {
			return made || behind(lock, i)
		})
	}
	if n := len(r.report.FailedItems); n > 0 {
		return fault.New(fault.Partial, "a package on hold is released with apt-mark unhold",
			"install: %d packages of the lock were not installed, the first is %s", n, r.report.FailedItems[0])
	}
	return nil
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

// failMissing turns those Missing items into Failed that should have been installed.
func failMissing(result *baseline.Result, should func(baseline.Item) bool) *baseline.Result {
	out := *result
	out.Items = append([]baseline.Item(nil), result.Items...)
	for i := range out.Items {
		item := &out.Items[i]
		if item.State != baseline.StateMissing || !should(*item) {
			continue
		}
		item.State = baseline.StateFailed
		out.Counts.MissingCount--
		out.Counts.FailedCount++
	}
	return &out
}
