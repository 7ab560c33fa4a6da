package dpkg

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/product"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
)

// Options are the choices of a collection.
type Options = reading.Options

// Installed reads what is installed on root, and remarks for people.
func Installed(root fs.FS, o Options) (baseline.Inventory, []string, error) {
	what, err := product.Read(root)
	if err != nil {
		return baseline.Inventory{}, nil, err
	}
	list, err := readStatus(root)
	if err != nil {
		return baseline.Inventory{}, nil, err
	}
	archs, err := architectures(root, list)
	if err != nil {
		return baseline.Inventory{}, nil, err
	}
	if o.Times {
		for i := range list {
			list[i].InstalledTime = installedTime(root, list[i])
		}
	}
	var findings []string
	for _, p := range list {
		if p.Held {
			findings = append(findings, fmt.Sprintf("package %s is on hold at %s", p.Name, p.Version))
		}
	}
	return baseline.Inventory{OS: what.OS, Product: what.Name, Arch: archs[0], Installed: list}, findings, nil
}

// Collect reads what is installed on root and what its sources offer, in a stable
// order, and remarks for people: holds, pins, phased updates, unverified sources.
func Collect(root fs.FS, o Options) (baseline.Node, []string, error) {
	inv, findings, err := Installed(root, o)
	if err != nil {
		return baseline.Node{}, nil, err
	}
	archs, err := architectures(root, inv.Installed)
	if err != nil {
		return baseline.Node{}, nil, err
	}
	conf, err := readSettings(root)
	if err != nil {
		return baseline.Node{}, nil, err
	}
	if also := conf["apt::architectures"]; len(also) > 0 {
		archs = append(archs[:1:1], slices.DeleteFunc(slices.Clone(also), func(a string) bool { return a == archs[0] || a == "" })...)
	}
	sources, err := readSources(root, archs[0])
	if err != nil {
		return baseline.Node{}, nil, err
	}
	if len(sources) == 0 {
		return baseline.Node{}, nil, fmt.Errorf("read apt sources: none is configured, so nothing can be said about updates")
	}
	pins, err := readPins(root)
	if err != nil {
		return baseline.Node{}, nil, err
	}
	c := &collection{root: root, options: o, archs: archs, keys: newKeyFiles(root, o.Keyrings), slots: make(chan struct{}, atOnce),
		wanted: wanted{system: inv.OS, installed: map[string][]baseline.Installed{}, also: map[string]bool{}}}
	for _, p := range inv.Installed {
		c.wanted.installed[p.Name] = append(c.wanted.installed[p.Name], p)
	}
	for _, n := range o.Names {
		c.wanted.also[n] = true
	}
	c.cache = newCache(o.Cache).of(c.wanted)
	for i := range sources {
		sources[i].KeepExpired = sources[i].KeepExpired || no(conf.last("Acquire::Check-Valid-Until"))
	}
	states := make([]state, len(sources))
	var group errgroup.Group
	for i, s := range sources {
		group.Go(func() (err error) {
			states[i], err = c.readSource(s)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return baseline.Node{}, nil, err
	}
	if v := conf.last("APT::Default-Release"); v != "" {
		pins = append(pins, fmt.Sprintf("APT::Default-Release %q is not honoured, as pins are not", v))
	}
	available, remarks := merge(states)
	findings = append(append(findings, pins...), remarks...)
	findings = append(findings, phased(inv, available)...)
	findings = append(findings, rearchitected(inv, available)...)
	return baseline.Node{Inventory: inv, Available: available}, findings, nil
}

// collection is a Collect at work.
type collection struct {
	root    fs.FS
	options Options
	archs   []string // the native one first
	keys    *keyFiles
	wanted  wanted
	cache   cache
	slots   chan struct{} // one for each list that is read at a time
}

// atOnce bounds how many lists are read at a time, and so the memory that takes.
const atOnce = 4

// merge joins what the sources offer. The same file in several sources is one
// offer with several origins; the first source gives the download (specification §16.1).
func merge(states []state) (baseline.Available, []string) {
	var all baseline.Available
	var findings []string
	at := map[string]int{}   // name, arch, version and digest → index
	seen := map[string]int{} // name, arch and version → index
	known := map[string]bool{}
	for _, st := range states {
		findings = append(findings, st.findings...)
		if !known[st.repository.ID] {
			known[st.repository.ID] = true
			all.Repositories = append(all.Repositories, st.repository)
		}
		for _, p := range st.packages {
			version := p.Name + "\x00" + p.Arch + "\x00" + p.Version
			file := version + "\x00" + p.SHA256
			if i, ok := at[file]; ok {
				if !slices.Contains(all.Packages[i].Origins, p.Origins[0]) {
					all.Packages[i].Origins = append(all.Packages[i].Origins, p.Origins...)
				}
				continue
			}
			if i, ok := seen[version]; ok {
				findings = append(findings, fmt.Sprintf("package %s %s is offered with different contents by %s and %s; the first counts",
					p.Name, p.Version, all.Packages[i].Repository, p.Repository))
				continue
			}
			at[file], seen[version] = len(all.Packages), len(all.Packages)
			all.Packages = append(all.Packages, p)
		}
	}
	slices.SortStableFunc(all.Packages, func(a, b baseline.AvailablePackage) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Arch, b.Arch), strings.Compare(a.Version, b.Version))
	})
	return all, findings
}

// phased remarks on updates that the archive gives to a part of the machines only
// (specification §16.6: ignored in the evaluation, reported).
func phased(inv baseline.Inventory, available baseline.Available) []string {
	have := map[string]string{}
	for _, p := range inv.Installed {
		have[p.Name+"."+p.Arch] = p.Version
	}
	var findings []string
	for _, p := range available.Packages {
		v, ok := have[p.Name+"."+p.Arch]
		if ok && p.Phased > 0 && p.Phased < 100 && baseline.CompareVersions(inv.OS, p.Version, v) > 0 {
			findings = append(findings, fmt.Sprintf("package %s %s is phased: offered to %d %% of machines", p.Name, p.Version, p.Phased))
		}
	}
	return findings
}

// rearchitected remarks on packages that the archive has moved between "all" and an
// architecture of their own. To apt that is an update; baselines count architectures
// apart (specification §3).
func rearchitected(inv baseline.Inventory, available baseline.Available) []string {
	have := map[string]baseline.Installed{}
	for _, p := range inv.Installed {
		have[p.Name+"."+p.Arch] = p
	}
	other := func(arch string) string {
		if arch == "all" {
			return inv.Arch
		}
		return "all"
	}
	var findings []string
	for _, p := range available.Packages {
		if p.Arch != "all" && p.Arch != inv.Arch {
			continue
		}
		_, same := have[p.Name+"."+p.Arch]
		was, ok := have[p.Name+"."+other(p.Arch)]
		if ok && !same && baseline.CompareVersions(inv.OS, p.Version, was.Version) > 0 {
			findings = append(findings, fmt.Sprintf("package %s %s is for %s and the installed %s for %s: apt counts it as an update, a baseline does not",
				p.Name, p.Version, p.Arch, was.Version, was.Arch))
		}
	}
	return findings
}

// installedTime is when dpkg last wrote the package's file list; zero if unknown.
func installedTime(root fs.FS, p baseline.Installed) time.Time {
	for _, name := range []string{p.Name, p.Name + ":" + p.Arch} {
		if info, err := fs.Stat(root, "var/lib/dpkg/info/"+name+".list"); err == nil {
			return info.ModTime().UTC().Truncate(time.Second)
		}
	}
	return time.Time{}
}
