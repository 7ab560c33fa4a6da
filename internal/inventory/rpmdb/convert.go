package rpmdb

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
)

// Installed gives the packages in the evaluator's words, in the same order.
func (d Database) Installed() []baseline.Installed {
	out := make([]baseline.Installed, len(d.Packages))
	for i, p := range d.Packages {
		out[i] = baseline.Installed{
			Package:       baseline.Package{Name: p.Name, Arch: p.Arch, Epoch: p.Epoch, Version: p.Version, Release: p.Release},
			InstalledTime: p.InstallTime,
			Source:        p.Source(),
		}
	}
	return out
}

// Source is the name of the source package: what stands before version and release
// in SourceRPM; empty if that is not stated.
func (p Package) Source() string {
	s := p.SourceRPM
	for range 2 {
		i := strings.LastIndexByte(s, '-')
		if i < 0 {
			return ""
		}
		s = s[:i]
	}
	return s
}

// natives are packages that have the architecture of their system even where others
// are installed for two.
var natives = []string{"rpm", "kernel-core", "kernel", "kernel-default", "filesystem", "bash"}

// basearches are the repositories' words for what rpm calls otherwise, as in dnf.
var basearches = map[string]string{
	"athlon": "i386", "geode": "i386", "i486": "i386", "i586": "i386", "i686": "i386",
	"amd64": "x86_64", "ia32e": "x86_64",
	"armv6hl": "armhfp", "armv7hl": "armhfp", "armv7hnl": "armhfp", "armv8hl": "armhfp",
	"armv5tel": "arm", "armv5tl": "arm", "armv5tejl": "arm", "armv6l": "arm", "armv7l": "arm", "armv8l": "arm",
	"ppc64p7": "ppc64", "ppc64iseries": "ppc64", "ppc64pseries": "ppc64",
}

// BaseArch is the system's architecture in the repositories' words ($basearch), such
// as x86_64. Package managers ask the running kernel; a root has none, so its own
// packages say it.
func (d Database) BaseArch() (string, error) {
	of, count := map[string]string{}, map[string]int{}
	most := ""
	for _, p := range d.Packages {
		if p.Arch == "noarch" {
			continue
		}
		if _, two := of[p.Name]; two && of[p.Name] != p.Arch {
			of[p.Name] = ""
		} else {
			of[p.Name] = p.Arch
		}
		count[p.Arch]++
		if n := count[p.Arch]; most == "" || n > count[most] || n == count[most] && p.Arch < most {
			most = p.Arch
		}
	}
	arch := most
	if basearches[most] == "i386" && count["x86_64"] > 0 {
		arch = "x86_64" // it runs those too; the other way round it cannot be
	}
	for _, name := range natives {
		if of[name] != "" {
			arch = of[name]
			break
		}
	}
	if arch == "" {
		return "", errors.New("find the architecture: no installed package names one")
	}
	if base, ok := basearches[arch]; ok {
		arch = base
	}
	return arch, nil
}

// parallel are capabilities of packages that are installed beside their older
// versions, dnf's default for installonlypkgs.
var parallel = []string{
	"kernel", "kernel-PAE", "installonlypkg(kernel)", "installonlypkg(kernel-module)", "installonlypkg(vm)", "multiversion(kernel)",
}

// Parallel reports whether several versions of p may be installed at once.
func (p Package) Parallel() bool {
	for _, name := range parallel {
		if strings.HasPrefix(p.provides.names, name+"\x00") || strings.Contains(p.provides.names, "\x00"+name+"\x00") {
			return true
		}
	}
	return false
}

// Remarks are about packages that stand in the database several times though they
// cannot live beside their other versions: an upgrade was interrupted.
func (d Database) Remarks() []string {
	var out []string
	for i := 1; i < len(d.Packages); i++ {
		a, b := d.Packages[i-1], d.Packages[i]
		if a.Name == b.Name && a.Arch == b.Arch && !a.Parallel() && !b.Parallel() {
			out = append(out, fmt.Sprintf("package %s.%s is installed twice, as %s and %s: an upgrade was interrupted (dnf remove --duplicates)",
				a.Name, a.Arch, a.evr(), b.evr()))
		}
	}
	return out
}

// evr is epoch:version-release, without an epoch of 0.
func (p Package) evr() string {
	s := p.Version + "-" + p.Release
	if p.Epoch != "0" {
		s = p.Epoch + ":" + s
	}
	return s
}
