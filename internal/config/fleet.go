package config

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Place is an account's Region. An empty Account is the session's own.
type Place struct {
	Account string // id
	Region  string
}

// Places are where the fleet's groups are looked for; none: the session's account and
// Region.
func (f *Fleet) Places() []Place {
	var out []Place
	if len(f.Accounts) == 0 {
		for _, r := range f.Regions {
			out = append(out, Place{Region: r})
		}
		return out
	}
	for _, a := range f.Accounts {
		for _, r := range a.Regions {
			if len(f.Regions) == 0 || slices.Contains(f.Regions, r) {
				out = append(out, Place{a.ID, r})
			}
		}
	}
	return out
}

// places reads where a fleet is.
func (r *resolver) places(s *fleetSchema, f *Fleet) {
	var labels []string
	for _, a := range r.cfg.Accounts {
		labels = append(labels, a.Label)
	}
	f.Regions = s.Regions
	r.regions(s.Range, s.Regions)
	for n, label := range s.Accounts {
		a, ok := r.cfg.AccountNamed(label)
		switch {
		case !ok:
			r.fault(s.Range, "Unknown account", "fleet %q is in account %q, and there is no account block of that name.%s", s.Label, label, nearest(label, labels))
		case slices.Contains(s.Accounts[:n], label):
			r.fault(s.Range, "Account twice", "accounts of fleet %q names %q twice.", s.Label, label)
		case len(s.Regions) > 0 && !slices.ContainsFunc(a.Regions, func(x string) bool { return slices.Contains(s.Regions, x) }):
			r.fault(s.Range, "Account without a Region", "None of the regions of fleet %q is one of account %q (%s).", s.Label, label, strings.Join(a.Regions, ", "))
		default:
			f.Accounts = append(f.Accounts, a)
		}
	}
	for _, region := range s.Regions {
		if len(f.Accounts) > 0 && !slices.ContainsFunc(f.Accounts, func(a *Account) bool { return slices.Contains(a.Regions, region) }) {
			r.fault(s.Range, "Region without an account", "regions of fleet %q names %q, in which none of its accounts is.", s.Label, region)
		}
	}
}

// selectors are the ways in which a fleet names its groups; exactly one is wanted.
func (s *fleetSchema) selectors() int {
	n := 0
	for _, given := range []bool{len(s.ASGTags) > 0, len(s.ASGNames) > 0, s.ASGTemplate != ""} {
		if given {
			n++
		}
	}
	return n
}

// exceptions reads what becomes of instances that a refresh would wait for.
func (r *resolver) exceptions(at hcl.Range, s *refreshSchema, f *Refresh) {
	f.Protected, f.Standby, f.AllowOutage = s.Protected, s.Standby, s.AllowOutage
	if s.Protected != "" {
		r.oneOf(at, "protected", s.Protected, "Refresh", "Ignore", "Wait")
	}
	if s.Standby != "" {
		r.oneOf(at, "standby", s.Standby, "Terminate", "Ignore", "Wait")
	}
}
