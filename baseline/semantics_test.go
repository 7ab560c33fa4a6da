package baseline

import (
	"strings"
	"testing"
	"time"
)

// build is a shorthand for rpm nodes: every package is named pkg, arch x86_64,
// epoch 0, release 1.
type build struct {
	version string
	notices []Notice
	module  string
	built   time.Time
	hotfix  bool
}

func advisory(id, kind, severity, date string) Notice {
	return Notice{ID: id, Type: kind, Severity: &severity, Issued: date, Updated: date}
}

func rpmNode(os OperatingSystem, product, installed string, builds ...build) Node {
	pkg := func(v string) Package {
		return Package{Name: "pkg", Arch: "x86_64", Epoch: "0", Version: v, Release: "1"}
	}
	n := Node{Inventory: Inventory{OS: os, Product: product, Arch: "x86_64", Installed: []Installed{{Package: pkg(installed)}}}}
	for _, b := range builds {
		n.Available.Packages = append(n.Available.Packages, AvailablePackage{
			Package: pkg(b.version), Notices: b.notices, Module: b.module, BuildTime: b.built, Hotfix: b.hotfix,
		})
	}
	return n
}

// state evaluates and gives the state and version of the only item.
func state(t *testing.T, b *Baseline, n Node, o Options) string {
	t.Helper()
	r, err := Evaluate(b, n, day0, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Items) != 1 {
		t.Fatalf("%d items", len(r.Items))
	}
	v := r.Items[0].Version
	return string(r.Items[0].State) + " " + strings.TrimSuffix(strings.TrimPrefix(v, "0:"), "-1")
}

func TestSwitchesChangeWhatTheySay(t *testing.T) {
	security := withRules(RedHat, rule(7, filter("CLASSIFICATION", "Security")))
	everything := withRules(RedHat, rule(7))
	old := "2025-06-01"
	edited := advisory("A", "security", "Important", old)
	edited.Updated = "2025-07-13"
	undated := advisory("A", "security", "Important", "")
	noSeverity := advisory("A", "security", "", old)
	noSeverity.Severity = nil
	suse := withRules(Suse, rule(7))
	for name, c := range map[string]struct {
		b             *Baseline
		n             Node
		s             Switches
		before, after string
	}{
		"AMB-01 date=issued reads the issued date on dnf": {
			security, rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1", build{version: "2", notices: []Notice{edited}}),
			Switches{Date: DateIssued}, "InstalledOther 1", "Missing 2"},
		"AMB-01 date=issued leaves yum alone": {
			security, rpmNode(RedHat, "RedhatEnterpriseLinux7.9", "1", build{version: "2", notices: []Notice{edited}}),
			Switches{Date: DateIssued}, "InstalledOther 1", "InstalledOther 1"},
		"AMB-03 noDate=excluded never approves undated advisories": {
			security, rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1", build{version: "2", notices: []Notice{undated}}),
			Switches{NoDate: NoDateExcluded}, "Missing 2", "InstalledOther 1"},
		"AMB-03 noDate=excluded never approves builds without a time": {
			withRules(RedHat, PatchRule{PatchFilterGroup: &PatchFilterGroup{}, ApproveAfterDays: ptr(0), EnableNonSecurity: ptr(true)}),
			rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1", build{version: "2"}),
			Switches{NoDate: NoDateExcluded}, "Missing 2", "InstalledOther 1"},
		"AMB-04 severity=required gates yum too": {
			everything, rpmNode(RedHat, "RedhatEnterpriseLinux7.9", "1", build{version: "2", notices: []Notice{noSeverity}}),
			Switches{Severity: SeverityRequired}, "Missing 2", "InstalledOther 1"},
		"AMB-04 severity=optional opens dnf": {
			everything, rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1", build{version: "2", notices: []Notice{noSeverity}}),
			Switches{Severity: SeverityOptional}, "InstalledOther 1", "Missing 2"},
		"AMB-11 ahead=installed on dnf": {
			security, rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "3", build{version: "2", notices: []Notice{advisory("A", "security", "Low", old)}}),
			Switches{Ahead: AheadInstalled}, "InstalledOther 3", "Installed 3"},
		"AMB-11 ahead=other on yum": {
			security, rpmNode(RedHat, "RedhatEnterpriseLinux7.9", "3", build{version: "2", notices: []Notice{advisory("A", "security", "Low", old)}}),
			Switches{Ahead: AheadOther}, "Installed 3", "InstalledOther 3"},
		"AMB-15 suseGate=advisory gates packages outside patches": {
			suse, rpmNode(Suse, "Suse15.6", "1", build{version: "2"}),
			Switches{SuseGate: SuseGateAdvisory}, "Missing 2", "InstalledOther 1"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := state(t, c.b, c.n, Options{}); got != c.before {
				t.Errorf("without the switch: got %s, want %s", got, c.before)
			}
			if got := state(t, c.b, c.n, Options{Switches: c.s}); got != c.after {
				t.Errorf("with the switch: got %s, want %s", got, c.after)
			}
		})
	}
}

