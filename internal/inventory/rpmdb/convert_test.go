package rpmdb

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTheSourceIsTheNameBeforeVersionAndRelease(t *testing.T) {
	for rpm, want := range map[string]string{
		"bash-5.2.15-1.src.rpm": "bash", "java-1.8.0-openjdk-1.8.0.1-1.el7.src.rpm": "java-1.8.0-openjdk",
		"": "", "odd": "", "a-b": "", "a-1-1.nosrc.rpm": "a",
	} {
		if got := (Package{SourceRPM: rpm}).Source(); got != want {
			t.Errorf("%q comes from %q, want %q", rpm, got, want)
		}
	}
}

func TestTheArchitectureIsTheSystemsNotTheMajoritys(t *testing.T) {
	database := func(list string) Database {
		var d Database
		for _, na := range strings.Fields(list) {
			name, arch, _ := strings.Cut(na, ".")
			d.Packages = append(d.Packages, Package{Name: name, Arch: arch})
		}
		return d
	}
	for list, want := range map[string]string{
		"a.noarch b.x86_64":                       "x86_64",
		"a.i686 b.i686 c.i686 rpm.x86_64":         "x86_64",
		"rpm.i686 rpm.x86_64 kernel-core.x86_64":  "x86_64",
		"rpm.i686 rpm.x86_64 a.i686 b.i686":       "x86_64",
		"glibc.i686 bash.i586":                    "i386",
		"bash.armv7hl":                            "armhfp",
		"a.aarch64":                               "aarch64",
		"a.i686 b.x86_64":                         "x86_64", // what can have both
		"a.i686 b.i686 c.x86_64":                  "x86_64",
		"kernel.x86_64 kernel.x86_64 rpm.aarch64": "aarch64",
	} {
		if got, err := database(list).BaseArch(); err != nil || got != want {
			t.Errorf("%s: %q, want %q (%v)", list, got, want, err)
		}
	}
	if got, err := database("a.noarch").BaseArch(); err == nil {
		t.Errorf("noarch packages alone gave %q", got)
	}
}

func TestDuplicatesAreRemarkedOnUnlessTheyLiveSideBySide(t *testing.T) {
	provide := func(names ...string) relations { return relations{names: strings.Join(names, "\x00") + "\x00"} }
	d := Database{Packages: sorted([]Package{
		{Name: "bash", Epoch: "0", Version: "5.1", Release: "1", Arch: "x86_64"},
		{Name: "bash", Epoch: "2", Version: "5.0", Release: "1", Arch: "x86_64"},
		{Name: "glibc", Epoch: "0", Version: "2.34", Release: "1", Arch: "x86_64"},
		{Name: "glibc", Epoch: "0", Version: "2.34", Release: "1", Arch: "i686"},
		{Name: "kernel-core", Epoch: "0", Version: "6.1.9", Release: "1", Arch: "x86_64", provides: provide("kernel-core", "installonlypkg(kernel)")},
		{Name: "kernel-core", Epoch: "0", Version: "6.1.10", Release: "1", Arch: "x86_64", provides: provide("installonlypkg(kernel)", "x")},
		{Name: "kmod", Epoch: "0", Version: "1", Release: "1", Arch: "x86_64", provides: provide("kernel-extra")},
		{Name: "kmod", Epoch: "0", Version: "2", Release: "1", Arch: "x86_64", provides: provide("kernel-extra")},
	})}
	got := d.Remarks()
	if len(got) != 2 || !strings.Contains(got[0], "bash.x86_64 is installed twice, as 5.1-1 and 2:5.0-1") || !strings.Contains(got[1], "kmod") {
		t.Errorf("%q", got)
	}
}

func TestRelationsAreTakenApart(t *testing.T) {
	r := relations{names: "a\x00b\x00c\x00d\x00e\x00f\x00", versions: "\x001:2-3\x004\x005\x006\x007\x00",
		flags: "\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x02\x00\x00\x00\x0a\x00\x00\x00\x0c\x01\x00\x00\x04"}
	want := []Capability{{"a", "", ""}, {"b", "=", "1:2-3"}, {"c", "<", "4"}, {"d", "<=", "5"}, {"e", ">=", "6"}, {"f", ">", "7"}}
	if got := r.list(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	// Lists of different lengths come from damage or from very old packages.
	r.versions, r.flags = "", "\x00"
	if got := r.list(); len(got) != 6 || got[3] != (Capability{Name: "d"}) {
		t.Errorf("%v", got)
	}
	if (Package{}).Provides() != nil || (Package{}).Obsoletes() != nil {
		t.Error("nothing gave something")
	}
}

func TestPackagesBecomeInstalledOnes(t *testing.T) {
	at := time.Unix(1700000000, 0).UTC()
	d := Database{Packages: []Package{{Name: "a", Epoch: "3", Version: "1~rc1", Release: "2", Arch: "noarch", InstallTime: at, SourceRPM: "src-1-2.src.rpm"}}}
	got := d.Installed()
	if len(got) != 1 || got[0].Name != "a" || got[0].Epoch != "3" || got[0].Version != "1~rc1" || got[0].Release != "2" || got[0].Arch != "noarch" ||
		!got[0].InstalledTime.Equal(at) || got[0].Source != "src" || got[0].Held {
		t.Errorf("%+v", got)
	}
}
