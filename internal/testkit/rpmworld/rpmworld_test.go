//go:build linux

package rpmworld

import (
	"slices"
	"strings"
	"testing"
)

func TestAWorldIsWhatRpmAndDnfSeeOfIt(t *testing.T) {
	if testing.Short() {
		t.Skip("runs rpmbuild and dnf: left out by -short")
	}
	fixed := Packages("curl-8.1-1.x86_64", "openssl-1:3.0.9-2.x86_64", "tzdata-2025b-1.noarch", "curl-8.1-1.i686")
	old := Packages("curl-8.0-1.x86_64", "openssl-1:3.0.8-1.x86_64", "tzdata-2025a-1.noarch")
	for _, compression := range []string{"gz", "xz", "zst", "bz2", "none"} {
		t.Run(compression, func(t *testing.T) {
			r := Build(t, World{
				Repositories: []Repository{{ID: "core", Compression: compression, Packages: fixed, Advisories: []Advisory{
					{ID: "ALAS-1", Type: "security", Severity: "Important", Issued: "2025-01-02", Updated: "2025-01-02", CVEs: []string{"CVE-2025-1"}, Packages: fixed[:2]},
				}}},
				Installed: old,
			})
			got := r.Query(t, "%{NAME} %{EPOCH} %{VERSION} %{ARCH}")
			slices.Sort(got)
			want := []string{"curl 0 8.0 x86_64", "openssl 1 3.0.8 x86_64", "tzdata 0 2025a noarch"}
			if !slices.Equal(got, want) {
				t.Errorf("installed %q, want %q", got, want)
			}
			list := r.DNF(t, "updateinfo", "list")
			for _, row := range []string{"curl-8.1-1.x86_64", "openssl-1:3.0.9-2.x86_64"} {
				if !strings.Contains(list, row) {
					t.Errorf("dnf does not list %s: %s", row, list)
				}
			}
			if check := r.DNF(t, "-C", "check-update"); !strings.Contains(check, "tzdata.noarch") {
				t.Errorf("check-update: %s", check)
			}
		})
	}
}

func TestParseAndNEVRAAreInverse(t *testing.T) {
	for _, n := range []string{"a-1-1.noarch", "a-b-2:1.0~rc1-1.amzn2023.0.1.x86_64", "kernel-6.1.10-1.i686"} {
		if got := Parse(n).NEVRA(); got != n {
			t.Errorf("%s became %s", n, got)
		}
	}
}

func TestARepositoryIsBuiltOnceForItsContent(t *testing.T) {
	if testing.Short() {
		t.Skip("runs rpmbuild and createrepo_c: left out by -short")
	}
	r := Repository{ID: "a", Packages: Packages("tree-2-1.noarch"), Checksum: "sha512"}
	first := Repo(t, r)
	r.ID, r.Settings = "b", map[string]string{"enabled": "0"}
	if again := Repo(t, r); again != first {
		t.Errorf("the same content lies in %s and %s", first, again)
	}
	r.Checksum = "sha1"
	if other := Repo(t, r); other == first {
		t.Error("another content lies in the same folder")
	}
}
