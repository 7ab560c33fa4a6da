// Package scantest has reports of scans for the tests of their renderers.
package scantest

import (
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// Hostile is a text that must not break out of any format.
const Hostile = "<script>alert(1)</script>|\n\"&'=cmd"

// At is when every sample was taken.
func At() time.Time { return time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC) }

func deb(name, version, source string) baseline.Installed {
	return baseline.Installed{Package: baseline.Package{Name: name, Arch: "amd64", Version: version}, Source: source}
}

// Sample is a report with every section: an image that is not compliant.
func Sample() *record.Scan {
	level := "Important"
	s := &record.Scan{
		Schema: record.ScanSchema, Tool: "rehydrate 0.1.0", Target: "ami-0123456789abcdef0", Kind: record.KindImage, Snapshot: "snap-0123456789abcdef0",
		ScannedAt: At(), Modelled: []string{"AWS, by the twin"}, Standing: record.StandsNonCompliant,
		Inventory: baseline.Inventory{OS: baseline.Debian, Product: "Debian12", Arch: "amd64", Installed: []baseline.Installed{
			deb("bash", "5.2.15-2+b7", ""), deb("libssl3", "1:3.0.15-1~deb12u1", "openssl"), deb("tzdata", "2024a-0+deb12u1", ""), deb("zlib1g", "1:1.2.13", "zlib"),
		}},
		Sources: []baseline.Repository{
			{ID: "deb.example/debian bookworm", URL: "http://deb.example/debian", Suite: "bookworm", Date: At().Add(-72 * time.Hour), Verified: true,
				SignedBy: "A4285295FC7B1A81600062A9605C66F00D6C9793", SeenFrom: "var/lib/apt/lists/deb.example_debian_dists_bookworm_InRelease", IndexSHA256: "ab12"},
			{ID: "deb.example/debian-security bookworm-security", URL: "http://deb.example/debian-security", Date: At().Add(-90 * time.Minute), SeenFrom: "var/lib/apt/lists/x"},
		},
		UpdatesKnown: true,
		Updates: []record.Update{
			{Name: "libssl3", Arch: "amd64", Installed: "1:3.0.15-1~deb12u1", Version: "1:3.0.17-1~deb12u2", Source: "deb.example/debian-security bookworm-security", Origin: "Debian-Security bookworm-security",
				Size: 2_031_000, SHA256: "cd34", Security: true, Classification: "Security", Severity: level,
				Advisories: []record.Advisory{{ID: "DSA-5764-1", Type: "security", Severity: level, Issued: "2026-03-01", Version: "1:3.0.17-1~deb12u2", CVEs: []string{"CVE-2026-1001", "CVE-2026-1002"}}},
				CVEs:       []string{"CVE-2026-1001", "CVE-2026-1002"}, State: "Missing", Rule: "approval_rule[0]", Level: "CRITICAL"},
			{Name: "tzdata", Arch: "amd64", Installed: "2024a-0+deb12u1", Version: "2024b-0+deb12u1", Source: "deb.example/debian bookworm", Origin: "Debian bookworm", Held: true, Phased: 40, State: "InstalledOther"},
		},
		Baseline: &record.Judge{Name: "AWS-DebianDefaultPatchBaseline", Digest: "sha256:aa"},
		Evaluation: &baseline.Result{Status: baseline.NonCompliant, Counts: baseline.Counts{MissingCount: 1, InstalledCount: 2, InstalledOtherCount: 1}, Items: []baseline.Item{
			{ID: "bash.amd64", Title: "bash.amd64:5.2.15-2+b7", Name: "bash", Arch: "amd64", State: baseline.StateInstalled, Installed: "5.2.15-2+b7", Version: "5.2.15-2+b7", Rule: "approval_rule[0]", ComplianceLevel: "CRITICAL"},
			{ID: "libssl3.amd64", Title: "libssl3.amd64:1:3.0.17-1~deb12u2", Name: "libssl3", Arch: "amd64", State: baseline.StateMissing, Installed: "1:3.0.15-1~deb12u1", Version: "1:3.0.17-1~deb12u2", Rule: "approval_rule[0]",
				ComplianceLevel: "CRITICAL", Classification: "Security", Severity: level, CVEs: []string{"CVE-2026-1001"}},
			{ID: "tzdata.amd64", Title: "tzdata.amd64:2024a-0+deb12u1", Name: "tzdata", Arch: "amd64", State: baseline.StateInstalledOther, Installed: "2024a-0+deb12u1"},
			{ID: "zlib1g.amd64", Title: "zlib1g.amd64:1:1.2.13", Name: "zlib1g", Arch: "amd64", State: baseline.StateInstalled, Installed: "1:1.2.13"},
		}},
		Lock: &record.Judge{Name: "debian", Digest: "sha256:bb"},
		Findings: []baseline.LockFinding{
			{LockedPackage: baseline.LockedPackage{Package: baseline.Package{Name: "bash", Arch: "amd64", Version: "5.2.15-2+b7"}}, Installed: "5.2.15-2+b7", Standing: baseline.StandingExact},
			{LockedPackage: baseline.LockedPackage{Package: baseline.Package{Name: "libssl3", Arch: "amd64", Version: "1:3.0.17-1~deb12u2"}, CVEs: []string{"CVE-2026-1001"}}, Installed: "1:3.0.15-1~deb12u1", Standing: baseline.StandingOlder},
		},
		Remarks: []string{"package tzdata is on hold at 2024a-0+deb12u1", "source x: the index signature was not verified: " + Hostile},
		Read:    record.ReadCost{Bytes: 12_582_912, Blocks: 24, Total: 649, MS: 41},
		Costs:   []record.DepthCost{{Depth: record.DepthPackages, ReadCost: record.ReadCost{Bytes: 4_718_592, Blocks: 9, Total: 649, MS: 21}}, {Depth: record.DepthMetadata, ReadCost: record.ReadCost{Bytes: 7_864_320, Blocks: 15, Total: 649, MS: 20}, Files: 12}},
		Facts: &record.Facts{Depth: record.DepthMetadata, Users: []record.User{{Name: "root", Shell: "/bin/bash", Password: record.PasswordLocked}}, SetID: []record.Special{{Path: "usr/bin/passwd", Mode: "4755"}},
			Services: []record.Service{{Unit: "ssh.service", How: "wants", By: "multi-user.target"}}, Total: record.FolderSize{Path: ".", Bytes: 123_456_789, Files: 9876},
			Folders: []record.FolderSize{{Path: "usr", Bytes: 100_000_000, Files: 9000}}, Kernels: []record.Kernel{{Version: "6.1.0-28-amd64", Image: true, Modules: true}}},
	}
	return s
}

