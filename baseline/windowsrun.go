package baseline

import (
	"slices"
	"strings"
	"time"
)

// installWindows is an Install on Windows: an override list narrows what the
// baseline approves (§6.5) and never widens it.
func (cat *Catalog) installWindows(inv Inventory, r Run, now time.Time) (*Result, error) {
	before, err := cat.pass(inv, now)
	if err != nil {
		return nil, err
	}
	plan := before.scan()
	listed := func(kb string) bool {
		return r.Override == nil || slices.ContainsFunc(r.Override.Patches, func(o OverridePatch) bool {
			return strings.EqualFold(o.ID, kb)
		})
	}
	toInstall := slices.DeleteFunc(plan.ToInstall, func(kb string) bool { return !listed(kb) })

	changed := func(it *Item) bool {
		return slices.ContainsFunc(r.InstalledByRun, func(kb string) bool { return strings.EqualFold(kb, it.ID) })
	}
	after := *cat
	after.updates = slices.Clone(cat.updates)
	for i := range after.updates {
		u := &after.updates[i]
		if changed(&Item{ID: u.KB}) {
			u.Installed, u.InstalledTime = true, now.UTC()
		}
	}
	p, err := after.pass(inv, now)
	if err != nil {
		return nil, err
	}
	out := p.scan()
	out.ToInstall, out.DeploymentStatus = toInstall, plan.DeploymentStatus
	for i := range out.Items {
		if it := &out.Items[i]; it.State == StateMissing && listed(it.ID) {
			it.State = StateFailed
		}
	}
	p.markPending(out, r, changed)
	out.recount(cat.compiled.availableFails())
	return out, nil
}
