package inventory

import "github.com/goldenami/rehydrate/baseline"

// Untrusted is the ID of the first source of a Debian or Ubuntu node from which apt
// would take nothing: its index is not signed by a key that counts, and it is not
// marked as trusted. What such a source offers, or no longer offers, proves nothing.
// Empty is none. On RPM and SUSE Collect itself refuses what cannot be trusted.
func Untrusted(n baseline.Node) string {
	switch n.Inventory.OS {
	case baseline.Debian, baseline.Ubuntu, baseline.Raspbian:
	default:
		return ""
	}
	for _, r := range n.Available.Repositories {
		if !r.Verified && !r.Origin.Trusted {
			return r.ID
		}
	}
	return ""
}
