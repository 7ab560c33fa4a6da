package modelled

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/node"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/backing"
)

// Patch implements backing.Patcher: what rehydrate-node does on a root, on data. The
// report is marked Modelled and says what stood in for what. After an error it holds
// what was found until then.
func (d *Modelled) Patch(ctx context.Context, id string, q record.NodeRequest) (record.NodeReport, error) {
	var report record.NodeReport
	err := d.with(id, func(m *machine) error {
		a := &agent{m: m, d: d}
		r, err := node.Run(ctx, node.Root{
			Name: id, Inventory: a, Manager: a, Memory: m, Clock: d.o.Clock, Modelled: true,
		}, q)
		report = *r
		report.Findings = append(slices.Clone(report.Findings), a.remarks...)
		if len(report.Changes) == 0 {
			return err
		}
		if saved := m.save(); saved != nil {
			return saved
		}
		return err
	})
	if err != nil {
		return report, fmt.Errorf("patch machine %s: %w", id, err)
	}
	return report, nil
}

// agent is a modelled machine's inventory and package manager.
type agent struct {
	m       *machine
	d       *Modelled
	offers  baseline.Available
	remarks []string
}

var (
	_ node.Inventory = (*agent)(nil)
	_ node.Manager   = (*agent)(nil)
)

// Installed implements node.Inventory.
func (a *agent) Installed(context.Context) (baseline.Inventory, error) { return a.m.inventory(), nil }

// Collect implements node.Inventory.
func (a *agent) Collect(_ context.Context, names []string) (baseline.Node, []string, error) {
	if err := a.read(); err != nil {
		return baseline.Node{}, nil, err
	}
	n := baseline.Node{Inventory: a.m.inventory(), Available: baseline.Available{Repositories: a.offers.Repositories}}
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	for _, p := range n.Inventory.Installed {
		wanted[p.Name] = true
	}
	for _, p := range a.offers.Packages {
		if wanted[p.Name] && a.fits(p.Arch) {
			n.Available.Packages = append(n.Available.Packages, p)
		}
	}
	return n, []string{"modelled: package data stood in for a root"}, nil
}

// fits says whether packages of an architecture can be installed here.
func (a *agent) fits(arch string) bool {
	return arch == a.m.state.Image.Arch || arch == "all" || arch == "noarch"
}

func (a *agent) read() error {
	offers, err := a.d.o.Repository(a.m.state.Image.Repository)
	if err != nil {
		return fmt.Errorf("read repository %q: %w", a.m.state.Image.Repository, err)
	}
	a.offers = offers
	return nil
}

// Refresh implements node.Manager.
func (a *agent) Refresh(context.Context) error { return a.read() }

// Simulate implements node.Manager: what is required and not here comes from the
// newest offers.
func (a *agent) Simulate(_ context.Context, packages []baseline.LockedPackage) (apply.Simulation, error) {
	return a.simulate(packages, a.best)
}

// simulate says that the packages come, and what they require, by name, that is
// neither installed nor among them; pick chooses the package of a name.
func (a *agent) simulate(packages []baseline.LockedPackage, pick func(name string) (baseline.Package, bool)) (apply.Simulation, error) {
	var s apply.Simulation
	have := map[string]string{}
	for _, p := range a.m.state.Image.Installed {
		have[p.Name+"."+p.Arch] = p.Version
	}
	coming := map[string]bool{}
	add := func(p baseline.Package) {
		key := p.Name + "." + p.Arch
		if !coming[key] && have[key] != p.Version {
			coming[key] = true
			s.Install = append(s.Install, record.Change{Name: p.Name, Arch: p.Arch, From: have[key], To: p.Version})
		}
	}
	for _, p := range packages {
		add(p.Package)
	}
	for i := 0; i < len(s.Install); i++ {
		c := s.Install[i]
		for _, r := range a.required(c) {
			if a.known(r.Name, have, coming) {
				continue
			}
			p, ok := pick(r.Name)
			if !ok {
				return s, fault.New(fault.Failed, "", "simulate: %s %s requires %s, which nothing offers", c.Name, c.To, r.Name)
			}
			add(p)
		}
	}
	return s, nil
}

func (a *agent) known(name string, have map[string]string, coming map[string]bool) bool {
	for _, arch := range []string{a.m.state.Image.Arch, "all", "noarch"} {
		if _, ok := have[name+"."+arch]; ok || coming[name+"."+arch] {
			return true
		}
	}
	return false
}

// required is what a package requires; that of a version which is no longer offered
// is taken to be what the offered version requires.
func (a *agent) required(c record.Change) []baseline.Package {
	i := a.find(c.Name, c.Arch, c.To)
	if i < 0 {
		i = a.find(c.Name, c.Arch, "")
	}
	if i < 0 {
		return nil
	}
	return a.offers.Packages[i].Requires
}

