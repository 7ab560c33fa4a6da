//go:build linux

package zypp

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/inventory/rpmmd"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

var parse = rpmworld.Parse

// cases is a world with one of each case, and patches besides.
func cases(t *testing.T, more ...string) *world {
	t.Helper()
	alpha1, alpha2, alpha3 := parse("alpha-1.0-1.x86_64"), parse("alpha-1.1-1.x86_64"), parse("alpha-1.2-1.x86_64")
	beta2, gamma2 := parse("beta-1:1.1-1.x86_64"), parse("gamma-1.1-1.noarch")
	delta2, epsilon2, zeta2 := parse("delta-2.0-1.x86_64"), parse("epsilon-2-1.x86_64"), parse("zeta-2-1.x86_64")
	eta2, theta2, theta1 := parse("eta-3-1.noarch"), parse("theta-2-1.x86_64"), parse("theta-1-1.x86_64")
	delta2.Requires = []string{"epsilon >= 2"}
	updates := notices(append(more,
		notice("1", "security", "important", "stable", "SUSE-2025-1", "1748736000", "", []string{"CVE-2025-1", "1001"}, alpha2),
		notice("1", "security", "critical", "stable", "SUSE-2025-2", "1748736001", "1748822400", []string{"CVE-2025-2", "CVE-2025-1"}, alpha3),
		notice("1", "recommended", "moderate", "stable", "SUSE-2025-3", "1748736002", "1748000000", []string{"1003"}, beta2),
		notice("1", "security", "low", "retracted", "SUSE-2025-4", "1748736003", "", []string{"CVE-2025-4"}, gamma2),
		notice("1", "optional", "low", "stable", "SUSE-2025-5", "2025-06-01 10:11:12", "", nil, delta2),
		notice("1", "feature", "moderate", "stable", "SUSE-2025-6", "1748736005", "", nil, delta2, epsilon2),
		notice("1", "security", "important", "stable", "SUSE-2025-7", "1748736006", "", []string{"CVE-2025-7"}, zeta2),  // not installed
		notice("1", "security", "important", "stable", "SUSE-2025-8", "1748736007", "", []string{"CVE-2025-8"}, alpha1), // satisfied
		notice("1", "security", "important", "stable", "SUSE-2025-9", "1748736008", "", []string{"CVE-2025-9"}, beta2),
		notice("1", "security", "important", "stable", "SUSE-2025-10", "1748736010", "", nil, parse("alpha-1.2-1.i586")),
		notice("1", "document", "", "stable", "SUSE-2025-11", "1748736011", "", nil, alpha3),
		notice("1", "security", "important", "stable", "SUSE-2025-12", "1748736012", "", nil, eta2),         // x86_64 is installed
		notice("1", "security", "moderate", "stable", "SUSE-2025-13", "1748736013", "", nil, theta2),        // noarch is installed
		notice("1", "security", "moderate", "stable", "SUSE-2025-14", "1748736014", "", nil, zeta2, theta1), // one of two applies
	)...)
	other := notices(
		notice("1", "security", "important", "stable", "OTHER-1", "1748736000", "", []string{"CVE-2025-77"}, parse("iota-2-1.x86_64")),
		notice("1", "security", "critical", "stable", "SUSE-2025-2", "1748736001", "1748822400", []string{"CVE-2025-2", "CVE-2025-1"}, alpha3), // in both
		notice("1", "yast", "important", "stable", "OTHER-2", "1748736000", "", nil, parse("kernel-default-6.5-1.x86_64"), parse("kernel-default-6.4-1.x86_64")),
	)
	kernel := func(v string) rpmworld.Package {
		p := parse("kernel-default-" + v + "-1.x86_64")
		p.Provides = []string{"multiversion(kernel)"}
		return p
	}
	return newWorld(t, rpmworld.World{
		Repositories: []rpmworld.Repository{
			{ID: "updates", Packages: []rpmworld.Package{alpha1, alpha2, alpha3, beta2, gamma2, delta2, epsilon2, zeta2, eta2, theta1, theta2}, UpdateInfo: updates},
			{ID: "other", Packages: []rpmworld.Package{parse("iota-2-1.x86_64"), kernel("6.5")}, UpdateInfo: other, Compression: "xz"},
			{ID: "off", Packages: []rpmworld.Package{parse("alpha-9-1.x86_64")}, Settings: map[string]string{"enabled": "0"}},
		},
		Installed: []rpmworld.Package{
			alpha1, parse("beta-1:1.0-1.x86_64"), parse("gamma-1.0-1.noarch"), parse("delta-1.0-1.x86_64"),
			parse("eta-1-1.x86_64"), parse("theta-1-1.noarch"), parse("iota-1-1.x86_64"), kernel("6.3"), kernel("6.4"),
		},
	})
}

