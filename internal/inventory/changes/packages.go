// Package changes says what differs between two roots: packages, and what the deeper
// readings know of files. One comparison serves the gate, the node and image diffs.
package changes

import (
	"cmp"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// Packages lists the packages that differ between two inventories, by name, then
// architecture, with full versions. Several versions of one package (kernels) are
// compared as a set: a version that is only on one side is a change.
func Packages(before, after baseline.Inventory) []record.Change {
	a, b := versions(before), versions(after)
	var out []record.Change
	for k, have := range a {
		gone, came := missing(have, b[k]), missing(b[k], have)
		for i := range max(len(gone), len(came)) {
			c := record.Change{Name: k.name, Arch: k.arch}
			if i < len(gone) {
				c.From = gone[i]
			}
			if i < len(came) {
				c.To = came[i]
			}
			out = append(out, c)
		}
	}
	for k, have := range b {
		if _, ok := a[k]; !ok {
			for _, v := range have {
				out = append(out, record.Change{Name: k.name, Arch: k.arch, To: v})
			}
		}
	}
	slices.SortFunc(out, func(x, y record.Change) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Arch, y.Arch), cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To))
	})
	return out
}

type key struct{ name, arch string }

// versions are the full versions of each package, the oldest first.
func versions(i baseline.Inventory) map[key][]string {
	out := map[key][]string{}
	for _, p := range i.Installed {
		k := key{p.Name, p.Arch}
		out[k] = append(out[k], baseline.FullVersion(i.OS, p.Package))
	}
	for _, v := range out {
		slices.SortFunc(v, func(a, b string) int { return cmp.Or(baseline.CompareVersions(i.OS, a, b), cmp.Compare(a, b)) })
	}
	return out
}

// missing are the elements of a that are not in b.
func missing(a, b []string) []string {
	var out []string
	for _, v := range a {
		if !slices.Contains(b, v) {
			out = append(out, v)
		}
	}
	return out
}

// graded says of each change which way it goes. Versions of two worlds have no order:
// then it is just a change.
func graded(before, after baseline.Inventory, list []record.Change) []record.PackageChange {
	var out []record.PackageChange
	for _, c := range list {
		p := record.PackageChange{Change: c, How: record.Changed, Kernel: isKernel(c.Name)}
		switch {
		case c.From == "":
			p.How = record.Added
		case c.To == "":
			p.How = record.Removed
		case before.OS != after.OS:
		case baseline.CompareVersions(after.OS, c.From, c.To) < 0:
			p.How = record.Upgraded
		case baseline.CompareVersions(after.OS, c.From, c.To) > 0:
			p.How = record.Downgraded
		}
		out = append(out, p)
	}
	return out
}

// isKernel says whether a package brings a kernel image: linux-image-… on Debian and
// Ubuntu; kernel, kernel-core, kernel6.12 on Amazon Linux and Red Hat; kernel-default
// and its kin on SUSE.
func isKernel(name string) bool {
	if rest, ok := strings.CutPrefix(name, "linux-image-"); ok {
		return !strings.HasSuffix(rest, "-dbg") && !strings.HasSuffix(rest, "-dbgsym")
	}
	switch name {
	case "kernel", "kernel-core", "kernel-uek", "kernel-uek-core", "kernel-rt", "kernel-rt-core", "kernel-64k", "kernel-64k-core",
		"kernel-default", "kernel-default-base", "kernel-azure", "kernel-kvmsmall":
		return true
	}
	rest, ok := strings.CutPrefix(name, "kernel") // kernel6.12
	return ok && rest != "" && strings.Trim(rest, "0123456789.") == ""
}
