package baseline

import (
	"cmp"
	"slices"
	"strings"
)

// kbase is one KB of the catalogue with all its revisions.
type kbase struct {
	*Update             // the current revision
	revisions []*Update // every one, the current too
	// superseded says that another update of the catalogue replaces it, replaced
	// that such an update is installed.
	superseded, replaced bool
}

// knowledge groups the catalogue by KB, in order. Updates without a KB id are
// ignored (§4): they neither count nor supersede.
func (p *pass) knowledge() []*kbase {
	byKB := map[string]*kbase{}
	for i := range p.updates {
		u := &p.updates[i]
		if u.KB == "" {
			continue
		}
		id := foldString(u.KB)
		k := byKB[id]
		if k == nil {
			k = &kbase{Update: u}
			byKB[id] = k
		}
		k.revisions = append(k.revisions, u)
		if newerRevision(u, k.Update) {
			k.Update = u
		}
	}
	out := make([]*kbase, 0, len(byKB))
	for _, k := range byKB {
		out = append(out, k)
		for _, r := range k.revisions {
			for _, old := range r.Supersedes {
				if o := byKB[foldString(old)]; o != nil && o != k {
					o.superseded = true
					o.replaced = o.replaced || k.installed()
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b *kbase) int { return strings.Compare(a.KB, b.KB) })
	return out
}

func newerRevision(a, b *Update) bool {
	if c := cmp.Compare(a.Revision, b.Revision); c != 0 {
		return c > 0
	}
	return a.ReleaseDate.After(b.ReleaseDate)
}

func (k *kbase) installed() bool {
	return slices.ContainsFunc(k.revisions, func(u *Update) bool { return u.Installed })
}

// releaseOf is the release date in seconds; a missing one is 1970-01-01 (§2).
func releaseOf(u *Update) int64 {
	if u.ReleaseDate.IsZero() {
		return 0
	}
	return u.ReleaseDate.Unix()
}

func hasKey(filters []PatchFilter, key string) bool {
	return slices.ContainsFunc(filters, func(f PatchFilter) bool { return f.Key == key })
}

func patchSet(u *Update) string { return cmp.Or(u.PatchSet, "OS") }

// updateAttribute is the value that a filter key tests, after the normalisation
// of §1.3.
func updateAttribute(u *Update, key string) string {
	switch key {
	case "PRODUCT":
		return u.Product
	case "PRODUCT_FAMILY":
		return u.ProductFamily
	case "PATCH_SET":
		return patchSet(u)
	case "CLASSIFICATION":
		return u.Classification
	case "MSRC_SEVERITY":
		return cmp.Or(u.MSRCSeverity, "Unspecified")
	case "PATCH_ID":
		return u.KB
	}
	return ""
}
