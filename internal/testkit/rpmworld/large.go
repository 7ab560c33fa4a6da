package rpmworld

import (
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Large is a world of the size of a grown distribution: one repository whose
// advisories name every version of 1,600 packages, and a root with old versions of
// 400 of them. The same numbers give the same world.
func Large(advisories int) World {
	const names, installed = 1600, 400
	rnd := rand.New(rand.NewPCG(1, uint64(advisories)))
	type history struct {
		Package
		minor int
	}
	all := make([]history, names)
	for i := range all {
		p := Package{Name: fmt.Sprintf("pkg%04d", i), Arch: "x86_64"}
		switch rnd.IntN(10) {
		case 0:
			p.Arch = "noarch"
		case 1:
			p.Epoch = 1 + rnd.IntN(3)
		}
		all[i] = history{p, 0}
	}
	r := Repository{ID: "large", Synthetic: true}
	versions := make([][]Package, names)
	for n := range advisories {
		kinds, severities := []string{"security", "security", "bugfix", "enhancement"}, []string{"low", "medium", "important", "critical", "Important"}
		a := Advisory{
			ID: fmt.Sprintf("LARGE-%d-%04d", 2019+n*6/advisories, n), Type: kinds[rnd.IntN(len(kinds))], Severity: severities[rnd.IntN(len(severities))],
			Title:  "an update <of> several & many packages",
			Issued: fmt.Sprintf("2024-%02d-%02d 12:00", 1+rnd.IntN(12), 1+rnd.IntN(28)), Updated: fmt.Sprintf("2025-%02d-%02d 12:00", 1+rnd.IntN(12), 1+rnd.IntN(28)),
			Text: strings.Repeat("A flaw was found in the way that the program handles what it is given. ", 8+rnd.IntN(20)),
		}
		for range 1 + rnd.IntN(5) {
			a.CVEs = append(a.CVEs, fmt.Sprintf("CVE-2024-%05d", rnd.IntN(99999)))
		}
		first := rnd.IntN(names)
		for k := range 4 + rnd.IntN(10) {
			h := &all[(first+k)%names]
			h.minor++
			p := h.Package
			p.Version, p.Release = fmt.Sprintf("%d.%d", 1+h.minor/10, h.minor%10), fmt.Sprintf("%d.large", 1+rnd.IntN(3))
			versions[(first+k)%names] = append(versions[(first+k)%names], p)
			a.Packages = append(a.Packages, p)
		}
		r.Advisories = append(r.Advisories, a)
	}
	libraries := Package{Name: "libraries", Version: "1", Provides: []string{"libc.so.6()(64bit)", "libpkg0000.so.1()(64bit)"}}
	w := World{Installed: []Package{libraries}}
	for i, list := range versions {
		for j := range list {
			list[j].Provides = []string{"lib" + list[j].Name + ".so.1()(64bit)"}
			list[j].Requires = []string{"libc.so.6()(64bit)", "/bin/sh", "libpkg0000.so.1()(64bit)"}
		}
		r.Packages = append(r.Packages, list...)
		if i%(names/installed) == 0 && len(list) > 0 {
			old := list[rnd.IntN(len(list))]
			old.Provides, old.Requires = nil, nil
			w.Installed = append(w.Installed, old)
		}
	}
	w.Repositories = []Repository{r}
	return w
}

// synthesize replaces the primary metadata of an empty repository by a description of
// packages that have no files: an oracle that only lists needs none.
func synthesize(t testing.TB, md string, c content) {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="%d">
`, len(c.Packages))
	for i, p := range c.Packages {
		fmt.Fprintf(&b, `<package type="rpm">
  <name>%s</name>
  <arch>%s</arch>
  <version epoch="%d" ver="%s" rel="%s"/>
  <checksum type="sha256" pkgid="YES">%064x</checksum>
  <summary>a package of a test</summary>
  <description>%s</description>
  <packager>nobody</packager>
  <url>https://example.com/</url>
  <time file="%d" build="%d"/>
  <size package="%d" installed="%d" archive="%d"/>
  <location href="Packages/%s"/>
  <format>
    <rpm:license>none</rpm:license>
    <rpm:vendor>nobody</rpm:vendor>
    <rpm:group>Unspecified</rpm:group>
    <rpm:buildhost>test</rpm:buildhost>
    <rpm:sourcerpm>%s.src.rpm</rpm:sourcerpm>
    <rpm:header-range start="4504" end="7000"/>
    <rpm:provides>
      <rpm:entry name=%q flags="EQ" epoch="%d" ver="%s" rel="%s"/>
`, p.Name, p.Arch, p.Epoch, p.Version, p.Release, i, strings.Repeat("What the package is for, in some words. ", 6), p.BuildTime, p.BuildTime,
			10000+i, 20000+i, 30000+i, p.File(), p.Name, p.Name, p.Epoch, p.Version, p.Release)
		entries(&b, p.Provides)
		b.WriteString("    </rpm:provides>\n    <rpm:requires>\n")
		entries(&b, p.Requires)
		b.WriteString("    </rpm:requires>\n  </format>\n</package>\n")
	}
	b.WriteString("</metadata>\n")
	file := filepath.Join(t.TempDir(), "primary.xml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "modifyrepo_c", "--remove", "primary", md)
	modify(t, md, "primary", file, c)
}

func entries(b *strings.Builder, names []string) {
	for _, n := range names {
		b.WriteString("      <rpm:entry name=\"")
		_ = xml.EscapeText(b, []byte(n))
		b.WriteString("\"/>\n")
	}
}
