package zypp

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
)

// identity is what makes two advisories for a version different ones.
type identity struct {
	baseline.Package
	id, kind, status, issued, updated, severity string
}

// merge joins what the repositories offer. A version that several offer with the same
// contents is one offer, and the first repository gives the download (specification
// §16.1). Every advisory that names exactly a version counts for it, whichever
// repository it came from, as zypper's patches do.
func merge(states []state) (baseline.Available, []string) {
	var all baseline.Available
	var remarks []string
	notices := map[baseline.Package][]baseline.Notice{}
	seen := map[identity]bool{} // the same patch may stand in several repositories
	for _, st := range states {
		remarks = append(remarks, st.remarks...)
		all.Repositories = append(all.Repositories, st.repository)
		for i := range st.advisories {
			a := &st.advisories[i]
			for _, p := range a.Packages {
				n := a.Notice(p)
				id := identity{p.Package, n.ID, n.Type, n.Status, n.Issued, n.Updated, ""}
				if n.Severity != nil {
					id.severity = "=" + *n.Severity
				}
				if !seen[id] {
					seen[id] = true
					notices[p.Package] = append(notices[p.Package], n)
				}
			}
		}
	}
	first := map[baseline.Package]int{}
	for _, st := range states {
		for _, p := range st.packages {
			i, known := first[p.Package]
			if !known {
				first[p.Package] = len(all.Packages)
				p.Notices = notices[p.Package]
				all.Packages = append(all.Packages, p)
				continue
			}
			if kept := all.Packages[i]; kept.SHA256 != p.SHA256 {
				remarks = append(remarks, fmt.Sprintf("package %s %s is offered with different contents by %s and %s; the first counts",
					p.Name, p.Version+"-"+p.Release, kept.Repository, p.Repository))
			}
		}
	}
	slices.SortStableFunc(all.Packages, func(a, b baseline.AvailablePackage) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Arch, b.Arch), baseline.CompareVersions(baseline.Suse, full(a.Package), full(b.Package)))
	})
	return all, remarks
}
