// Package apply holds what every package manager's adapter shares: the steps of a
// simulation, and what may be done to a root.
//
// The adapters hand exact name=version lists to the native package manager and let
// it solve and check. None of them chooses a version.
package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// Simulation is what the package manager says it would do.
type Simulation struct {
	Install []record.Change // new (From empty) and changed packages
	Remove  []record.Change // To is empty
	// Beside are those of Install that come to stand beside an installed version, as
	// kernels do.
	Beside []record.Change
	// Retire are old versions of such packages that end by the package manager's own
	// limit on their number. They are no removals: the package stays.
	Retire []record.Change
}

// Extra lists the installations that are not in wanted, by name, architecture and
// version: what the package manager's solver adds.
func (s Simulation) Extra(wanted []baseline.LockedPackage) []record.Change {
	var extra []record.Change
	for _, c := range s.Install {
		if !slices.ContainsFunc(wanted, func(p baseline.LockedPackage) bool {
			return p.Name == c.Name && p.Arch == c.Arch && Version(p.Package) == c.To
		}) {
			extra = append(extra, c)
		}
	}
	return extra
}

// Outcome is what is installed once packages are, by s, on a root that had before.
func (s Simulation) Outcome(before []baseline.Installed, packages []baseline.LockedPackage) []baseline.Installed {
	on := func(c record.Change, p baseline.Package) bool { return c.Name == p.Name && c.Arch == p.Arch }
	after := slices.Clone(before)
	for _, p := range packages {
		beside := slices.ContainsFunc(s.Beside, func(c record.Change) bool { return on(c, p.Package) })
		after = slices.DeleteFunc(after, func(i baseline.Installed) bool {
			return !beside && i.Name == p.Name && i.Arch == p.Arch
		})
		after = append(after, baseline.Installed{Package: p.Package})
	}
	return slices.DeleteFunc(after, func(i baseline.Installed) bool {
		return slices.ContainsFunc(s.Retire, func(c record.Change) bool { return on(c, i.Package) && c.From == Version(i.Package) })
	})
}

// Diff lists what changed between two inventories, by name and architecture.
func Diff(before, after []baseline.Installed) []record.Change {
	type key struct{ name, arch string }
	versions := func(list []baseline.Installed) map[key][]string {
		m := map[key][]string{}
		for _, p := range list {
			k := key{p.Name, p.Arch}
			m[k] = append(m[k], Version(p.Package))
		}
		for _, v := range m { // several stand beside each other on rpm systems only
			slices.SortFunc(v, func(a, b string) int { return baseline.CompareVersions(baseline.RedHat, a, b) })
		}
		return m
	}
	old, now := versions(before), versions(after)
	var changes []record.Change
	for k, v := range old {
		if !slices.Equal(v, now[k]) {
			changes = append(changes, record.Change{Name: k.name, Arch: k.arch, From: strings.Join(v, " "), To: strings.Join(now[k], " ")})
		}
	}
	for k, v := range now {
		if _, ok := old[k]; !ok {
			changes = append(changes, record.Change{Name: k.name, Arch: k.arch, To: strings.Join(v, " ")})
		}
	}
	slices.SortFunc(changes, func(a, b record.Change) int {
		return strings.Compare(a.Name+"\x00"+a.Arch, b.Name+"\x00"+b.Arch)
	})
	return changes
}

// Say writes a change for people.
func Say(c record.Change) string {
	name := c.Name
	if c.Arch != "" {
		name += ":" + c.Arch
	}
	switch {
	case c.To == "":
		return fmt.Sprintf("%s %s removed", name, c.From)
	case c.From == "":
		return fmt.Sprintf("%s %s new", name, c.To)
	}
	return fmt.Sprintf("%s %s → %s", name, c.From, c.To)
}

// Order is what an adapter is asked to obtain and install.
type Order struct {
	Packages     []baseline.LockedPackage // exactly these
	Repositories []baseline.Repository    // of the lock: for time travel
	// Offers is what the configured sources offer now, for the locked names.
	Offers baseline.Available
	Bundle string // folder of files by SHA-256; may be empty
	// Keep says that obtained files are to be kept in Bundle.
	Keep bool
}

// Session is a set of obtained and checked package files, offered to the package
// manager as the only repository of this run. Nothing else can be substituted.
type Session interface {
	// Simulate says what installing these of the order's packages would do.
	Simulate(ctx context.Context, packages []baseline.LockedPackage) (Simulation, error)
	// Install installs exactly these of the order's packages.
	Install(ctx context.Context, packages []baseline.LockedPackage) error
}
