package baseline

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// worlds to draw from: one system of every Linux family.
var drawnSystems = map[OperatingSystem]string{
	Debian: "Debian12", RedHat: "RedhatEnterpriseLinux9.4", CentOS: "CentOS7.9", Suse: "Suse15.6", AmazonLinux2023: "AmazonLinux2023",
}

func drawSystem(t *rapid.T) OperatingSystem {
	return rapid.SampledFrom([]OperatingSystem{Debian, RedHat, CentOS, Suse, AmazonLinux2023}).Draw(t, "os")
}

func drawVersion(t *rapid.T, os OperatingSystem, name, arch string) Package {
	p := Package{Name: name, Arch: arch, Version: rapid.SampledFrom([]string{"1", "2", "2~rc1", "3", "3.1", "10"}).Draw(t, "version")}
	if os != Debian {
		p.Epoch = rapid.SampledFrom([]string{"", "0", "1"}).Draw(t, "epoch")
		p.Release = rapid.SampledFrom([]string{"1", "2"}).Draw(t, "release")
	}
	return p
}

var drawnNames = []string{"bash", "bash-doc", "curl", "kernel", "libcurl"}

func drawNode(t *rapid.T, os OperatingSystem) Node {
	n := Node{Inventory: Inventory{OS: os, Product: drawnSystems[os], Arch: "amd64"}}
	arches := []string{"amd64", "i386"}
	for range rapid.IntRange(0, 6).Draw(t, "installed") {
		p := drawVersion(t, os, rapid.SampledFrom(drawnNames).Draw(t, "name"), rapid.SampledFrom(arches).Draw(t, "arch"))
		n.Inventory.Installed = append(n.Inventory.Installed, Installed{Package: p, Held: rapid.IntRange(0, 9).Draw(t, "held") == 0})
	}
	for i := range rapid.IntRange(0, 10).Draw(t, "available") {
		a := AvailablePackage{
			Package:    drawVersion(t, os, rapid.SampledFrom(drawnNames).Draw(t, "name"), rapid.SampledFrom(arches).Draw(t, "arch")),
			Repository: rapid.SampledFrom([]string{"main", "security"}).Draw(t, "repository"),
			Filename:   "f" + string(rune('a'+i)), SHA256: strings.Repeat(string(rune('a'+i)), 64),
		}
		date := day0.Add(-time.Duration(rapid.IntRange(-48, 40*24).Draw(t, "age")) * time.Hour)
		if os == Debian {
			a.Priority, a.Section = rapid.SampledFrom([]string{"required", "optional"}).Draw(t, "priority"), "libs"
			a.Origins = []Origin{{Suite: rapid.SampledFrom([]string{"stable-security", "stable"}).Draw(t, "suite"), Trusted: true}}
			a.FirstSeen = date
		}
		for k := range rapid.IntRange(0, 2).Draw(t, "notices") {
			if os == Debian {
				break
			}
			notice := advisory("RHSA-2025:"+string(rune('0'+i))+string(rune('0'+k)),
				rapid.SampledFrom([]string{"security", "bugfix"}).Draw(t, "type"),
				rapid.SampledFrom([]string{"Important", "Low"}).Draw(t, "severity"), date.Format("2006-01-02 15:04:05"))
			notice.CVEs = []string{"CVE-2025-" + string(rune('0'+i))}
			a.Notices = append(a.Notices, notice)
		}
		if len(a.Notices) == 0 {
			a.BuildTime = date
		}
		n.Available.Packages = append(n.Available.Packages, a)
	}
	return n
}

var drawnPatterns = []string{"bash", "bash*", "*curl", "kernel.amd64", "curl-2*", "*-3*", "libcurl.i386", "CVE-2025-1", "1:*"}

