package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

func rpm(name, epoch, version string) baseline.Package {
	return baseline.Package{Name: name, Arch: "x86_64", Epoch: epoch, Version: version, Release: "1"}
}

// notice is an advisory about one version; severity "" is none.
func notice(id, kind, severity, status string, cves ...string) baseline.Notice {
	n := baseline.Notice{ID: id, Type: kind, Status: status, CVEs: cves}
	if id == "A-4" {
		n.Issued = "2199-01-01" // a clock elsewhere is wrong: it is offered all the same
	}
	if severity != "" {
		n.Severity = &severity
	}
	return n
}

func offered(p baseline.Package, notices ...baseline.Notice) baseline.AvailablePackage {
	return baseline.AvailablePackage{Package: p, Notices: notices, Repository: "updates", Filename: p.Name + p.Version + ".rpm"}
}

func pendingOf(t *testing.T, n baseline.Node) []record.Update {
	t.Helper()
	s := &scanner{in: ScanRequest{Now: scanTime}, out: &record.Scan{}}
	if err := s.pending(n); err != nil {
		t.Fatal(err)
	}
	return s.out.Updates
}

// Every system's "everything" is a baseline that the engine takes and that holds
// nothing back.
func TestEverything_approves_updates_of_every_linux(t *testing.T) {
	for _, os := range baseline.OperatingSystems() {
		if os == baseline.Windows || os == baseline.MacOS {
			continue
		}
		if err := everything(os).Validate(); err != nil {
			t.Errorf("%s: %v", os, err)
		}
		n := baseline.Node{Inventory: baseline.Inventory{OS: os, Product: "X9", Installed: []baseline.Installed{{Package: rpm("tool", "0", "1")}}},
			Available: baseline.Available{Packages: []baseline.AvailablePackage{offered(rpm("tool", "0", "2")), offered(rpm("tool", "0", "1"))}}}
		if got := pendingOf(t, n); len(got) != 1 || got[0].Name != "tool" {
			t.Errorf("%s: %+v", os, got)
		}
	}
}

func TestPending_tells_advisories_of_every_version_between(t *testing.T) {
	n := baseline.Node{
		Inventory: baseline.Inventory{OS: baseline.AmazonLinux2023, Product: "AmazonLinux2023", Installed: []baseline.Installed{
			{Package: rpm("tool", "1", "1"), Held: true}, {Package: rpm("other", "0", "5")}}},
		Available: baseline.Available{Packages: []baseline.AvailablePackage{
			offered(rpm("tool", "1", "1"), notice("OLD", "security", "Low", "", "CVE-0")),
			offered(rpm("tool", "1", "2"), notice("A-2", "security", "Important", "", "CVE-2", "CVE-1")),
			offered(rpm("tool", "1", "3"), notice("A-3", "bugfix", "", ""), notice("A-4", "security", "Low", ""), notice("A-2", "security", "Important", "", "CVE-2")),
			offered(rpm("tool", "0", "9"), notice("LOWER", "security", "Low", "", "CVE-9")), // an epoch below
			offered(rpm("other", "0", "6"), notice("GONE", "security", "Low", "retracted", "CVE-8")),
		}},
	}
	got := pendingOf(t, n)
	want := []record.Update{{Name: "tool", Arch: "x86_64", Installed: "1:1-1", Version: "1:3-1", Source: "updates", Filename: "tool3.rpm", Security: true, Held: true,
		Classification: got[0].Classification, Severity: got[0].Severity, CVEs: []string{"CVE-1", "CVE-2"},
		Advisories: []record.Advisory{{ID: "A-2", Type: "security", Severity: "Important", Version: "1:2-1", CVEs: []string{"CVE-2", "CVE-1"}}, {ID: "A-3", Type: "bugfix", Version: "1:3-1"}, {ID: "A-4", Type: "security", Severity: "Low", Issued: "2199-01-01", Version: "1:3-1"}}}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestPending_tells_nothing_of_what_modules_hide(t *testing.T) {
	of := func(p baseline.AvailablePackage, module string) baseline.AvailablePackage {
		p.Module = module
		for i := range p.Notices {
			p.Notices[i].Module = module
		}
		return p
	}
	other := notice("BOUND", "security", "Low", "")
	other.Module = "web:10"
	n := baseline.Node{
		Inventory: baseline.Inventory{OS: baseline.RedHat, Product: "RedhatEnterpriseLinux8.10", EnabledModules: []string{"web:12"}, Installed: []baseline.Installed{{Package: rpm("web", "0", "1")}}},
		Available: baseline.Available{Packages: []baseline.AvailablePackage{
			of(offered(rpm("web", "0", "10"), notice("S-10", "security", "Low", "")), "web:10"),
			of(offered(rpm("web", "0", "12"), notice("S-12", "bugfix", "Low", "")), "web:12"),
			of(offered(rpm("web", "0", "13"), notice("S-13", "security", "Low", "")), "web:12:c1"), // a build for other needs
			offered(rpm("web", "0", "11"), notice("PLAIN", "security", "Low", "")),
		}},
	}
	n.Available.Packages[1].Notices = append(n.Available.Packages[1].Notices, other)
	got := pendingOf(t, n)
	if len(got) != 1 || got[0].Version != "0:12-1" || len(got[0].Advisories) != 1 || got[0].Advisories[0].ID != "S-12" || got[0].Security {
		t.Errorf("%+v", got)
	}
}

func TestPending_carries_the_baselines_word(t *testing.T) {
	n := baseline.Node{Inventory: baseline.Inventory{OS: baseline.Debian, Product: "Debian12", Installed: []baseline.Installed{{Package: baseline.Package{Name: "a", Arch: "all", Version: "1"}}}},
		Available: baseline.Available{Packages: []baseline.AvailablePackage{{Package: baseline.Package{Name: "a", Arch: "all", Version: "2"}, Changelog: &baseline.Changelog{CVEs: []string{"CVE-5"}},
			Origins: []baseline.Origin{{Label: "Debian", Codename: "bookworm"}, {Label: "Debian-Security", Codename: "bookworm-security"}}}}}}
	s := &scanner{in: ScanRequest{Now: scanTime, Baseline: policy()}, out: &record.Scan{Standing: record.StandsInventory}}
	if err := s.judge(n, nil); err != nil {
		t.Fatal(err)
	}
	u := s.out.Updates[0]
	if u.State != "Missing" || u.Rule != "approval_rule[0]" || u.Origin != "Debian bookworm, Debian-Security bookworm-security" || !u.Security || len(u.CVEs) != 1 {
		t.Errorf("%+v", u)
	}
}
