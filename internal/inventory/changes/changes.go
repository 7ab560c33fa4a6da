package changes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// Images compares what was read of two roots, to the depth that both were read to.
// A side whose packages are not known cannot be compared: that is an error.
func Images(from, to *record.Scan) (*record.ImageDiff, error) {
	for _, s := range []*record.Scan{from, to} {
		if s.Inventory.OS == "" || len(s.Inventory.Installed) == 0 {
			reason := s.Reason
			if reason == "" {
				reason = "it has no packages"
			}
			return nil, fault.New(fault.Failed, s.Hint, "compare %s with %s: what %s holds is unknown: %s", from.Target, to.Target, s.Target, reason)
		}
	}
	d := &record.ImageDiff{Schema: record.ImageDiffSchema, From: side(from), To: side(to), Depth: lesser(depthOf(from), depthOf(to)),
		Packages: graded(from.Inventory, to.Inventory, Packages(from.Inventory, to.Inventory)),
		Modules:  sets(from.Inventory.EnabledModules, to.Inventory.EnabledModules)}
	for _, m := range append(slices.Clone(from.Modelled), to.Modelled...) {
		if !slices.Contains(d.Modelled, m) {
			d.Modelled = append(d.Modelled, m)
		}
	}
	if d.Depth != record.DepthPackages {
		facts(d, from.Facts, to.Facts)
	}
	if d.From.Depth != d.To.Depth {
		d.Unknown = append(d.Unknown, fmt.Sprintf("what lies deeper than %s: %s was read to %s, %s to %s", d.Depth, from.Target, d.From.Depth, to.Target, d.To.Depth))
	}
	for _, s := range []*record.Scan{from, to} {
		if s.Facts != nil {
			for _, u := range s.Facts.Unread {
				d.Unknown = append(d.Unknown, s.Target+": "+u)
			}
		}
	}
	d.Same = d.From.Product == d.To.Product && d.From.Arch == d.To.Arch && len(d.Packages)+len(d.Modules)+len(d.Kernels)+len(d.Services)+len(d.Users)+len(d.Groups)+
		len(d.SetID)+len(d.Capable)+len(d.Writable)+len(d.Sizes)+len(d.Files) == 0
	return d, nil
}

func side(s *record.Scan) record.DiffSide {
	return record.DiffSide{Target: s.Target, Kind: s.Kind, Snapshot: s.Snapshot, Product: s.Inventory.Product, Arch: s.Inventory.Arch,
		Packages: len(s.Inventory.Installed), Depth: depthOf(s), ScannedAt: s.ScannedAt, Read: s.Read, Costs: s.Costs}
}

func depthOf(s *record.Scan) string {
	if s.Facts == nil {
		return record.DepthPackages
	}
	return s.Facts.Depth
}

// lesser is the lesser of two depths.
func lesser(a, b string) string {
	for _, d := range []string{record.DepthPackages, record.DepthMetadata} {
		if a == d || b == d {
			return d
		}
	}
	return a
}

func facts(d *record.ImageDiff, a, b *record.Facts) {
	d.Kernels = compare(a.Kernels, b.Kernels, func(k record.Kernel) string { return k.Version }, sayKernel)
	d.Users = compare(a.Users, b.Users, func(u record.User) string { return u.Name }, sayUser)
	d.Groups = compare(a.Groups, b.Groups, func(g record.Group) string { return g.Name }, sayGroup)
	d.Services = compare(a.Services, b.Services, func(s record.Service) string { return s.Unit }, sayService)
	special := func(s record.Special) string { return s.Path }
	d.SetID = compare(a.SetID, b.SetID, special, saySpecial)
	d.Capable = compare(a.Capable, b.Capable, special, func(s record.Special) string { return s.Capabilities })
	d.Writable = compare(a.Writable, b.Writable, special, saySpecial)
	d.Sizes = sizes(append([]record.FolderSize{a.Total}, a.Folders...), append([]record.FolderSize{b.Total}, b.Folders...))
	if d.Depth == record.DepthDigest {
		d.Files = compare(a.Digests, b.Digests, func(f record.Digest) string { return f.Path }, sayDigest)
	}
}

// compare lists the things of a kind that differ, by name. Several of one name, such
// as a unit that two targets want, are said together.
func compare[T any](a, b []T, name func(T) string, say func(T) string) []record.Difference {
	words := func(list []T) map[string]string {
		all := map[string][]string{}
		for _, x := range list {
			all[name(x)] = append(all[name(x)], say(x))
		}
		out := make(map[string]string, len(all))
		for n, w := range all {
			slices.Sort(w)
			out[n] = strings.Join(slices.Compact(w), "; ")
		}
		return out
	}
	old, now := words(a), words(b)
	var out []record.Difference
	for n, was := range old {
		switch is, there := now[n]; {
		case !there:
			out = append(out, record.Difference{Name: n, How: record.Removed, From: was})
		case is != was:
			out = append(out, record.Difference{Name: n, How: record.Changed, From: was, To: is})
		}
	}
	for n, is := range now {
		if _, there := old[n]; !there {
			out = append(out, record.Difference{Name: n, How: record.Added, To: is})
		}
	}
	slices.SortFunc(out, func(x, y record.Difference) int { return cmp.Compare(x.Name, y.Name) })
	return out
}

// sets compares two lists of words.
func sets(a, b []string) []record.Difference {
	self := func(s string) string { return s }
	return compare(a, b, self, func(string) string { return "" })
}

// sizes lists the folders whose bytes or files differ in number, the total first.
func sizes(a, b []record.FolderSize) []record.SizeChange {
	all := map[string]record.SizeChange{}
	add := func(list []record.FolderSize, set func(*record.SizeChange, record.FolderSize)) {
		for i, f := range list {
			path := f.Path
			if i > 0 && path == "." { // the root's own files; the total is called so
				path = "./"
			}
			c := all[path]
			c.Path = path
			set(&c, f)
			all[path] = c
		}
	}
	add(a, func(c *record.SizeChange, f record.FolderSize) { c.FromBytes, c.FromFiles = f.Bytes, f.Files })
	add(b, func(c *record.SizeChange, f record.FolderSize) { c.ToBytes, c.ToFiles = f.Bytes, f.Files })
	var out []record.SizeChange
	for _, c := range all {
		if c.FromBytes != c.ToBytes || c.FromFiles != c.ToFiles {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(x, y record.SizeChange) int { return cmp.Compare(x.Path, y.Path) })
	return out
}