// find is the index of an offer, or -1; the empty version is any.
func (a *agent) find(name, arch, version string) int {
	return slices.IndexFunc(a.offers.Packages, func(p baseline.AvailablePackage) bool {
		return p.Name == name && p.Arch == arch && (version == "" || p.Version == version)
	})
}

// best is the newest offer of a name.
func (a *agent) best(name string) (best baseline.Package, ok bool) {
	system := a.m.state.Image.OS
	for _, p := range a.offers.Packages {
		if p.Name != name || !a.fits(p.Arch) {
			continue
		}
		if !ok || baseline.CompareVersions(system, baseline.FullVersion(system, p.Package), baseline.FullVersion(system, best)) > 0 {
			best, ok = p.Package, true
		}
	}
	return best, ok
}

// Obtain implements node.Manager. There are no package files: a package is had if
// the source offers it, the lock names a time-travel address, or a bundle is given,
// which is taken to be complete.
func (a *agent) Obtain(_ context.Context, o apply.Order) (apply.Session, []record.Obtained, error) {
	var got []record.Obtained
	for _, p := range o.Packages {
		from := ""
		switch {
		case a.find(p.Name, p.Arch, p.Version) >= 0:
			from = "source"
		case travels(o.Repositories, p.Repository):
			from = "time-travel"
		case o.Bundle != "":
			from = "bundle"
		default:
			return nil, nil, fault.New(fault.GateSaysNo, "give the lock's bundle",
				"obtain %s %s: the source no longer offers it, and there is no other place to get it from", p.Name, p.Version)
		}
		got = append(got, record.Obtained{Name: p.Name, Version: p.Version, From: from, SHA256: p.SHA256})
	}
	switch {
	case o.Keep && o.Bundle != "":
		a.remarks = append(a.remarks, "modelled: no package files exist, so no bundle was written")
	case o.Bundle != "" && slices.ContainsFunc(got, func(o record.Obtained) bool { return o.From == "bundle" }):
		a.remarks = append(a.remarks, "modelled: no package files exist; the bundle was taken to be complete")
	}
	return &session{agent: a, order: o.Packages}, got, nil
}

// session is what was obtained: nothing else can come.
type session struct {
	agent *agent
	order []baseline.LockedPackage
}

var _ apply.Session = (*session)(nil)

// Simulate implements apply.Session.
func (s *session) Simulate(_ context.Context, packages []baseline.LockedPackage) (apply.Simulation, error) {
	return s.agent.simulate(packages, func(name string) (baseline.Package, bool) {
		i := slices.IndexFunc(s.order, func(p baseline.LockedPackage) bool { return p.Name == name && s.agent.fits(p.Arch) })
		if i < 0 {
			return baseline.Package{}, false
		}
		return s.order[i].Package, true
	})
}

func travels(list []baseline.Repository, id string) bool {
	return slices.ContainsFunc(list, func(r baseline.Repository) bool { return r.ID == id && r.TimeTravel != "" })
}

// Install implements apply.Session.
func (s *session) Install(_ context.Context, packages []baseline.LockedPackage) error {
	m, now := s.agent.m, s.agent.d.o.Clock.Now().UTC()
	for _, p := range packages {
		m.put(baseline.Installed{Package: p.Package, InstalledTime: now})
		if needsReboot(p.Name) {
			m.state.RebootNeed = true
		}
	}
	return nil
}

// needsReboot is whose upgrade asks for a restart: the kernel and what every process
// has loaded (Debian's update-notifier hooks; dnf-utils' needs-restarting).
func needsReboot(name string) bool {
	for _, prefix := range []string{"linux-image-", "kernel", "libc6", "glibc", "systemd", "dbus"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// Changelogs implements node.Manager: the data's own.
func (a *agent) Changelogs(_ context.Context, _ baseline.OperatingSystem, offers []baseline.AvailablePackage, _ map[string]string) (map[string]*baseline.Changelog, []string, error) {
	logs := map[string]*baseline.Changelog{}
	for _, p := range offers {
		if p.Changelog != nil {
			logs[p.SHA256] = p.Changelog
		}
	}
	return logs, nil, nil
}

// RebootNeeded implements node.Manager.
func (a *agent) RebootNeeded() (bool, error) { return a.m.state.RebootNeed, nil }

// image is the machine's state as an image, for Capture.
func (d *Modelled) image(spec backing.Machine) (*backing.ModelledImage, error) {
	m, err := d.machine(spec)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	image := m.state.Image // its lists are replaced, never changed
	return &image, nil
}
