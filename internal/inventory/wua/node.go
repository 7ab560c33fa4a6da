package wua

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
)

// workstation is Win32_OperatingSystem's ProductType of a client.
const workstation = 1

// maxEntries bounds the catalogue: an update counts once for each of its KBs,
// products and bulletins.
const maxEntries = 200_000

// Node gives the machine as the evaluation wants it, and remarks for people. A machine
// that is none of Patch Manager's, and one on which nothing is installed, are errors.
func (a *Answer) Node() (baseline.Node, []string, error) {
	var n baseline.Node
	inv, err := a.inventory()
	if err != nil {
		return n, nil, err
	}
	n.Inventory = inv
	times, old := a.installedTimes(), a.superseded()
	for _, k := range a.kbs {
		for _, i := range k.members {
			n.Available.Updates = append(n.Available.Updates, a.entries(k, i, old[k.kb], times)...)
			if len(n.Available.Updates) > maxEntries {
				return baseline.Node{}, nil, fmt.Errorf("read the Windows Update Agent's answer: more than %d entries", maxEntries)
			}
		}
	}
	return n, a.remarks(), nil
}

func (a *Answer) inventory() (baseline.Inventory, error) {
	m := a.Machine
	what := word("build", m.Build)
	switch {
	case m.ProductType == workstation:
		return baseline.Inventory{}, fault.New(fault.Unsupported, "", "identify machine: %.80s is a Windows client, only Windows Server is supported", m.Caption)
	case what == "":
		return baseline.Inventory{}, fault.New(fault.Unsupported, "supported systems are listed in docs; an unknown system is never judged",
			"identify machine: no product for %.80q, build %.20q", m.Caption, m.Build)
	case m.Arch == "":
		return baseline.Inventory{}, fault.New(fault.Failed, "", "identify machine: its architecture is unknown")
	}
	inv := baseline.Inventory{
		OS: baseline.Windows, Product: what, Arch: strings.ToLower(m.Arch),
		Kernel: fmt.Sprintf("%s.%d", m.Version, m.BuildRevision), BootTime: a.boot,
	}
	times := a.installedTimes()
	for _, k := range a.kbs {
		for _, i := range k.members {
			if a.present(i) {
				u := a.Updates[i]
				inv.Installed = append(inv.Installed, baseline.Installed{
					Package:       baseline.Package{Name: k.kb, Version: fmt.Sprintf("%s/%d", u.ID, u.Revision)},
					InstalledTime: times[u.ID],
				})
			}
		}
	}
	if len(inv.Installed) == 0 {
		return baseline.Inventory{}, fault.New(fault.Failed, "is the Windows Update service running, and has the machine ever been updated?",
			"read inventory: the Windows Update Agent knows of no installed update")
	}
	return inv, nil
}

// installedTimes are the last successful installations, by UpdateID.
func (a *Answer) installedTimes() map[string]time.Time {
	times := map[string]time.Time{}
	for _, e := range a.History {
		id := strings.ToLower(e.ID)
		if t, err := moment(e.Date); err == nil && e.Operation == installation && e.Result == succeeded && t.After(times[id]) {
			times[id] = t
		}
	}
	return times
}

// superseded lists for every KB those that it supersedes: of which nothing is left.
func (a *Answer) superseded() map[string][]string {
	old := map[string][]string{}
	for _, k := range a.kbs {
		for _, by := range k.over {
			if by != k.kb {
				old[by] = append(old[by], k.kb)
			}
		}
	}
	return old
}

// entries are one update under one of its KBs: an entry for each product and bulletin,
// which the evaluation takes for revisions of the KB, any of which may approve it.
func (a *Answer) entries(k knowledge, i int, supersedes []string, times map[string]time.Time) []baseline.Update {
	u := a.Updates[i]
	e := baseline.Update{
		KB: k.kb, Title: u.Title, Classification: u.classification(), MSRCSeverity: u.Severity,
		ReleaseDate: a.changed[i], Supersedes: supersedes, BundledKBs: distinct(u.BundledKBs), CVEs: distinct(u.CVEs),
		// Until all of it is there, a KB is not installed.
		Installed: a.present(i) && len(k.open) == 0,
	}
	if e.Installed {
		e.InstalledTime = times[u.ID]
	}
	if len(k.members) == 1 {
		e.Revision = u.Revision // those of different updates do not compare: the dates do
	}
	var list []baseline.Update
	for _, p := range u.products() {
		e.Product, e.ProductFamily, e.PatchSet = p.product, p.family, p.set
		for _, b := range bulletins(u) {
			e.Bulletin = b
			list = append(list, e)
		}
	}
	return list
}

func bulletins(u update) []string {
	if len(u.Bulletins) == 0 {
		return []string{""}
	}
	return distinct(u.Bulletins)
}

// RebootRequired says that the machine has to restart to complete an installation.
func (a *Answer) RebootRequired() bool {
	return a.Machine.RebootRequired || len(a.Waiting()) > 0
}

// BootTime is when the machine was started.
func (a *Answer) BootTime() time.Time { return a.boot }

// Waiting are the KBs whose installation or removal is complete after a restart only.
func (a *Answer) Waiting() []string {
	var list []string
	for _, k := range a.kbs {
		if slices.ContainsFunc(k.members, func(i int) bool { return a.Updates[i].RebootRequired }) {
			list = append(list, k.kb)
		}
	}
	return list
}

// microsoftUpdate is the service that offers updates of other Microsoft products.
const microsoftUpdate = "7971f918-a847-4430-9279-4a52d1efe18d"

// servers are the values of ServerSelection.
var servers = []string{"the machine's default server", "a managed server (WSUS)", "Windows Update", "another service"}

func (a *Answer) remarks() []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if !a.Online {
		say("the Windows Update Agent answered from memory: updates published since its last search are unknown")
	}
	if a.Server >= 0 && a.Server < len(servers) {
		say("updates are those of %s; what a managed server does not approve is not offered", servers[a.Server])
	}
	if !slices.ContainsFunc(a.Services, func(s service) bool { return strings.EqualFold(s.ID, microsoftUpdate) || s.Managed }) {
		say("updates of other Microsoft products are not offered to this machine")
	}
	for _, w := range a.Warnings {
		say("the agent warns: %s (%s)", strings.TrimSpace(w.Message), hex(w.HResult))
	}
	if a.HistoryError != "" {
		say("installation times are unknown: %s", strings.TrimSpace(a.HistoryError))
	}
	without := 0
	for i, u := range a.Updates {
		switch {
		case len(u.KBs) == 0:
			without++
		case a.present(i):
		case u.classification() == "":
			say("%s states no classification", name(u))
		case a.changed[i].IsZero():
			say("%s states no date: it counts as published in 1970", name(u))
		case u.Hidden:
			say("%s is hidden on this machine; it counts as offered", name(u))
		}
	}
	if without > 0 {
		say("%d updates have no KB id and are not judged, as in Patch Manager", without)
	}
	for _, k := range a.kbs {
		if len(k.open) > 0 && len(k.open) < len(k.members) && slices.ContainsFunc(k.members, a.present) {
			say("%s is several updates, of which %d are not installed: it counts as not installed", k.kb, len(k.open))
		}
	}
	return list
}

func name(u update) string {
	return fmt.Sprintf("update %s (%.120s)", strings.Join(u.KBs, ", "), cmp.Or(u.Title, u.ID))
}
