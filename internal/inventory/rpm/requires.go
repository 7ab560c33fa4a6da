package rpm

import (
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/rpmdb"
	"github.com/goldenami/rehydrate/internal/inventory/rpmmd"
)

// require fills in what updates would pull in: for each requirement that nothing
// installed meets, the newest package that does. A requirement that packages of
// several names meet is left out, because only the package manager decides; so are
// files and conditions, which the metadata read here cannot settle. It serves the rule
// on rejected dependencies (specification §3.1) and decides nothing else.
func (o *offers) require(db rpmdb.Database, states []state, list []baseline.AvailablePackage) error {
	needs := map[baseline.Package][]rpmmd.Capability{}
	for _, st := range states {
		for _, p := range st.selection.Packages {
			if len(p.Requires) > 0 {
				needs[p.Package] = p.Requires
			}
		}
	}
	installed := map[string][]rpmmd.Capability{}
	unmet := map[string]bool{}
	open := make([][]rpmmd.Capability, len(list))
	for i, p := range list {
		if len(needs[p.Package]) == 0 || !o.update(p.Package) {
			continue
		}
		if len(installed) == 0 {
			for _, have := range db.Packages {
				for _, c := range have.Provides() {
					installed[c.Name] = append(installed[c.Name], rpmmd.Capability(c))
				}
			}
		}
		for _, c := range needs[p.Package] {
			if !settled(c.Name) && !o.met(c, installed[c.Name]) {
				unmet[c.Name] = true
				open[i] = append(open[i], c)
			}
		}
	}
	if len(unmet) == 0 {
		return nil
	}
	found, err := o.providers(states, unmet)
	if err != nil {
		return err
	}
	for i, caps := range open {
		for _, c := range caps {
			if p, ok := o.only(c, found[c.Name], list[i].Package); ok {
				list[i].Requires = append(list[i].Requires, p)
			}
		}
	}
	return nil
}

// update reports whether p is newer than what is installed of its name and
// architecture.
func (o *offers) update(p baseline.Package) bool {
	ok := false
	for _, h := range o.have[p.Name] {
		if h.Arch != p.Arch {
			continue
		}
		if baseline.CompareVersions(o.system, evr(p), evr(h.Package)) <= 0 {
			return false
		}
		ok = true
	}
	return ok
}

// settled reports whether a requirement is none of packages: rpm's own features,
// files and conditions.
func settled(name string) bool {
	return name == "" || name[0] == '/' || name[0] == '(' || strings.HasPrefix(name, "rpmlib(")
}

// met reports whether one of the provisions meets the requirement c.
func (o *offers) met(c rpmmd.Capability, provided []rpmmd.Capability) bool {
	for _, p := range provided {
		if o.overlap(c, p) {
			return true
		}
	}
	return false
}

// overlap reports whether a version can be both what c asks for and what p gives. As
// for rpm, a side without a version is any version.
func (o *offers) overlap(c, p rpmmd.Capability) bool {
	if c.Relation == "" || p.Relation == "" {
		return true
	}
	cv, pv := c.Version, p.Version
	if !strings.Contains(cv, "-") || !strings.Contains(pv, "-") {
		cv, _, _ = strings.Cut(cv, "-")
		pv, _, _ = strings.Cut(pv, "-")
	}
	d := baseline.CompareVersions(o.system, pv, cv)
	switch {
	case d == 0:
		return strings.Contains(c.Relation, "=") && strings.Contains(p.Relation, "=") || c.Relation[0] == p.Relation[0] && c.Relation[0] != '='
	case d > 0: // what is provided lies above
		return c.Relation[0] == '>' || p.Relation[0] == '<'
	}
	return c.Relation[0] == '<' || p.Relation[0] == '>'
}

// providers are the packages of all repositories that provide one of the
// capabilities, by capability.
func (o *offers) providers(states []state, capabilities map[string]bool) (map[string][]rpmmd.Package, error) {
	lists := make([][]rpmmd.Package, len(states))
	var group errgroup.Group
	for i := range states {
		group.Go(func() (err error) {
			lists[i], err = states[i].providers(capabilities)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	out := map[string][]rpmmd.Package{}
	for i, list := range lists {
		for _, p := range list {
			stream := o.modular[nevra(p.Package)]
			if !o.fits(p.Arch) || (stream != "" && !o.on(stream) && !states[i].repo.hotfixes) {
				continue
			}
			for _, c := range p.Provides {
				if n := len(out[c.Name]); n == 0 || out[c.Name][n-1].Package != p.Package {
					out[c.Name] = append(out[c.Name], p)
				}
			}
		}
	}
	return out, nil
}

// only is the newest package that meets c, if all that do have one name. Its
// architecture is that of the package that asks, or noarch.
func (o *offers) only(c rpmmd.Capability, list []rpmmd.Package, asks baseline.Package) (baseline.Package, bool) {
	var best baseline.Package
	for _, p := range list {
		own := p.Provides[:0:0]
		for _, given := range p.Provides {
			if given.Name == c.Name {
				own = append(own, given)
			}
		}
		if !o.met(c, own) || (p.Arch != asks.Arch && p.Arch != "noarch" && asks.Arch != "noarch") {
			continue
		}
		if p.Name == asks.Name || (best.Name != "" && best.Name != p.Name) {
			return baseline.Package{}, false
		}
		if best.Name == "" || baseline.CompareVersions(o.system, evr(p.Package), evr(best)) > 0 {
			best = p.Package
		}
	}
	return best, best.Name != ""
}