func drawBaseline(t *rapid.T, os OperatingSystem) *Baseline {
	b := &Baseline{Name: "drawn", OperatingSystem: os, ApprovalRules: &PatchRuleGroup{}}
	key := "CLASSIFICATION"
	values := []string{"Security", "Bugfix", "*"}
	if os == Debian {
		key, values = "PRIORITY", []string{"Required", "Optional", "*"}
	}
	drawFilter := func() PatchFilter {
		return filter(key, rapid.SampledFrom(values).Draw(t, "value"))
	}
	if rapid.Bool().Draw(t, "global") {
		b.GlobalFilters = &PatchFilterGroup{PatchFilters: []PatchFilter{drawFilter()}}
	}
	for range rapid.IntRange(0, 3).Draw(t, "rules") {
		r := rule(rapid.IntRange(0, 30).Draw(t, "days"), drawFilter())
		r.ComplianceLevel = rapid.SampledFrom(levelNames[:]).Draw(t, "level")
		r.EnableNonSecurity = ptr(rapid.Bool().Draw(t, "nonSecurity"))
		b.ApprovalRules.PatchRules = append(b.ApprovalRules.PatchRules, r)
	}
	b.ApprovedPatches = rapid.SliceOfN(rapid.SampledFrom(drawnPatterns), 0, 2).Draw(t, "approved")
	b.RejectedPatches = rapid.SliceOfN(rapid.SampledFrom(drawnPatterns), 0, 2).Draw(t, "rejected")
	b.RejectedPatchesAction = rapid.SampledFrom([]string{Block, AllowAsDependency}).Draw(t, "action")
	b.ApprovedPatchesEnableNonSecurity = ptr(rapid.Bool().Draw(t, "approvedNonSecurity"))
	return b
}

func mustEvaluate(t *rapid.T, b *Baseline, n Node, now time.Time, o Options) *Result {
	t.Helper()
	r, err := Evaluate(b, n, now, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// approvals are the approved candidates of a node, by version and advisory.
func approvals(t *rapid.T, b *Baseline, n Node, now time.Time, o Options) map[string]bool {
	t.Helper()
	c, err := Compile(b, o)
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Catalog(n.Inventory.Product, &n.Available).pass(n.Inventory, now)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for i := range p.groups {
		for j := range p.groups[i].candidates {
			k := &p.groups[i].candidates[j]
			if p.judge(k).ok {
				out[Title(c.os, k.pkg.Package)+" "+noticeID(k.notice)+" "+k.pkg.Filename] = true
			}
		}
	}
	return out
}

func subset(a, b map[string]bool) string {
	for k := range a {
		if !b[k] {
			return k
		}
	}
	return ""
}

func TestRejectingMoreNeverApprovesMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		os := drawSystem(t)
		n, b := drawNode(t, os), drawBaseline(t, os)
		before := approvals(t, b, n, day0, Options{})
		b.RejectedPatches = append(slices.Clone(b.RejectedPatches), rapid.SampledFrom(drawnPatterns).Draw(t, "further"))
		if k := subset(approvals(t, b, n, day0, Options{}), before); k != "" {
			t.Fatalf("%s is approved since more is rejected", k)
		}
	})
}

func TestFiltersOnlyNarrow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		os := drawSystem(t)
		n, b := drawNode(t, os), drawBaseline(t, os)
		before := approvals(t, b, n, day0, Options{})
		narrower := filter("PRODUCT", rapid.SampledFrom([]string{drawnSystems[os], "Other1"}).Draw(t, "product"))
		groups := []*PatchFilterGroup{}
		for i := range b.ApprovalRules.PatchRules {
			groups = append(groups, b.ApprovalRules.PatchRules[i].PatchFilterGroup)
		}
		if b.GlobalFilters == nil {
			b.GlobalFilters = &PatchFilterGroup{}
		}
		groups = append(groups, b.GlobalFilters)
		g := groups[rapid.IntRange(0, len(groups)-1).Draw(t, "group")]
		g.PatchFilters = append(g.PatchFilters, narrower)
		if k := subset(approvals(t, b, n, day0, Options{}), before); k != "" {
			t.Fatalf("%s is approved since a filter was added", k)
		}
	})
}

func TestLaterNeverUnapprovesUnderADelay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		os := drawSystem(t)
		n, b := drawNode(t, os), drawBaseline(t, os)
		o := Options{AptApprovalDelay: rapid.Bool().Draw(t, "extension")}
		later := day0.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "hours")) * time.Hour)
		if k := subset(approvals(t, b, n, day0, o), approvals(t, b, n, later, o)); k != "" {
			t.Fatalf("%s is no longer approved at %v", k, later)
		}
	})
}