func TestESMSwitchNarrowsSecurityArchives(t *testing.T) { // AMB-18
	for _, c := range []struct {
		suite string
		esm   string
		want  bool
	}{
		{"noble-security", "", true}, {"noble-security", ESMExcluded, true},
		{"noble-apps-security", "", true}, {"noble-apps-security", ESMExcluded, false},
		{"noble-infra-security", ESMExcluded, false}, {"noble-updates", "", false},
		{"Bookworm-Security", "", true},
	} {
		got := securityOrigin([]Origin{{Suite: c.suite, Trusted: true}}, Switches{ESM: c.esm})
		if got != c.want {
			t.Errorf("%s with esm=%q: %v", c.suite, c.esm, got)
		}
	}
	for name, o := range map[string]Origin{
		"the site":  {Site: "security.debian.org", Suite: "stable", Trusted: true},
		"the label": {Label: "Debian-Security", Suite: "stable", Trusted: true}, // §16.6
	} {
		if !securityOrigin([]Origin{o}, Switches{}) {
			t.Errorf("%s does not make an origin a security origin", name)
		}
		o.Trusted = false
		if securityOrigin([]Origin{o}, Switches{}) {
			t.Errorf("%s of an untrusted origin counts", name)
		}
	}
}

func TestFamiliesFollowTheReleaseOfTheProduct(t *testing.T) {
	for product, want := range map[string]family{
		"RedhatEnterpriseLinux7.9": yum, "RedhatEnterpriseLinux6.10": yum, "RedhatEnterpriseLinux8.0": dnf, "RedhatEnterpriseLinux10.0": dnf,
		"": dnf,
	} {
		if got := familyOf(RedHat, product); got != want {
			t.Errorf("%q: %s, want %s", product, got, want)
		}
	}
	for os, want := range map[OperatingSystem]family{
		AmazonLinux: yum, AmazonLinux2: yum, AmazonLinux2022: dnf, AmazonLinux2023: dnf, Rocky: dnf, Alma: dnf,
		Suse: zypp, Ubuntu: apt, Debian: apt, Raspbian: apt, MacOS: mac, Windows: windows, "SOLARIS": familyUnknown,
	} {
		if got := familyOf(os, "x2"); got != want {
			t.Errorf("%s: %s, want %s", os, got, want)
		}
	}
	if familyOf(CentOS, "CentOS7.9") != yum || familyOf(CentOS, "CentOSStream") != dnf || familyOf(Oracle, "OracleLinux7.9") != yum {
		t.Error("CentOS and Oracle follow their releases too")
	}
}

