package rpmworld

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Package is one rpm to be built or named; the zero Arch is x86_64, the zero Release
// "1".
type Package struct {
	Name, Version, Release, Arch string
	Epoch                        int

	// Requires, Provides, Obsoletes and Conflicts are lines as a spec file has them,
	// such as "libfoo >= 1.2".
	Requires, Provides, Obsoletes, Conflicts []string
	// Module is the modularity label name:stream:version:context.
	Module string
	// BuildTime is in seconds; zero is the time that is built into this package.
	BuildTime int64
	// Scripts are Lua texts by scriptlet, such as "post".
	Scripts map[string]string `json:",omitempty"`
}

// buildTime is when packages were built that say nothing else: 2025-01-01.
const buildTime = 1735689600

// Parse reads name-[epoch:]version-release.arch; it panics on anything else, so it
// serves literals in tests only.
func Parse(nevra string) Package {
	dot, dash := strings.LastIndexByte(nevra, '.'), strings.LastIndexByte(nevra, '-')
	if dot < dash || dash < 0 {
		panic("not a name-version-release.arch: " + nevra)
	}
	p := Package{Release: nevra[dash+1 : dot], Arch: nevra[dot+1:]}
	rest := nevra[:dash]
	i := strings.LastIndexByte(rest, '-')
	if i < 0 {
		panic("not a name-version-release.arch: " + nevra)
	}
	p.Name, p.Version = rest[:i], rest[i+1:]
	if epoch, v, ok := strings.Cut(p.Version, ":"); ok {
		n, err := strconv.Atoi(epoch)
		if err != nil {
			panic("not an epoch: " + nevra)
		}
		p.Epoch, p.Version = n, v
	}
	return p
}

// Packages parses each of the names.
func Packages(nevras ...string) []Package {
	out := make([]Package, len(nevras))
	for i, n := range nevras {
		out[i] = Parse(n)
	}
	return out
}

func (p Package) full() Package {
	if p.Arch == "" {
		p.Arch = "x86_64"
	}
	if p.Release == "" {
		p.Release = "1"
	}
	if p.BuildTime == 0 {
		p.BuildTime = buildTime
	}
	return p
}

// NEVRA is name-[epoch:]version-release.arch; an epoch of 0 is left out.
func (p Package) NEVRA() string {
	p = p.full()
	epoch := ""
	if p.Epoch != 0 {
		epoch = strconv.Itoa(p.Epoch) + ":"
	}
	return fmt.Sprintf("%s-%s%s-%s.%s", p.Name, epoch, p.Version, p.Release, p.Arch)
}

// File is the name of the rpm file.
func (p Package) File() string {
	p = p.full()
	return fmt.Sprintf("%s-%s-%s.%s.rpm", p.Name, p.Version, p.Release, p.Arch)
}

// preamble writes the tags of p, as main package or as a part of one.
func (p Package) preamble(b *strings.Builder, main bool) {
	if main {
		fmt.Fprintf(b, "Name: %s\n", p.Name)
	} else {
		fmt.Fprintf(b, "%%package -n %s\n", p.Name)
	}
	fmt.Fprintf(b, "Version: %s\nRelease: %s\nEpoch: %d\nSummary: %s of a test\n", p.Version, p.Release, p.Epoch, p.Name)
	if main {
		b.WriteString("License: none\n")
	}
	if p.Arch == "noarch" {
		b.WriteString("BuildArch: noarch\n")
	}
	if p.Module != "" {
		fmt.Fprintf(b, "ModularityLabel: %s\n", p.Module)
	}
	for tag, lines := range map[string][]string{
		"Requires": p.Requires, "Provides": p.Provides, "Obsoletes": p.Obsoletes, "Conflicts": p.Conflicts,
	} {
		for _, l := range lines {
			fmt.Fprintf(b, "%s: %s\n", tag, l)
		}
	}
	fmt.Fprintf(b, "%%description%s\nA synthetic package.\n", part(p, main))
	for _, kind := range slices.Sorted(maps.Keys(p.Scripts)) {
		fmt.Fprintf(b, "%%%s%s -p <lua>\n%s\n", kind, part(p, main), p.Scripts[kind])
	}
	fmt.Fprintf(b, "%%files%s\n", part(p, main))
}

func part(p Package, main bool) string {
	if main {
		return ""
	}
	return " -n " + p.Name
}
