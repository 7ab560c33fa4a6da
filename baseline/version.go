package baseline

import "strings"

// CompareVersions orders two full versions by the operating system's own rules:
// dpkg on Debian-like systems, librpm with epochs on rpm systems (AMB-12), and
// librpm's segments without an epoch on macOS. It returns -1, 0 or +1 and never refuses a string.
func CompareVersions(os OperatingSystem, a, b string) int {
	switch worldOf(os) {
	case worldDeb:
		return compareDeb(a, b)
	case worldRPM:
		return compareRPM(a, b)
	}
	return rpmvercmp(a, b)
}

// FullVersion renders p's version as items and lock entries show it:
// epoch:version-release for rpm, the plain version elsewhere. A missing rpm
// epoch is 0 (§6.1).
func FullVersion(os OperatingSystem, p Package) string {
	if worldOf(os) != worldRPM {
		return p.Version
	}
	return epochOf(p.Epoch) + ":" + p.Version + "-" + p.Release
}

func epochOf(epoch string) string {
	if epoch == "" || epoch == "(none)" {
		return "0"
	}
	return epoch
}

// comparePackages orders two versions of one package without rendering them.
func comparePackages(w world, a, b *Package) int {
	if a.Version == b.Version && a.Release == b.Release && a.Epoch == b.Epoch {
		return 0
	}
	if w == worldRPM {
		return compareEVR(epochOf(a.Epoch), a.Version, a.Release, epochOf(b.Epoch), b.Version, b.Release)
	}
	if w == worldDeb {
		return compareDeb(a.Version, b.Version)
	}
	return rpmvercmp(a.Version, b.Version)
}

// ItemID is the key of a package's item: name.arch on Linux, the name alone on
// macOS and wherever no architecture is known.
func ItemID(os OperatingSystem, p Package) string {
	if p.Arch == "" || worldOf(os) == worldMac {
		return p.Name
	}
	return p.Name + "." + p.Arch
}

// Title is an item's title (§7): name.arch:epoch:version-release (rpm),
// name.arch:version (deb), name.version (macOS).
func Title(os OperatingSystem, p Package) string {
	if worldOf(os) == worldMac {
		return p.Name + "." + p.Version
	}
	return ItemID(os, p) + ":" + FullVersion(os, p)
}

// ParsePackage is the inverse of FullVersion for a package of a known name.
func ParsePackage(os OperatingSystem, name, arch, full string) Package {
	p := Package{Name: name, Arch: arch, Version: full}
	if worldOf(os) == worldRPM {
		p.Epoch, p.Version, p.Release = splitRPM(full)
		p.Epoch = epochOf(p.Epoch)
	}
	return p
}

func equalFold(a, b string) bool { return a == b || strings.EqualFold(a, b) }
