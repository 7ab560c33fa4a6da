package baseline

// LockFinding is how one locked package stands on a root.
type LockFinding struct {
	LockedPackage
	Installed string `json:"installed,omitempty"` // full version found, if any
	// Standing is "exact", "newer", "older" or "absent".
	Standing string `json:"standing"`
}

// The values of LockFinding.Standing.
const (
	StandingExact  = "exact"
	StandingNewer  = "newer"
	StandingOlder  = "older"
	StandingAbsent = "absent"
)

// Judge compares a root's installed set with the lock, package by package, in the
// lock's order. The highest installed version of a name and architecture counts.
// A root honours the lock when every finding is "exact".
func (l *Lock) Judge(inv Inventory) []LockFinding {
	w := worldOf(l.OS)
	highest := make(map[packageKey]*Package, len(inv.Installed))
	for i := range inv.Installed {
		p := &inv.Installed[i].Package
		k := packageKey{p.Name, p.Arch}
		if old := highest[k]; old == nil || comparePackages(w, old, p) < 0 {
			highest[k] = p
		}
	}
	out := make([]LockFinding, 0, len(l.Packages))
	for _, locked := range l.Packages {
		f := LockFinding{LockedPackage: locked, Standing: StandingAbsent}
		if found := highest[packageKey{locked.Name, locked.Arch}]; found != nil {
			f.Installed = FullVersion(l.OS, *found)
			switch d := comparePackages(w, found, &locked.Package); {
			case d < 0:
				f.Standing = StandingOlder
			case d > 0:
				f.Standing = StandingNewer
			default:
				f.Standing = StandingExact
			}
		}
		out = append(out, f)
	}
	return out
}

// Honoured says whether every finding is exact.
func Honoured(findings []LockFinding) bool {
	for i := range findings {
		if findings[i].Standing != StandingExact {
			return false
		}
	}
	return true
}
