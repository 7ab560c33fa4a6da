package wua

import (
	"slices"
)

// Identity names one revision of one update, as the agent does.
type Identity struct {
	ID       string // UpdateID, lower case
	Revision int
}

// Choose gives the updates that installing kbs means: of each KB what is offered, not
// installed and not superseded. Each comes once, with the KBs it is wanted for. Those
// that cannot be installed unattended, and those that also carry a rejected KB, are left
// out, and why says for each KB the reason.
func (a *Answer) Choose(kbs, rejected []string) (chosen []Identity, of map[Identity][]string, why map[string]string) {
	of, why = map[Identity][]string{}, map[string]string{}
	for _, kb := range kbs {
		at := slices.IndexFunc(a.kbs, func(k knowledge) bool { return k.kb == kb })
		if at < 0 || len(a.kbs[at].open) == 0 {
			why[kb] = "the Windows Update Agent does not offer it"
			continue
		}
		for _, i := range a.kbs[at].open {
			u := a.Updates[i]
			if reason := u.unfit(rejected); reason != "" {
				why[kb] = reason
				continue
			}
			id := Identity{u.ID, u.Revision}
			if of[id] == nil {
				chosen = append(chosen, id)
			}
			of[id] = append(of[id], kb)
		}
	}
	return chosen, of, why
}

// unfit says why an update is not to be installed, empty if nothing speaks against it.
func (u *update) unfit(rejected []string) string {
	for _, kb := range u.KBs {
		if slices.Contains(rejected, kb) {
			return "its update also carries " + kb + ", which the baseline rejects"
		}
	}
	switch {
	case !u.EulaAccepted:
		return "its licence terms have not been accepted on this machine"
	case u.MayAsk:
		return "its installation may ask for input"
	}
	return ""
}
