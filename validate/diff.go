package validate

import (
	"cmp"
	"slices"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// Diff lists the packages that differ between two inventories of one operating
// system, by name, then architecture. Several versions of one package (kernels)
// are compared as a set: a version that is only on one side is a change.
func Diff(before, after baseline.Inventory) []record.Change {
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

func versions(i baseline.Inventory) map[key][]string {
	out := map[key][]string{}
	for _, p := range i.Installed {
		k := key{p.Name, p.Arch}
		out[k] = append(out[k], baseline.FullVersion(i.OS, p.Package))
	}
	for _, v := range out {
		slices.Sort(v)
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
