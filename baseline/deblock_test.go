package baseline

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var day0 = time.Date(2025, 7, 14, 12, 0, 0, 0, time.UTC)

// debianNode has openssl and bash behind their security versions and curl up to
// date; perl is available but not installed.
func debianNode() Node {
	security := []Origin{{Origin: "Debian", Label: "Debian-Security", Suite: "stable-security", Site: "mirror.example", Trusted: true}}
	file := func(name, version string) AvailablePackage {
		return AvailablePackage{
			Package:  Package{Name: name, Arch: "amd64", Version: version},
			Priority: "optional", Section: "libs", Origins: security,
			Repository: "security", Filename: "pool/" + name + ".deb", Size: 10,
			SHA256: strings.Repeat("a", 64),
		}
	}
	inst := func(name, version string) Installed {
		return Installed{Package: Package{Name: name, Arch: "amd64", Version: version}}
	}
	return Node{
		Inventory: Inventory{
			OS: Debian, Product: "Debian12", Arch: "amd64",
			Installed: []Installed{inst("openssl", "3.0.15-1~deb12u1"), inst("curl", "7.88.1-10"), inst("bash", "5.2")},
		},
		Available: Available{
			Packages: []AvailablePackage{
				file("openssl", "3.0.16-1~deb12u1"), file("curl", "7.88.1-10"),
				file("bash", "5.2+deb1"), file("perl", "5.36"),
			},
			Repositories: []Repository{{ID: "security", URL: "http://mirror.example/debian-security"}},
		},
	}
}

func debianBaseline() *Baseline {
	return &Baseline{
		Name: "golden", OperatingSystem: Debian,
		ApprovalRules: &PatchRuleGroup{PatchRules: []PatchRule{{
			PatchFilterGroup: &PatchFilterGroup{PatchFilters: []PatchFilter{{Key: "PRIORITY", Values: []string{"*"}}}},
			ApproveAfterDays: ptr(7), ComplianceLevel: LevelHigh,
		}}},
		RejectedPatches: []string{"bash*"},
	}
}

func ptr[T any](v T) *T { return &v }

func TestScanOfDebianNode(t *testing.T) {
	got, err := Evaluate(debianBaseline(), debianNode(), day0, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := &Result{
		Items: []Item{
			{ID: "bash.amd64", Title: "bash.amd64:5.2", Name: "bash", Arch: "amd64", State: StateInstalledOther, Installed: "5.2", Version: "5.2", ComplianceLevel: LevelUnspecified},
			{ID: "curl.amd64", Title: "curl.amd64:7.88.1-10", Name: "curl", Arch: "amd64", State: StateInstalled, Installed: "7.88.1-10", Version: "7.88.1-10", ComplianceLevel: LevelHigh, Classification: "Security", Severity: "optional", Rule: "approval_rule[0]"},
			{ID: "openssl.amd64", Title: "openssl.amd64:3.0.16-1~deb12u1", Name: "openssl", Arch: "amd64", State: StateMissing, Installed: "3.0.15-1~deb12u1", Version: "3.0.16-1~deb12u1", ComplianceLevel: LevelHigh, Classification: "Security", Severity: "optional", Rule: "approval_rule[0]"},
		},
		Counts:           Counts{InstalledCount: 1, InstalledOtherCount: 1, MissingCount: 1, NotApplicableCount: 1, SecurityNonCompliantCount: 1},
		Status:           NonCompliant,
		OverallSeverity:  LevelHigh,
		ReportedSeverity: LevelHigh,
		ToInstall:        []string{"openssl.amd64=3.0.16-1~deb12u1"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestAptDelayCountsTheLaterOfChangelogAndFirstSeen(t *testing.T) {
	long, fresh := day0.AddDate(0, 0, -20), day0.AddDate(0, 0, -2)
	for name, c := range map[string]struct {
		changelog, seen time.Time
		want            State
		reason          string
	}{
		"both old":              {long, long, StateMissing, ""},
		"changelog fresh":       {fresh, long, StateInstalledOther, ""},
		"first seen fresh":      {long, fresh, StateInstalledOther, ""},
		"only first seen known": {time.Time{}, long, StateMissing, ""},
		"no date known":         {time.Time{}, time.Time{}, StateInstalledOther, "date is not known"},
		"exactly seven days":    {day0.AddDate(0, 0, -7), long, StateInstalledOther, ""},
	} {
		t.Run(name, func(t *testing.T) {
			n := debianNode()
			n.Available.Packages[0].Changelog = &Changelog{Date: c.changelog}
			n.Available.Packages[0].FirstSeen = c.seen
			r, err := Evaluate(debianBaseline(), n, day0, Options{AptApprovalDelay: true})
			if err != nil {
				t.Fatal(err)
			}
			it := r.Items[2]
			if it.State != c.want || !strings.Contains(it.Reason, c.reason) {
				t.Errorf("got %s (%s), want %s", it.State, it.Reason, c.want)
			}
			if len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0], ExtensionAptDelay) {
				t.Errorf("notes %q do not name the extension", r.Notes)
			}
		})
	}
}

func TestLockHoldsTargetsAndDependencies(t *testing.T) {
	n := debianNode()
	dep := n.Available.Packages[3]
	l, err := MakeLock(debianBaseline(), n, day0, Options{}, dep)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"openssl:amd64=3.0.16-1~deb12u1", "perl:amd64=5.36"}, l.InstallList()); d != "" {
		t.Error(d)
	}
	if p := l.Packages[0]; p.From != "3.0.15-1~deb12u1" || p.Rule != "approval_rule[0]" || p.ComplianceLevel != LevelHigh || p.Repository != "security" {
		t.Errorf("locked %+v", p)
	}
	if p := l.Packages[1]; p.From != "" || p.Rule != RuleDependency {
		t.Errorf("dependency %+v", p)
	}
	f := l.Judge(n.Inventory)
	if f[0].Standing != StandingOlder || f[1].Standing != StandingAbsent || Honoured(f) {
		t.Errorf("before: %+v", f)
	}
	n.Inventory.Installed[0].Version = "3.0.16-1~deb12u1"
	n.Inventory.Installed = append(n.Inventory.Installed, Installed{Package: dep.Package})
	if f := l.Judge(n.Inventory); !Honoured(f) {
		t.Errorf("after: %+v", f)
	}
}