func TestModularityHidesWhatTheNodeDoesNotSee(t *testing.T) {
	b := withRules(RedHat, rule(7))
	a := []Notice{advisory("A", "security", "Low", "2025-06-01")}
	bound := advisory("B", "security", "Low", "2025-06-01")
	bound.Module = "nodejs:20"
	for name, c := range map[string]struct {
		streams []string
		builds  []build
		want    string
	}{
		"an active stream counts":                     {[]string{"nodejs:18"}, []build{{version: "2", notices: a, module: "nodejs:18"}}, "Missing 2"},
		"an inactive stream does not":                 {[]string{"nodejs:20"}, []build{{version: "2", notices: a, module: "nodejs:18"}}, "InstalledOther 1"},
		"no stream is active":                         {nil, []build{{version: "2", notices: a, module: "nodejs:18"}}, "InstalledOther 1"},
		"an advisory of an inactive stream is no one": {[]string{"nodejs:18"}, []build{{version: "2", notices: []Notice{bound}}}, "InstalledOther 1"},
		"an advisory of an active stream counts":      {[]string{"nodejs:20"}, []build{{version: "2", notices: []Notice{bound}}}, "Missing 2"},
		"plain builds hide behind an active stream":   {[]string{"nodejs:18"}, []build{{version: "1.5", notices: a, module: "nodejs:18"}, {version: "2", notices: a}}, "Missing 1.5"},
		"but not behind an inactive one":              {nil, []build{{version: "1.5", notices: a, module: "nodejs:18"}, {version: "2", notices: a}}, "Missing 2"},
		"hotfixes are exempt":                         {[]string{"nodejs:18"}, []build{{version: "1.5", notices: a, module: "nodejs:18"}, {version: "2", notices: a, hotfix: true}}, "Missing 2"},
	} {
		t.Run(name, func(t *testing.T) {
			n := rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1", c.builds...)
			n.Inventory.EnabledModules = c.streams
			if got := state(t, b, n, Options{}); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestRetractedAdvisoriesApproveNothing(t *testing.T) { // §16.1
	b := withRules(RedHat, PatchRule{PatchFilterGroup: &PatchFilterGroup{}, ApproveAfterDays: ptr(0), EnableNonSecurity: ptr(true)})
	gone := advisory("A", "security", "Low", "2025-06-01")
	gone.Status = "retracted"
	n := rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1", build{version: "2", notices: []Notice{gone}})
	if got := state(t, b, n, Options{}); got != "InstalledOther 1" {
		t.Errorf("got %s", got)
	}
	n = rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "2", build{version: "2", notices: []Notice{gone}})
	r, err := Evaluate(b, n, day0, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if it := r.Items[0]; it.State != StateInstalledOther || !strings.Contains(it.Reason, "retracted") {
		t.Errorf("got %+v", it)
	}
}

func TestYumReadsAnAbsentSeverityAsNone(t *testing.T) { // §1.3
	none := advisory("A", "security", "", "2025-06-01")
	empty := none
	none.Severity = nil
	b := withRules(RedHat, rule(7, filter("SEVERITY", "None")))
	for name, c := range map[string]struct {
		product string
		n       Notice
		want    string
	}{
		"absent on yum":         {"RedhatEnterpriseLinux7.9", none, "Missing 2"},
		"absent on dnf":         {"RedhatEnterpriseLinux9.4", none, "InstalledOther 1"},
		"empty equals no value": {"RedhatEnterpriseLinux9.4", empty, "InstalledOther 1"},
	} {
		n := rpmNode(RedHat, c.product, "1", build{version: "2", notices: []Notice{c.n}})
		if got := state(t, b, n, Options{}); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
	n := rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1", build{version: "2", notices: []Notice{empty}})
	if got := state(t, withRules(RedHat, rule(7, filter("SEVERITY", "*"))), n, Options{}); got != "Missing 2" {
		t.Errorf("an empty severity is present and passes *: got %s", got)
	}
}

func TestModerateIsMediumOnAmazonLinux2023Only(t *testing.T) { // AMB-07
	a := []Notice{advisory("A", "security", "Moderate", "2025-06-01")}
	for os, want := range map[OperatingSystem]string{AmazonLinux2023: "Missing 2", AmazonLinux2022: "Missing 2", AmazonLinux2: "InstalledOther 1", RedHat: "InstalledOther 1"} {
		b := withRules(os, rule(7, filter("SEVERITY", "Medium")))
		if got := state(t, b, rpmNode(os, "x9", "1", build{version: "2", notices: a}), Options{}); got != want {
			t.Errorf("%s: got %s, want %s", os, got, want)
		}
	}
}

func TestBlockedUpdatesStayMissingAndOutOfTheInstallSet(t *testing.T) { // AMB-13
	b := debianBaseline()
	b.RejectedPatches, b.RejectedPatchesAction = []string{"libevil"}, Block
	n := debianNode()
	need := Package{Name: "libevil", Arch: "amd64", Version: "2"}
	n.Available.Packages[0].Requires = []Package{need}
	r, err := Evaluate(b, n, day0, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if it := r.Items[2]; it.State != StateMissing || !strings.Contains(it.Reason, "libevil.amd64:2") || len(r.ToInstall) != 1 {
		t.Errorf("got %+v, to install %v", it, r.ToInstall)
	}
	l, err := MakeLock(b, n, day0, Options{})
	if err != nil || len(l.Skipped) != 1 || l.Skipped[0].Name != "openssl" {
		t.Errorf("lock %+v, %v", l, err)
	}
	if _, err := MakeLock(b, n, day0, Options{}, AvailablePackage{Package: need, Filename: "f", SHA256: "s"}); err == nil || !strings.Contains(err.Error(), "libevil") {
		t.Errorf("a rejected dependency was locked: %v", err)
	}
	n.Inventory.Installed = append(n.Inventory.Installed, Installed{Package: need}) // already satisfied
	if r, err = Evaluate(b, n, day0, Options{}); err != nil || len(r.ToInstall) != 2 {
		t.Errorf("to install %v, %v", r.ToInstall, err)
	}
}

func TestNodesThatDoNotFitAreRefused(t *testing.T) {
	n := debianNode()
	for name, c := range map[string]struct {
		b   *Baseline
		now time.Time
	}{
		"another operating system": {withRules(Ubuntu), day0},
		"no time":                  {debianBaseline(), time.Time{}},
		"an illegal baseline":      {&Baseline{Name: "abc", OperatingSystem: Debian, RejectedPatchesAction: "DROP"}, day0},
	} {
		if r, err := Evaluate(c.b, n, c.now, Options{}); err == nil {
			t.Errorf("%s: got %+v", name, r)
		}
	}
	c, err := Compile(debianBaseline(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Catalog("Debian11", &n.Available).Evaluate(n.Inventory, day0); err == nil {
		t.Error("repositories of another product were accepted")
	}
}

func TestKeysOfRPMPseudoPackagesAreNoItems(t *testing.T) { // §16.1
	n := rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1")
	n.Inventory.Installed = append(n.Inventory.Installed, Installed{Package: Package{Name: "gpg-pubkey", Version: "1", Release: "2"}})
	if got := state(t, withRules(RedHat), n, Options{}); got != "InstalledOther 1" {
		t.Errorf("got %s", got)
	}
}

func TestReportedSeverityIsNeverBelowInformational(t *testing.T) { // AMB-24
	b := withRules(RedHat, rule(0))
	n := rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1", build{version: "2", notices: []Notice{advisory("A", "bugfix", "Low", "2025-06-01")}})
	r, err := Evaluate(b, n, day0, Options{})
	if err != nil || r.OverallSeverity != LevelUnspecified || r.ReportedSeverity != LevelInformational {
		t.Errorf("got %q and %q, %v", r.OverallSeverity, r.ReportedSeverity, err)
	}
}

func TestStatesAreSpeltAsTheAPIDoes(t *testing.T) {
	for s, want := range map[State]string{StateInstalledPendingReboot: "INSTALLED_PENDING_REBOOT", StateMissing: "MISSING", StateAvailableSecurityUpdate: "AVAILABLE_SECURITY_UPDATE"} {
		if got := s.Enum(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestFiltersAreANDedAndValuesORed(t *testing.T) { // §3
	a := []Notice{advisory("A", "security", "Low", "2025-06-01")}
	n := rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1", build{version: "2", notices: a})
	for name, c := range map[string]struct {
		filters []PatchFilter
		want    string
	}{
		"one of the values":                {[]PatchFilter{filter("SEVERITY", "Critical", "low")}, "Missing 2"},
		"both keys":                        {[]PatchFilter{filter("SEVERITY", "Low"), filter("CLASSIFICATION", "Security")}, "Missing 2"},
		"one key of two":                   {[]PatchFilter{filter("SEVERITY", "Low"), filter("CLASSIFICATION", "Bugfix")}, "InstalledOther 1"},
		"a repeated key, both fit":         {[]PatchFilter{filter("SEVERITY", "Low", "None"), filter("SEVERITY", "Low")}, "Missing 2"},
		"a repeated key, the first alone":  {[]PatchFilter{filter("SEVERITY", "Low"), filter("SEVERITY", "Critical")}, "InstalledOther 1"},
		"a repeated key, the second alone": {[]PatchFilter{filter("SEVERITY", "Critical"), filter("SEVERITY", "Low")}, "InstalledOther 1"},
	} {
		if got := state(t, withRules(RedHat, rule(7, c.filters...)), n, Options{}); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestPatchManagerKnowsNoDelayOnDebian(t *testing.T) { // §2
	n := debianNode()
	n.Available.Packages[0].FirstSeen = day0.Add(-time.Hour)
	n.Available.Packages[0].Changelog = &Changelog{Date: day0.Add(-time.Hour), CVEs: []string{"CVE-1"}}
	for _, o := range []Options{{}, {AptApprovalDelay: true}} {
		r, err := Evaluate(debianBaseline(), n, day0, o)
		if err != nil {
			t.Fatal(err)
		}
		want := StateMissing
		if o.AptApprovalDelay {
			want = StateInstalledOther
		}
		if it := r.Items[2]; it.State != want || len(it.CVEs) != 0 {
			t.Errorf("%+v: got %+v", o, it)
		}
	}
}

func TestIDsInTheRejectedListRejectNothing(t *testing.T) { // AMB-09
	n := advisory("RHSA-2025:1", "security", "Low", "2025-06-01")
	n.CVEs, n.Bugzillas = []string{"CVE-2025-1"}, []string{"2"}
	b := withRules(RedHat, rule(7))
	b.RejectedPatches = []string{"RHSA-2025:1", "CVE-2025-1"}
	node := rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1", build{version: "2", notices: []Notice{n}})
	if got := state(t, b, node, Options{}); got != "Missing 2" {
		t.Errorf("got %s", got)
	}
	b.RejectedPatches = []string{"2"} // a package pattern there: the version
	if got := state(t, b, node, Options{}); got != "InstalledOther 1" {
		t.Errorf("got %s", got)
	}
}
