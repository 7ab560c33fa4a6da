//go:build linux

package rpmmd

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

// open reads the file of the kind out of a repository folder.
func open(t *testing.T, dir, kind string, read func(io.Reader) error) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "repodata/repomd.xml"))
	if err != nil {
		t.Fatal(err)
	}
	md, err := ParseRepomd(text)
	if err != nil {
		t.Fatal(err)
	}
	d, err := md.Find(kind)
	if err != nil || d == nil {
		t.Fatalf("find %s: %+v, %v", kind, d, err)
	}
	f, err := os.Open(filepath.Join(dir, d.Href))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := d.Read(f, read); err != nil {
		t.Fatalf("read %s: %v", d.Href, err)
	}
}

func TestEveryFormOfARealRepositoryReadsAlike(t *testing.T) {
	if testing.Short() {
		t.Skip("runs rpmbuild and createrepo_c: left out by -short")
	}
	packages := []rpmworld.Package{
		{Name: "curl", Version: "8.1", Release: "2.amzn2023", Epoch: 1, Requires: []string{"libcurl >= 8.1-2"}, Provides: []string{"webclient = 2:3"}, Obsoletes: []string{"oldcurl < 3"}},
		{Name: "libcurl", Version: "8.1~rc1^git", Release: "2", Arch: "noarch"},
		{Name: "other", Version: "1", Release: "1", Obsoletes: []string{"libcurl"}},
		{Name: "unrelated", Version: "1", Release: "1"},
	}
	advisories := []rpmworld.Advisory{
		{ID: "ALAS-1", Type: "security", Severity: "Important", Issued: "2025-01-01", Updated: "2025-01-02 03:04:05", Title: "a <b> & c",
			CVEs: []string{"CVE-2025-1", "CVE-2025-2"}, Bugzillas: []string{"123"}, Packages: packages[:2], Reboot: true},
		{ID: "ALAS-2", Type: "bugfix", Status: "retracted", Packages: packages[3:]},
		{ID: "ALAS-3", Type: "security", Severity: rpmworld.EmptyElement, Module: "web:2:1:aa:x86_64", Packages: packages[:1]},
	}
	// What rpmbuild and createrepo_c made of the packages above.
	want := `{Package:{Name:curl Arch:x86_64 Epoch:1 Version:8.1 Release:2.amzn2023} Href:Packages/curl-8.1-2.amzn2023.x86_64.rpm Base: Sum:{Kind: Hex:} Size:0 BuildTime:1735689600 Requires:[{Name:libcurl Relation:>= Version:8.1-2}] Provides:[{Name:curl Relation:= Version:1:8.1-2.amzn2023} {Name:curl(x86-64) Relation:= Version:1:8.1-2.amzn2023} {Name:webclient Relation:= Version:2:3}] Obsoletes:[{Name:oldcurl Relation:< Version:3}]}
{Package:{Name:libcurl Arch:noarch Epoch:0 Version:8.1~rc1^git Release:2} Href:Packages/libcurl-8.1~rc1^git-2.noarch.rpm Base: Sum:{Kind: Hex:} Size:0 BuildTime:1735689600 Requires:[] Provides:[{Name:libcurl Relation:= Version:8.1~rc1^git-2}] Obsoletes:[]}
{Package:{Name:other Arch:x86_64 Epoch:0 Version:1 Release:1} Href:Packages/other-1-1.x86_64.rpm Base: Sum:{Kind: Hex:} Size:0 BuildTime:1735689600 Requires:[] Provides:[] Obsoletes:[{Name:libcurl Relation: Version:}]}
{ID:ALAS-1 Type:security Status:final Title:a <b> & c Severity:<nil> Issued:2025-01-01 Updated:2025-01-02 03:04:05 CVEs:[CVE-2025-1 CVE-2025-2] Bugzillas:[123] Packages:[{Package:{Name:curl Arch:x86_64 Epoch:1 Version:8.1 Release:2.amzn2023} Module: Reboot:true Restart:false Relogin:false} {Package:{Name:libcurl Arch:noarch Epoch:0 Version:8.1~rc1^git Release:2} Module: Reboot:true Restart:false Relogin:false}]} Important
{ID:ALAS-3 Type:security Status:final Title: Severity:<nil> Issued: Updated: CVEs:[] Bugzillas:[] Packages:[{Package:{Name:curl Arch:x86_64 Epoch:1 Version:8.1 Release:2.amzn2023} Module:web:2 Reboot:false Restart:false Relogin:false}]} ""
`
	for _, form := range []string{"gz", "xz", "zst", "bz2", "none"} {
		for _, sum := range []string{"sha1", "sha256", "sha512"} {
			dir := rpmworld.Repo(t, rpmworld.Repository{Packages: packages, Advisories: advisories, Compression: form, Checksum: sum})
			got := ""
			wanted := func(n []byte) bool { return slices.Contains([]string{"curl", "libcurl"}, string(n)) }
			open(t, dir, "primary", func(r io.Reader) error {
				return ReadPrimary(r, wanted, func(p Package) error {
					if p.Sum.Kind != sum || len(p.Sum.Hex) < 40 || p.Size < 500 {
						t.Errorf("%s has no file: %+v", p.Name, p)
					}
					p.Sum, p.Size = Digest{}, 0
					got += fmt.Sprintf("%+v\n", p)
					return nil
				})
			})
			open(t, dir, "updateinfo", func(r io.Reader) error {
				return ReadUpdateinfo(r, wanted, func(a Advisory) error {
					severity := "absent"
					if a.Severity != nil {
						severity, a.Severity = *a.Severity, nil
						if severity == "" {
							severity = `""`
						}
					}
					got += fmt.Sprintf("%+v %s\n", a, severity)
					return nil
				})
			})
			if got != want {
				t.Errorf("%s %s: got\n%swant\n%s", form, sum, got, want)
			}
		}
	}
}
