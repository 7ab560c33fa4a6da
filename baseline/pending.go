package baseline

import (
	"slices"
	"time"
)

// Prior is what earlier runs left in the state file (§7.1).
type Prior struct {
	// Pending are ids (name.arch) or titles that wait for a reboot.
	Pending             []string  `json:"pendingReboot"`
	LastNoRebootInstall time.Time `json:"lastNoRebootInstall,omitzero"`
	LastBoot            time.Time `json:"lastBoot,omitzero"`
}

// waits says whether what the record names still waits for its reboot.
func (s *Prior) waits(id, title string) bool {
	return s != nil && s.LastBoot.Before(s.LastNoRebootInstall) &&
		(slices.Contains(s.Pending, id) || slices.Contains(s.Pending, title))
}

// markPending applies §7.1. changed says whether the run changed an item's
// package; nil on a Scan.
func (p *pass) markPending(out *Result, r Run, changed func(*Item) bool) {
	reboots := r.Operation == OperationInstall && r.RebootOption != NoReboot
	prior := r.Prior
	boot := p.inventory.BootTime
	if prior != nil && prior.LastBoot.After(boot) {
		boot = prior.LastBoot
	}
	touched := false
	for i := range out.Items {
		it := &out.Items[i]
		if !pendable(it.State) || reboots {
			continue // a run that ends in our own reboot leaves nothing pending
		}
		since := p.compiled.opts.Switches.PendingReboot == PendingSinceBoot && // AMB-14
			!boot.IsZero() && it.InstalledTime.After(boot)
		if !since && !prior.waits(it.ID, it.Title) && (changed == nil || !changed(it)) {
			continue
		}
		p.setPending(it)
		out.RebootPending = append(out.RebootPending, it.ID)
		touched = true
	}
	if touched {
		out.recount(p.compiled.availableFails())
	}
}

// setPending keeps an item's compliance level; its classification is the
// installed version's (§7.2).
func (p *pass) setPending(it *Item) {
	it.State = StateInstalledPendingReboot
	if p.family == windows {
		return
	}
	k := p.key(&Package{Name: it.Name, Arch: it.Arch})
	if inst := p.lookup(k); inst != nil {
		it.Classification, it.Severity = p.classifyInstalled(inst, p.groupOf(k))
	}
}
