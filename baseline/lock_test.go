package baseline

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func locked(name, version, sha string, cves ...string) LockedPackage {
	return LockedPackage{
		Package: Package{Name: name, Arch: "amd64", Version: version}, Repository: "main",
		Filename: name + ".deb", SHA256: sha, CVEs: cves, Rule: "approval_rule[0]", ComplianceLevel: LevelUnspecified,
	}
}

func debLock(packages ...LockedPackage) *Lock {
	return &Lock{Schema: LockSchema, Baseline: "golden", OS: Debian, Product: "Debian12", Arch: "amd64", EvaluatedAt: day0, Packages: packages}
}

func TestLockDiffInWords(t *testing.T) {
	old := debLock(locked("a", "1", "x"), locked("b", "1", "x", "CVE-1"), locked("c", "2", "x"), locked("d", "1", "x"), locked("e", "1", "x"), locked("f", "1", "x"))
	fresh := debLock(locked("a", "1", "x"), locked("b", "2", "x", "CVE-1", "CVE-2"), locked("c", "1", "x"), locked("d", "1", "y"), locked("f", "1", "x"), locked("g", "3", "x", "CVE-3"))
	fresh.Packages[4].Rule = "approved_patches"
	fresh.Product = "Debian13"
	got := DiffLocks(old, fresh).String()
	want := `product: Debian12 → Debian13
b.amd64 raised from 1 to 2, fixes CVE-2 (approval_rule[0])
c.amd64 lowered from 2 to 1 (approval_rule[0])
d.amd64 1 is another file of the same version (approval_rule[0])
e.amd64 1 no longer locked
f.amd64 1: approval_rule[0] at level UNSPECIFIED before (approved_patches)
g.amd64 3 added, fixes CVE-3 (approval_rule[0])
fixed by the new lock only: CVE-2, CVE-3`
	if got != want {
		t.Errorf("got\n%s", got)
	}
	if d := DiffLocks(fresh, old); !slices.Equal(d.Unfixed, []string{"CVE-2", "CVE-3"}) || d.SameBake {
		t.Errorf("got %+v", d)
	}
	if d := DiffLocks(old, old); d.String() != "no difference" || !d.SameBake {
		t.Errorf("got %+v", d)
	}
}

func TestInstallListsOfThePackageManagers(t *testing.T) {
	for _, c := range []struct {
		os   OperatingSystem
		p    Package
		want string
	}{
		{Debian, Package{Name: "openssl", Arch: "amd64", Version: "3.0.11-1"}, "openssl:amd64=3.0.11-1"},
		{Debian, Package{Name: "tzdata", Arch: "all", Version: "2024a"}, "tzdata=2024a"},
		{RedHat, Package{Name: "openssl", Arch: "x86_64", Epoch: "1", Version: "3.0.8", Release: "1"}, "openssl-1:3.0.8-1.x86_64"},
		{RedHat, Package{Name: "bash", Arch: "x86_64", Version: "5", Release: "1"}, "bash-0:5-1.x86_64"},
		{Suse, Package{Name: "curl", Arch: "x86_64", Epoch: "0", Version: "8", Release: "1.2"}, "curl.x86_64=8-1.2"},
		{Suse, Package{Name: "curl", Arch: "x86_64", Epoch: "2", Version: "8", Release: "1.2"}, "curl.x86_64=2:8-1.2"},
		{MacOS, Package{Name: "jq", Version: "1.7"}, "jq=1.7"},
	} {
		l := &Lock{OS: c.os, Packages: []LockedPackage{{Package: c.p}}}
		if got := l.InstallList(); got[0] != c.want {
			t.Errorf("got %s, want %s", got[0], c.want)
		}
	}
}

func TestCanonicalIsSortedAndSurvivesReading(t *testing.T) {
	l := debLock(locked("b", "1", "x", "CVE-2", "CVE-1"), locked("a", "1", "x"))
	l.Repositories = []Repository{{ID: "z"}, {ID: "y"}}
	swapped := *l
	swapped.Packages = []LockedPackage{l.Packages[1], l.Packages[0]}
	swapped.Repositories = []Repository{{ID: "y"}, {ID: "z"}}
	if !bytes.Equal(l.Canonical(), swapped.Canonical()) || l.Digest() != swapped.Digest() || l.Identity() != swapped.Identity() {
		t.Errorf("%s\n%s", l.Canonical(), swapped.Canonical())
	}
	again, err := ParseLock(l.Canonical())
	if err != nil || !bytes.Equal(again.Canonical(), l.Canonical()) {
		t.Errorf("%v\n%s", err, l.Canonical())
	}
	if l.Packages[0].CVEs[0] != "CVE-2" {
		t.Error("Canonical changed its receiver")
	}
	if empty := string((&Lock{}).Canonical()); !strings.Contains(empty, `"packages":[]`) || !strings.Contains(empty, `"repositories":[]`) {
		t.Errorf("got %s", empty)
	}
}

func TestLocksThatAreNotExactAreRefused(t *testing.T) {
	for _, text := range []string{
		`x`, `{"schema":2,"os":"DEBIAN"}`, `{"schema":1,"os":"BEOS"}`,
		`{"schema":1,"os":"DEBIAN","packages":[{"name":"a","filename":"f"}]}`,
		`{"schema":1,"os":"DEBIAN","packages":[{"name":"a","sha256":"s"}]}`,
		`{"schema":1,"os":"DEBIAN","packages":[{"filename":"f","sha256":"s"}]}`,
	} {
		if l, err := ParseLock([]byte(text)); err == nil {
			t.Errorf("%s: got %+v", text, l)
		}
	}
}