// agrees compares our patches with zypper's, filter by filter.
func agrees(t *testing.T, w *world) {
	t.Helper()
	patches, err := Patches(w.fs(), reading.Options{Now: time.Unix(1750000000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	var ours, theirs []string
	for _, p := range patches {
		ours = append(ours, line(p.Repository, p.ID, p.Standing))
	}
	dates := map[string][]int64{}
	for _, u := range w.updates("list-patches", "--all") {
		if u.Status != "not-needed" {
			theirs = append(theirs, line(u.Source.Alias, u.Name, Standing(u.Status)))
		}
		dates[u.Name] = append(dates[u.Name], u.Date.Seconds)
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	if d := cmp.Diff(theirs, ours); d != "" {
		t.Error("zypper list-patches --all (-) and ours (+): ", d)
	}
	for _, p := range patches {
		text := p.Updated
		if text == "" {
			text = p.Issued
		}
		if at, ok := baseline.ParseDate(text); !ok || !slices.Contains(dates[p.ID], at.Unix()) {
			t.Errorf("date of %s: %q, zypper says %v", p.ID, text, dates[p.ID])
		}
	}
	for _, f := range filters(patches) {
		var ours []string
		for _, p := range patches {
			if (p.Standing == Needed || p.Standing == Optional) && f.has(p) {
				ours = append(ours, p.ID+" "+string(p.Standing))
			}
		}
		theirs := w.table(append([]string{"list-patches"}, f.args...)...)
		slices.Sort(ours)
		slices.Sort(theirs)
		if d := cmp.Diff(theirs, ours); d != "" {
			t.Errorf("zypper list-patches %v (-) and ours (+): %s", f.args, d)
		}
	}
	needed, security := 0, 0
	for _, p := range patches {
		if p.Standing == Needed {
			needed++
			if p.Type == "security" {
				security++
			}
		}
	}
	m := regexp.MustCompile(`(\d+) patch(?:es)? needed \((\d+) security patch(?:es)?\)`).FindStringSubmatch(w.zypper("patch-check"))
	if m == nil || m[1] != fmt.Sprint(needed) || m[2] != fmt.Sprint(security) {
		t.Errorf("zypper patch-check says %v, ours %d and %d", m, needed, security)
	}
}

// gone is a patch whose package no repository has; zypper calls it needed for ever.
func gone() string {
	return notice("2", "security", "important", "stable", "SUSE-2025-9", "1748736009", "", []string{"CVE-2025-9"}, parse("beta-1:1.5-1.x86_64"))
}

func TestOurPatchesAreZyppers(t *testing.T) { agrees(t, cases(t, gone())) }

func TestAPatchWhosePackagesAreGoneIsARemarkAndNothingIsMissing(t *testing.T) {
	w := cases(t, gone())
	n, remarks := collect(t, w, reading.Options{})
	if all := strings.Join(remarks, "\n"); !strings.Contains(all, "patches whose packages no repository offers: SUSE-2025-9") {
		t.Errorf("remarks = %s", all)
	}
	for _, p := range n.Available.Packages {
		if p.Name == "beta" && p.Version == "1.5" {
			t.Errorf("offered: %+v", p)
		}
	}
}

func TestOurPendingUpdatesAreZyppers(t *testing.T) {
	w := cases(t)
	for name, locks := range map[string]string{
		"no lock":         "",
		"exact":           "type: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: alpha\n",
		"glob and others": "# c\n\ntype: package\nmatch_type: glob\nsolvable_name: *ETA\n\n\ntype: patch\nsolvable_name: SUSE-2025-1\n",
		"substring":       "solvable_name: ta\n",
		"version":         "solvable_name: beta\nmatch_type: exact\nversion: <= 1:1.0\n",
		"other version":   "solvable_name: beta\nmatch_type: exact\nversion: < 1:1.0\n",
		"regex":           "solvable_name: ^(iota|delta)$\nmatch_type: regex\n",
		"in the name":     "type: package\nmatch_type: glob\nsolvable_name: alpha == 1.0\n",
	} {
		w.put("etc/zypp/locks", "\n"+locks+"\n")
		n, _ := collect(t, w, reading.Options{})
		if d := cmp.Diff(updatable(w), pending(n)); d != "" {
			t.Errorf("%s: zypper list-updates (-) and ours (+): %s", name, d)
		}
	}
}

func TestSeveralHundredAdvisoriesAgreeWithZypper(t *testing.T) {
	var offered, installed []rpmworld.Package
	var list []string
	kinds, severities := []string{"security", "recommended", "optional", "feature"}, []string{"critical", "important", "moderate", "low"}
	for i := range 60 {
		arch := []string{"x86_64", "noarch"}[i%2]
		at := func(v int) rpmworld.Package { return parse(fmt.Sprintf("pkg%02d-%d-1.%s", i, v, arch)) }
		if i%5 != 4 {
			installed = append(installed, at(i%4))
		}
		for v := range 3 {
			offered = append(offered, at(v+1))
		}
	}
	for i := range 600 {
		status := "stable"
		if i%37 == 0 {
			status = "retracted"
		}
		var named []rpmworld.Package
		for k := range 1 + i%3 {
			named = append(named, offered[(i*7+k*11)%len(offered)])
		}
		if status == "retracted" { // zypper lists these even if they name nothing that is installed
			named = append(named, offered[0])
		}
		list = append(list, notice("1", kinds[i%4], severities[i/4%4], status, fmt.Sprintf("SUSE-%04d", i), fmt.Sprint(1700000000+i), "", []string{fmt.Sprintf("CVE-2025-%04d", i%50)}, named...))
	}
	w := newWorld(t, rpmworld.World{Installed: installed, Repositories: []rpmworld.Repository{{ID: "big", Packages: offered, UpdateInfo: notices(list...)}}})
	agrees(t, w)
	n, _ := collect(t, w, reading.Options{})
	if d := cmp.Diff(updatable(w), pending(n)); d != "" {
		t.Error("zypper list-updates (-) and ours (+): ", d)
	}
}

func TestAPackageCarriesExactlyTheAdvisoriesThatNameItsVersion(t *testing.T) {
	w := cases(t)
	n, remarks := collect(t, w, reading.Options{Names: []string{"zeta"}})
	got := map[string][]string{}
	for _, p := range n.Available.Packages {
		key := p.Name + "-" + p.Version + "." + p.Arch
		got[key] = []string{}
		for _, x := range p.Notices {
			got[key] = append(got[key], x.ID)
		}
		if p.Repository == "" || p.Filename == "" || len(p.SHA256) != 64 || p.Size == 0 || p.BuildTime.IsZero() {
			t.Errorf("%s: not enough for a lock: %+v", key, p)
		}
	}
	want := map[string][]string{
		"alpha-1.0.x86_64": {"SUSE-2025-8"}, "alpha-1.1.x86_64": {"SUSE-2025-1"},
		"alpha-1.2.x86_64": {"SUSE-2025-2", "SUSE-2025-11"},
		"beta-1.1.x86_64":  {"SUSE-2025-3", "SUSE-2025-9"}, "gamma-1.1.noarch": {"SUSE-2025-4"},
		"delta-2.0.x86_64": {"SUSE-2025-5", "SUSE-2025-6"}, "eta-3.noarch": {"SUSE-2025-12"},
		"theta-1.x86_64": {"SUSE-2025-14"}, "theta-2.x86_64": {"SUSE-2025-13"},
		"iota-2.x86_64": {"OTHER-1"}, "kernel-default-6.5.x86_64": {"OTHER-2"},
		"zeta-2.x86_64": {"SUSE-2025-7", "SUSE-2025-14"},
	}
	for _, ids := range want {
		slices.Sort(ids)
	}
	for _, ids := range got {
		slices.Sort(ids)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if all := strings.Join(remarks, "\n"); !strings.Contains(all, "patch SUSE-2025-4 was retracted") {
		t.Errorf("remarks = %s", all)
	}
	// SUSE-2025-14 needs zeta, which is not installed, and a theta that is: it is applied.
	if n.Inventory.Product != "Suse15.6" || n.Inventory.OS != baseline.Suse || n.Inventory.Arch != "x86_64" {
		t.Errorf("inventory is of %s %s %s", n.Inventory.OS, n.Inventory.Product, n.Inventory.Arch)
	}
}

func TestTheEvaluatorSelectsWhatZypperWouldPatch(t *testing.T) {
	w := cases(t)
	n, _ := collect(t, w, reading.Options{})
	for _, c := range []struct {
		category string
		values   []string
	}{{"security", []string{"security"}}, {"recommended", []string{"recommended"}}, {"optional", []string{"optional", "feature"}}, {"document", []string{"document"}}} {
		zero := 0
		b := &baseline.Baseline{Name: "test", OperatingSystem: baseline.Suse, ApprovalRules: &baseline.PatchRuleGroup{PatchRules: []baseline.PatchRule{{
			ApproveAfterDays: &zero,
			PatchFilterGroup: &baseline.PatchFilterGroup{PatchFilters: []baseline.PatchFilter{{Key: "CLASSIFICATION", Values: c.values}}},
		}}}}
		lock, err := baseline.MakeLock(b, n, time.Unix(1750000000, 0), baseline.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var ours []string
		for _, p := range lock.Packages {
			ours = append(ours, p.Name+"."+p.Arch+" "+full(p.Package))
		}
		slices.Sort(ours)
		if d := cmp.Diff(w.patched(c.category), ours); d != "" || len(ours) == 0 {
			t.Errorf("zypper patch --category %s (-) and ours (+): %s", c.category, d)
		}
	}
}

func TestTheFirstDateThatCountsIsTheLater(t *testing.T) {
	for _, c := range []struct{ issued, updated, want string }{
		{"2025-01-02", "2025-01-03", "2025-01-03"},
		{"2025-01-03", "2025-01-02", "2025-01-03"},
		{"2025-01-03", "never", "2025-01-03"},
		{"2025-01-03", "", ""},
		{"never", "2025-01-02", "2025-01-02"},
		{"", "1748736000", "1748736000"},
	} {
		a := rpmmd.Advisory{Issued: c.issued, Updated: c.updated}
		if created(&a); a.Updated != c.want || a.Issued != c.issued {
			t.Errorf("%q, %q: updated = %q, want %q", c.issued, c.updated, a.Updated, c.want)
		}
	}
}
