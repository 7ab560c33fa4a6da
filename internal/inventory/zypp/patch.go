package zypp

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/inventory/rpmmd"
)

// Standing says where a root stands to a patch, in zypper's words.
type Standing string

// The standings.
const (
	Needed    Standing = "needed"   // a package that it names is installed older
	Optional  Standing = "optional" // needed, but of a category that zypper leaves out by default
	Applied   Standing = "applied"  // a package of a name in it is installed, and none of them older
	Retracted Standing = "retracted"
)

// optional are the categories that zypper counts as optional.
var optional = []string{"optional", "feature", "enhancement"}

// Patch is an advisory that names an installed package, judged against what is
// installed. It is zypper's view of a root, whatever a baseline approves.
type Patch struct {
	rpmmd.Advisory
	Repository string // alias
	Standing   Standing
}

// Patches lists the patches of the enabled repositories that name an installed
// package, in the order of the repositories and of their metadata. Those that name
// none do not apply ("not needed") and are left out.
func Patches(root fs.FS, o reading.Options) ([]Patch, error) {
	o.Names = nil
	s, states, err := read(root, o)
	if err != nil {
		return nil, err
	}
	return judge(s.inventory.Installed, states), nil
}

// judge finds where the installed packages stand to each advisory.
func judge(installed []baseline.Installed, states []state) []Patch {
	have := map[string][]baseline.Installed{}
	for _, p := range installed {
		have[p.Name] = append(have[p.Name], p)
	}
	var list []Patch
	for _, st := range states {
		for _, a := range st.advisories {
			if !slices.ContainsFunc(a.Packages, func(p rpmmd.AdvisedPackage) bool { return have[p.Name] != nil }) {
				continue // read because somebody asked for the name
			}
			p := Patch{Advisory: a, Repository: st.repo.Alias, Standing: Applied}
			switch {
			case strings.EqualFold(a.Status, "retracted"):
				p.Standing = Retracted
			case slices.ContainsFunc(a.Packages, func(p rpmmd.AdvisedPackage) bool { return older(have[p.Name], p) }):
				p.Standing = Needed
				if slices.Contains(optional, strings.ToLower(a.Type)) {
					p.Standing = Optional
				}
			}
			list = append(list, p)
		}
	}
	return list
}

// older reports whether what is installed under a patch's package's name is older
// than the patch wants it. A patch conflicts with the older versions of its
// architecture and of noarch, one for noarch with those of any architecture. Where
// several versions are installed beside each other, the newest counts.
func older(installed []baseline.Installed, want rpmmd.AdvisedPackage) bool {
	newest := map[string]baseline.Package{} // by architecture
	for _, p := range installed {
		if p.Arch != want.Arch && p.Arch != noarch && want.Arch != noarch {
			continue
		}
		if old, ok := newest[p.Arch]; !ok || baseline.CompareVersions(baseline.Suse, full(p.Package), full(old)) > 0 {
			newest[p.Arch] = p.Package
		}
	}
	for _, p := range newest {
		if baseline.CompareVersions(baseline.Suse, full(p), full(want.Package)) < 0 {
			return true
		}
	}
	return false
}

// patchRemarks tells what needed patches ask for, and which of them no repository can
// satisfy: zypper calls those needed for ever, and no package of them can be missing.
func patchRemarks(patches []Patch, available baseline.Available) []string {
	newest := map[string]baseline.Package{} // by name and architecture; offers come sorted
	for _, p := range available.Packages {
		newest[p.Name+"."+p.Arch] = p.Package
	}
	offered := func(a rpmmd.AdvisedPackage) bool {
		for _, arch := range []string{a.Arch, noarch} {
			p, ok := newest[a.Name+"."+arch]
			if ok && baseline.CompareVersions(baseline.Suse, full(p), full(a.Package)) >= 0 {
				return true
			}
		}
		return false
	}
	var reboot, restart, gone []string
	var remarks []string
	for _, p := range patches {
		if p.Standing == Retracted {
			remarks = append(remarks, fmt.Sprintf("patch %s was retracted by its publisher", p.ID))
		}
		if p.Standing != Needed && p.Standing != Optional {
			continue
		}
		suggests := func(f func(rpmmd.AdvisedPackage) bool) bool { return slices.ContainsFunc(p.Packages, f) }
		if suggests(func(a rpmmd.AdvisedPackage) bool { return a.Reboot }) {
			reboot = append(reboot, p.ID)
		}
		if suggests(func(a rpmmd.AdvisedPackage) bool { return a.Restart }) {
			restart = append(restart, p.ID)
		}
		if !suggests(offered) {
			gone = append(gone, p.ID)
		}
	}
	for _, list := range []struct {
		ids  []string
		text string
	}{
		{reboot, "patches that suggest a restart of the machine"},
		{restart, "patches for the package manager itself"},
		{gone, "patches whose packages no repository offers"},
	} {
		if len(list.ids) > 0 {
			remarks = append(remarks, list.text+": "+strings.Join(list.ids, ", "))
		}
	}
	return remarks
}