// Rpm is a compliant root with epochs, two versions of one package and one package
// twice at one version.
func Rpm() *record.Scan {
	p := func(name, epoch, version, release string) baseline.Installed {
		return baseline.Installed{Package: baseline.Package{Name: name, Arch: "x86_64", Epoch: epoch, Version: version, Release: release}}
	}
	return &record.Scan{Schema: record.ScanSchema, Tool: "rehydrate 0.1.0", Target: "/srv/al2023", Kind: record.KindRoot, ScannedAt: At(), Standing: record.StandsCompliant, UpdatesKnown: true,
		Inventory: baseline.Inventory{OS: baseline.AmazonLinux2023, Product: "AmazonLinux2023", Arch: "x86_64", Installed: []baseline.Installed{
			p("gpg-pubkey", "0", "d832c631", "6515c85e"), p("gpg-pubkey", "0", "d832c631", "6515c85e"), p("kernel", "0", "6.1.1", "1.amzn2023"), p("kernel", "0", "6.1.2", "1.amzn2023"), p("bind-libs", "32", "9.18.5", "1.amzn2023"),
		}},
		Evaluation: &baseline.Result{Status: baseline.Compliant}, Baseline: &record.Judge{Name: "AWS-AmazonLinux2023DefaultPatchBaseline"}, Read: record.ReadCost{Bytes: 1000, MS: 3}}
}

// Unknown is a disk that could not be read truthfully.
func Unknown() *record.Scan {
	return &record.Scan{Schema: record.ScanSchema, Tool: "rehydrate 0.1.0", Target: "disk.raw", Kind: record.KindDisk, ScannedAt: At(), Standing: record.StandsUnknown,
		Reason: "partition 1: file system was not cleanly unmounted", Hint: "unmount it and take the image again", Baseline: &record.Judge{Name: "b"}, Read: record.ReadCost{Bytes: 4096, Blocks: 2, Total: 16, MS: 1}}
}

// NoLists is an image whose package lists were cleaned away: nothing was judged, and
// its updates are not known.
func NoLists() *record.Scan {
	s := Sample()
	s.Standing, s.UpdatesKnown, s.UpdatesReason = record.StandsInventory, false, "read source deb.example: its metadata was not downloaded"
	s.Updates, s.Sources, s.Baseline, s.Evaluation, s.Lock, s.Findings, s.Facts, s.Modelled = nil, nil, nil, nil, nil, nil, nil, nil
	return s
}

// Nasty is Sample with a hostile text in every field that comes from a target.
func Nasty() *record.Scan {
	s := Sample()
	s.Target, s.Inventory.Product = "dir/"+Hostile, Hostile
	for i := range s.Inventory.Installed {
		p := &s.Inventory.Installed[i]
		p.Name, p.Version, p.Arch, p.Source = p.Name+Hostile, Hostile, Hostile, Hostile
	}
	for i := range s.Updates {
		u := &s.Updates[i]
		u.Name, u.Version, u.Origin, u.CVEs = Hostile, Hostile, Hostile, []string{Hostile}
	}
	for i := range s.Evaluation.Items {
		x := &s.Evaluation.Items[i]
		x.ID, x.Name, x.Version, x.Reason = Hostile, Hostile, Hostile, Hostile
	}
	for i := range s.Findings {
		s.Findings[i].Name, s.Findings[i].Installed = Hostile, Hostile
	}
	return s
}

// All are the samples by name.
func All() map[string]*record.Scan {
	return map[string]*record.Scan{"sample": Sample(), "rpm": Rpm(), "unknown": Unknown(), "no lists": NoLists(), "nasty": Nasty(), "empty": {}}
}