func TestOrderOfInputsNeverShows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		os := drawSystem(t)
		n, b := drawNode(t, os), drawBaseline(t, os)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		m := n
		m.Inventory.Installed, m.Available.Packages = slices.Clone(n.Inventory.Installed), slices.Clone(n.Available.Packages)
		r.Shuffle(len(m.Available.Packages), func(i, j int) {
			m.Available.Packages[i], m.Available.Packages[j] = m.Available.Packages[j], m.Available.Packages[i]
		})
		for i := range m.Available.Packages {
			a := &m.Available.Packages[i]
			a.Notices = slices.Clone(a.Notices)
			slices.Reverse(a.Notices)
		}
		// Equal versions of one package may differ in what comes with them, such as
		// Held; their order is the one that is kept.
		byKey := func(a, b Installed) int { return strings.Compare(a.Name+"."+a.Arch, b.Name+"."+b.Arch) }
		slices.SortStableFunc(m.Inventory.Installed, byKey)
		if d := cmp.Diff(mustEvaluate(t, b, n, day0, Options{}), mustEvaluate(t, b, m, day0, Options{})); d != "" {
			t.Fatal(d)
		}
		x, err1 := MakeLock(b, n, day0, Options{})
		y, err2 := MakeLock(b, m, day0, Options{})
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if !bytes.Equal(x.Canonical(), y.Canonical()) {
			t.Fatalf("%s\n%s", x.Canonical(), y.Canonical())
		}
	})
}

func TestTheLockOfALockIsTheLock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		os := drawSystem(t)
		n, b := drawNode(t, os), drawBaseline(t, os)
		l, err := MakeLock(b, n, day0, Options{})
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseLock(l.Canonical())
		if err != nil || !bytes.Equal(again.Canonical(), l.Canonical()) {
			t.Fatalf("reading it changes it: %v", err)
		}
		// From the locked files alone the same files are locked again.
		m := n
		m.Available.Packages = nil
		for _, a := range n.Available.Packages {
			if slices.ContainsFunc(l.Packages, func(p LockedPackage) bool {
				return p.Name == a.Name && p.Arch == a.Arch && FullVersion(os, p.Package) == FullVersion(os, a.Package)
			}) {
				m.Available.Packages = append(m.Available.Packages, a)
			}
		}
		second, err := MakeLock(b, m, day0, Options{})
		if err != nil || second.Identity() != l.Identity() {
			t.Fatalf("%v\n%s\n%s", err, l.Canonical(), second.Canonical())
		}
		// Once installed nothing of it is missing, and the root honours it.
		for _, p := range l.Packages {
			m.Inventory.Installed = append(slices.Clone(m.Inventory.Installed), Installed{Package: p.Package})
		}
		if !Honoured(l.Judge(m.Inventory)) {
			t.Fatalf("%+v", l.Judge(m.Inventory))
		}
		done, err := MakeLock(b, Node{m.Inventory, n.Available}, day0, Options{})
		if err != nil || len(done.Packages) != 0 {
			t.Fatalf("%v: still to install %v", err, done.InstallList())
		}
	})
}

func TestBaselinesSurviveJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBaseline(t, drawSystem(t))
		text, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(b, again); d != "" || b.Digest() != again.Digest() {
			t.Fatal(d)
		}
		canonical, err := Parse(b.Canonical())
		if err != nil || !bytes.Equal(canonical.Canonical(), b.Canonical()) {
			t.Fatalf("%v\n%s", err, b.Canonical())
		}
	})
}

func TestVersionOrdersAreTotal(t *testing.T) {
	version := rapid.StringMatching(`[0-9aZ~^.+:-]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		os := rapid.SampledFrom([]OperatingSystem{Debian, RedHat, MacOS}).Draw(t, "os")
		a, b, c := version.Draw(t, "a"), version.Draw(t, "b"), version.Draw(t, "c")
		if CompareVersions(os, a, b) != -CompareVersions(os, b, a) || CompareVersions(os, a, a) != 0 {
			t.Fatalf("%q and %q", a, b)
		}
		if CompareVersions(os, a, b) <= 0 && CompareVersions(os, b, c) <= 0 && CompareVersions(os, a, c) > 0 {
			t.Fatalf("%q ≤ %q ≤ %q, but not the first and the last", a, b, c)
		}
	})
}