func TestOverridesOfALockSelectExactlyItsVersions(t *testing.T) {
	n := debianNode()
	n.Available.Packages = append(n.Available.Packages, n.Available.Packages[0])
	n.Available.Packages[4].Version = "3.0.17" // newer, approved too, not locked
	old := debianNode()
	l, err := MakeLock(debianBaseline(), old, day0, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := EvaluateRun(debianBaseline(), n, Run{Operation: OperationInstall, Override: l.InstallOverrideList()}, day0, Options{})
	if err != nil || !slices.Equal(r.ToInstall, []string{"openssl.amd64=3.0.16-1~deb12u1"}) {
		t.Errorf("got %v, %v", r.ToInstall, err)
	}
	list, err := l.BaselineOverride()
	if err != nil {
		t.Fatal(err)
	}
	if r, err = Evaluate(&list[0], n, day0, Options{}); err != nil || !slices.Equal(r.ToInstall, []string{"openssl.amd64=3.0.16-1~deb12u1"}) {
		t.Errorf("got %v, %v", r.ToInstall, err)
	}
	big := debLock()
	for i := range 51 {
		big.Packages = append(big.Packages, locked(fmt.Sprint("p", i), "1", "x"))
	}
	var invalid *InvalidError
	if _, err := big.BaselineOverride(); !errors.As(err, &invalid) || invalid.Faults[0].Field != "[0].ApprovedPatches" {
		t.Errorf("got %v", err)
	}
}

func TestDependenciesMustAgreeWithTheLock(t *testing.T) {
	n := debianNode()
	target := n.Available.Packages[0]
	other, older, same, newer := target, n.Available.Packages[1], n.Available.Packages[1], n.Available.Packages[1]
	other.Version, older.Version, newer.Version = "9", "1", "8"
	for name, c := range map[string]struct {
		dep  AvailablePackage
		err  string
		want int
	}{
		"the target itself":     {target, "", 1},
		"another target":        {other, "the lock already holds openssl.amd64:3.0.16-1~deb12u1", 0},
		"installed as it is":    {same, "", 1},
		"installed and newer":   {older, "is installed and newer", 0},
		"installed and older":   {newer, "", 2},
		"without a file digest": {AvailablePackage{Package: Package{Name: "x", Arch: "amd64", Version: "1"}, Filename: "f"}, "no SHA-256", 0},
	} {
		l, err := MakeLock(debianBaseline(), n, day0, Options{}, c.dep)
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil || len(l.Packages) != c.want:
			t.Errorf("%s: %+v, %v", name, l, err)
		case c.want == 2 && l.Packages[0].From != "7.88.1-10":
			t.Errorf("%s: from %q", name, l.Packages[0].From)
		}
	}
}

func TestTheFirstRepositoryInOrderGivesTheFile(t *testing.T) { // §16.1
	n := debianNode()
	twin := n.Available.Packages[0]
	twin.Repository, twin.Filename = "a-mirror", "other.deb"
	for _, list := range [][]AvailablePackage{{n.Available.Packages[0], twin}, {twin, n.Available.Packages[0]}} {
		n.Available.Packages = list
		l, err := MakeLock(debianBaseline(), n, day0, Options{})
		if err != nil || l.Packages[0].Repository != "a-mirror" {
			t.Errorf("got %+v, %v", l, err)
		}
	}
}

func TestWindowsCannotBeLocked(t *testing.T) {
	if _, err := MakeLock(withRules(Windows), windowsNode(), day0, Options{}); err == nil {
		t.Error("a lock without digests was made")
	}
}

func TestJudgeTellsExactFromNewerOlderAndAbsent(t *testing.T) {
	l := debLock(locked("a", "2", "x"), locked("b", "2", "x"), locked("c", "2", "x"), locked("d", "2", "x"), locked("e", "2", "x"))
	inst := func(name, arch, version string) Installed {
		return Installed{Package: Package{Name: name, Arch: arch, Version: version}}
	}
	got := l.Judge(Inventory{Installed: []Installed{
		inst("a", "amd64", "1"), inst("a", "amd64", "2"), // the highest counts
		inst("b", "amd64", "3"), inst("c", "amd64", "1"), inst("d", "i386", "2"), inst("e", "amd64", "2"), inst("e", "amd64", "3"),
	}})
	want := []string{"exact 2", "newer 3", "older 1", "absent ", "newer 3"}
	for i, f := range got {
		if s := f.Standing + " " + f.Installed; s != want[i] {
			t.Errorf("%s: got %s, want %s", f.Name, s, want[i])
		}
	}
	if Honoured(got) || !Honoured(got[:1]) || !Honoured(nil) {
		t.Error("a root honours the lock when every finding is exact")
	}
}

func TestLocksNameTheirExtensions(t *testing.T) {
	n := debianNode()
	n.Available.Packages[0].FirstSeen = day0.AddDate(0, 0, -30)
	plain, err1 := MakeLock(debianBaseline(), n, day0, Options{})
	marked, err2 := MakeLock(debianBaseline(), n, day0, Options{AptApprovalDelay: true})
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if len(plain.Extensions) != 0 || !slices.Equal(marked.Extensions, []string{ExtensionAptDelay}) || plain.Identity() == marked.Identity() {
		t.Errorf("got %v and %v", plain.Extensions, marked.Extensions)
	}
	rpm, err := MakeLock(withRules(RedHat), rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1"), day0, Options{AptApprovalDelay: true})
	if err != nil || len(rpm.Extensions) != 0 {
		t.Errorf("the extension is Debian's: %v, %v", rpm.Extensions, err)
	}
}
