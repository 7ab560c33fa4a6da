package baseline

import "slices"

// Catalog is what repositories offer to nodes of one product, read once under a
// compiled baseline: dates parsed, packages grouped and ordered. Nodes with the
// same repositories can share it; it is immutable and safe for concurrent use.
type Catalog struct {
	compiled *Compiled
	product  string
	family   family
	mask     uint32 // the rules that the product passes
	groups   []group
	index    map[string]int32 // the first group of a package name
	firsts   valueIDs
	seconds  valueIDs
	modules  map[string][]string // a modular build's stream → names it provides
	available
}

// available keeps the input that results refer to.
type available struct {
	packages []AvailablePackage
	updates  []Update
}

// group is the candidates of one package name and architecture, lowest version
// first; candidates of equal versions stand together in a fixed order.
type group struct {
	name, arch string
	sibling    int32 // the next group of the same name and another architecture; -1 if none
	candidates []candidate
	withdrawn  []*AvailablePackage // versions that only retracted advisories name
}

// Catalog reads what the repositories of a product offer.
func (c *Compiled) Catalog(product string, a *Available) *Catalog {
	cat := &Catalog{
		compiled: c, product: product, family: familyOf(c.os, product),
		mask:      c.product.masks[c.id(&c.product, "PRODUCT", product)],
		available: available{a.Packages, a.Updates},
	}
	if c.world == worldWindows {
		return cat
	}
	cat.group(a.Packages)
	var buf []byte
	for i := range cat.groups {
		g := &cat.groups[i]
		if len(g.candidates) > 1 {
			slices.SortStableFunc(g.candidates, func(x, y candidate) int { return c.order(&x, &y) })
		}
		for j := range g.candidates {
			cat.prejudge(&g.candidates[j], &buf)
		}
	}
	return cat
}

type packageKey struct{ name, arch string }

func (cat *Catalog) group(packages []AvailablePackage) {
	cat.index = make(map[string]int32, len(packages))
	cat.groups = make([]group, 0, len(packages))
	owner := make([]int32, len(packages))
	counts := make([]int, 0, len(packages))
	total := 0
	for i := range packages {
		p := &packages[i]
		k := cat.key(&p.Package)
		first, named := cat.index[k.name]
		at := int32(-1)
		if named {
			at = cat.among(first, k.arch)
		}
		if at < 0 {
			at = int32(len(counts))
			counts = append(counts, 0)
			g := group{name: k.name, arch: k.arch, sibling: -1}
			if named {
				g.sibling = first
			}
			cat.index[k.name] = at
			cat.groups = append(cat.groups, g)
		}
		n := max(1, len(p.Notices))
		owner[i] = at
		counts[at] += n
		total += n
	}
	all := make([]candidate, total) // one allocation for every group's candidates
	for i := range cat.groups {
		cat.groups[i].candidates, all = all[:0:counts[i]], all[counts[i]:]
	}
	for i := range packages {
		p := &packages[i]
		cat.add(&cat.groups[owner[i]], p)
		if p.Module != "" {
			if cat.modules == nil {
				cat.modules = map[string][]string{}
			}
			cat.modules[p.Module] = append(cat.modules[p.Module], p.Name)
		}
	}
}

// find is the index of a package's group; -1 if no repository offers it.
func (cat *Catalog) find(k packageKey) int32 {
	first, ok := cat.index[k.name]
	if !ok {
		return -1
	}
	return cat.among(first, k.arch)
}

// among looks for an architecture among the groups of one name.
func (cat *Catalog) among(at int32, arch string) int32 {
	for at >= 0 && cat.groups[at].arch != arch {
		at = cat.groups[at].sibling
	}
	return at
}

// groupOf is the group of a package, nil if no repository offers any version.
func (cat *Catalog) groupOf(k packageKey) *group {
	at := cat.find(k)
	if at < 0 {
		return nil
	}
	return &cat.groups[at]
}

// key tells packages apart: name and architecture, on macOS the name alone.
func (cat *Catalog) key(p *Package) packageKey {
	if cat.family == mac {
		return packageKey{name: p.Name}
	}
	return packageKey{p.Name, p.Arch}
}
