package baseline

import (
	"fmt"
	"testing"
	"time"
)

func TestDatesOfAdvisoriesAndBuilds(t *testing.T) {
	b := withRules(RedHat, PatchRule{PatchFilterGroup: &PatchFilterGroup{}, ApproveAfterDays: ptr(7), EnableNonSecurity: ptr(true)})
	at := func(n Notice) build { return build{version: "2", notices: []Notice{n}} }
	badUpdated := advisory("A", "security", "Low", "2025-07-13")
	badUpdated.Updated = "soon"
	onlyIssued := advisory("A", "security", "Low", "2025-07-13")
	onlyIssued.Updated = ""
	for name, c := range map[string]struct {
		b    build
		want string
	}{
		"strictly older than seven days":  {at(advisory("A", "security", "Low", "2025-07-07 11:59:59")), "Missing 2"},
		"exactly seven days":              {at(advisory("A", "security", "Low", "2025-07-07 12:00:00")), "InstalledOther 1"},
		"a bad updated date is 1970":      {at(badUpdated), "Missing 2"}, // AMB-03
		"without updated the issued date": {at(onlyIssued), "InstalledOther 1"},
		"an old build":                    {build{version: "2", built: day0.AddDate(0, 0, -8)}, "Missing 2"},
		"a fresh build":                   {build{version: "2", built: day0.AddDate(0, 0, -6)}, "InstalledOther 1"},
		"a build without a time":          {build{version: "2"}, "Missing 2"},
	} {
		if got := state(t, b, rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1", c.b), Options{}); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestDateForms(t *testing.T) { // §2
	want := time.Date(2020, 9, 9, 20, 3, 15, 0, time.UTC)
	for _, s := range []string{
		"2020-09-09 20:03:15", "2020-09-09 20:03:15 UTC", "2020-09-09T20:03:15Z", "1599681795",
		"Wed Sep  9 20:03:15 2020", "Wed 09 Sep 2020 08:03:15 PM UTC", "2020-09-09T22:03:15+02:00",
	} {
		if got, ok := ParseDate(s); !ok || !got.Equal(want) {
			t.Errorf("%q: %v %v", s, got, ok)
		}
	}
	for s, want := range map[string]time.Time{
		"2019-07-03":                      time.Date(2019, 7, 3, 0, 0, 0, 0, time.UTC),
		"2019-07-03 UTC":                  time.Date(2019, 7, 3, 0, 0, 0, 0, time.UTC),
		"2019-07-03 04":                   time.Date(2019, 7, 3, 4, 0, 0, 0, time.UTC),
		"2019-07-03 04:56":                time.Date(2019, 7, 3, 4, 56, 0, 0, time.UTC),
		"Wed 03 Jul 2019 04:56:12 PM UTC": time.Date(2019, 7, 3, 16, 56, 12, 0, time.UTC),
		"0":                               time.Unix(0, 0).UTC(),
	} {
		if got, ok := ParseDate(s); !ok || !got.Equal(want) {
			t.Errorf("%q: %v %v, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "soon", "2019-13-01", "2019-02-30", "2019-07-03 25:00", "2019-07-03x", "2019-07-03 04:", "99999999999999", "-1"} {
		if got, ok := ParseDate(s); ok {
			t.Errorf("%q was read as %v", s, got)
		}
	}
}

func TestCVEsAreThoseBetweenInstalledAndTarget(t *testing.T) { // §3
	cve := func(id string, cves ...string) []Notice {
		n := advisory(id, "security", "Low", "2025-06-01")
		n.CVEs = cves
		return []Notice{n}
	}
	n := rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "2",
		build{version: "1", notices: cve("A1", "CVE-1")}, build{version: "2", notices: cve("A2", "CVE-2")},
		build{version: "3", notices: cve("A3", "CVE-3", "CVE-0")}, build{version: "4", notices: cve("A4", "CVE-4", "CVE-3")})
	r, err := Evaluate(withRules(RedHat, rule(0)), n, day0, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(r.Items[0].CVEs); got != "[CVE-0 CVE-3 CVE-4]" {
		t.Errorf("got %s", got)
	}
}

func TestLivePatchesCountAsTheKernelTheyReplace(t *testing.T) { // §16.2
	kernel := func(name, version string, cves ...string) AvailablePackage {
		n := advisory("A-"+version, "security", "Important", "2025-06-01")
		n.CVEs = cves
		return AvailablePackage{Package: Package{Name: name, Arch: "x86_64", Epoch: "0", Version: version, Release: "1"}, Notices: []Notice{n}}
	}
	n := Node{Inventory: Inventory{OS: AmazonLinux2, Product: "AmazonLinux2", Installed: []Installed{
		{Package: Package{Name: "kernel", Arch: "x86_64", Version: "4.14.1", Release: "1"}, InstalledTime: day0},
		{Package: Package{Name: "kernel-livepatch-4.14.1", Arch: "x86_64", Version: "1.0", Release: "1"}},
	}}}
	n.Available.Packages = []AvailablePackage{
		kernel("kernel", "4.14.2", "CVE-1", "CVE-2"),
		kernel("kernel-livepatch-4.14.1", "1.0", "CVE-1", "CVE-2"), kernel("kernel-livepatch-4.14.1", "1.1", "CVE-3"),
	}
	b := withRules(AmazonLinux2, rule(0))
	r, err := Evaluate(b, n, day0, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if it := r.Items[0]; it.State != StateInstalled || !it.InstalledTime.IsZero() {
		t.Errorf("got %+v", it)
	}
	n.Available.Packages[0].Notices[0].CVEs = []string{"CVE-1", "CVE-3"} // 3 only in the newer live patch
	if r, err = Evaluate(b, n, day0, Options{}); err != nil || r.Items[0].State != StateMissing {
		t.Errorf("got %v, %v", r, err)
	}
}