func TestLockRefusesPackagesWithoutDigestByName(t *testing.T) {
	n := debianNode()
	n.Available.Packages[0].SHA256 = ""
	_, err := MakeLock(debianBaseline(), n, day0, Options{})
	if err == nil || !strings.Contains(err.Error(), "openssl.amd64:3.0.16-1~deb12u1") {
		t.Errorf("got %v", err)
	}
}

func TestHeldPackagesAreMissingButNotLocked(t *testing.T) {
	n := debianNode()
	n.Inventory.Installed[0].Held = true
	l, err := MakeLock(debianBaseline(), n, day0, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Packages) != 0 || len(l.Skipped) != 1 || l.Skipped[0].Reason != "held" {
		t.Errorf("packages %v, skipped %v", l.Packages, l.Skipped)
	}
}

func TestIdentityIgnoresTimeAndIndexState(t *testing.T) {
	a, err := MakeLock(debianBaseline(), debianNode(), day0, Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := debianNode()
	n.Available.Repositories[0].IndexSHA256 = "changed"
	b, err := MakeLock(debianBaseline(), n, day0.Add(time.Hour), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if a.Identity() != b.Identity() || a.Digest() == b.Digest() {
		t.Error("identity must be equal and digest must differ")
	}
	n.Available.Packages[0].SHA256 = strings.Repeat("b", 64)
	c, err := MakeLock(debianBaseline(), n, day0, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if a.Identity() == c.Identity() {
		t.Error("another file is another identity")
	}
}

func TestSuppliedBaselineTextsWithDefaultsShareADigest(t *testing.T) {
	short, err := Parse([]byte(`{"Name":"abc","OperatingSystem":"DEBIAN"}`))
	if err != nil {
		t.Fatal(err)
	}
	long, err := Parse([]byte(`{"Name":"abc","OperatingSystem":"DEBIAN","GlobalFilters":{"PatchFilters":[]},
		"ApprovedPatches":[],"ApprovedPatchesComplianceLevel":"UNSPECIFIED","ApprovedPatchesEnableNonSecurity":false,
		"RejectedPatchesAction":"ALLOW_AS_DEPENDENCY","BaselineId":"pb-0123456789abcdef0","PatchGroups":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	if short.Digest() != long.Digest() {
		t.Errorf("%s\n%s", short.Canonical(), long.Canonical())
	}
}
