package apply

import "github.com/goldenami/rehydrate/baseline"

// Version is p's whole version: epoch:version-release of an rpm, with the epoch 0
// where it has none, and the version string of a deb.
func Version(p baseline.Package) string {
	if p.Release == "" { // every rpm has one, no deb has
		return p.Version
	}
	return baseline.FullVersion(baseline.RedHat, p) // as on every rpm system
}

// Same says that a and b are one version of one package.
func Same(a, b baseline.Package) bool {
	return a.Name == b.Name && a.Arch == b.Arch && Version(a) == Version(b)
}
