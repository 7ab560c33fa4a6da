package baseline

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func installedPkg(version string) []Installed {
	return []Installed{{Package: Package{Name: "pkg", Arch: "x86_64", Epoch: "0", Version: version, Release: "1"}}}
}

func securityBuild(version string) build {
	return build{version: version, notices: []Notice{advisory("A"+version, "security", "Important", "2025-06-01")}}
}

func TestInstallStatesComeFromTheSecondScan(t *testing.T) {
	b := withRules(RedHat, rule(7, filter("CLASSIFICATION", "Security")))
	n := rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1", securityBuild("2"))
	override := &InstallOverrideList{Patches: []OverridePatch{{ID: "pkg*", Title: "*-2-1"}}}
	other := &InstallOverrideList{Patches: []OverridePatch{{ID: "other"}}}
	for name, c := range map[string]struct {
		run       Run
		want      State
		toInstall int
	}{
		"installed and rebooted":             {Run{Operation: OperationInstall, PostInstall: installedPkg("2")}, StateInstalled, 1},
		"installed without reboot":           {Run{Operation: OperationInstall, RebootOption: NoReboot, PostInstall: installedPkg("2")}, StateInstalledPendingReboot, 1},
		"not installed":                      {Run{Operation: OperationInstall, PostInstall: installedPkg("1")}, StateFailed, 1},
		"no outcome yet":                     {Run{Operation: OperationInstall}, StateFailed, 1},
		"override installed":                 {Run{Operation: OperationInstall, Override: override, PostInstall: installedPkg("2")}, StateInstalled, 1},
		"override failed":                    {Run{Operation: OperationInstall, Override: override, PostInstall: installedPkg("1")}, StateFailed, 1},
		"outside the override stays Missing": {Run{Operation: OperationInstall, Override: other, PostInstall: installedPkg("1")}, StateMissing, 0},
		"a scan ignores the override":        {Run{Operation: OperationScan, Override: other}, StateMissing, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := EvaluateRun(b, n, c.run, day0, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Items[0].State; got != c.want || len(r.ToInstall) != c.toInstall {
				t.Errorf("got %s, to install %v", got, r.ToInstall)
			}
			if pending := c.want == StateInstalledPendingReboot; slices.Equal(r.RebootPending, []string{"pkg.x86_64"}) != pending {
				t.Errorf("state file gets %v", r.RebootPending)
			}
		})
	}
	if _, err := EvaluateRun(b, n, Run{Operation: "Reboot"}, day0, Options{}); err == nil {
		t.Error("an unknown operation was accepted")
	}
}

func TestPendingLastsUntilTheNextBoot(t *testing.T) { // §7.1
	b := withRules(RedHat, rule(7))
	n := rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "2", securityBuild("2"))
	run, boot := day0.Add(-48*time.Hour), day0.Add(-24*time.Hour)
	for name, c := range map[string]struct {
		prior Prior
		want  State
	}{
		"no boot since":             {Prior{[]string{"pkg.x86_64"}, run, run.Add(-time.Hour)}, StateInstalledPendingReboot},
		"by title":                  {Prior{[]string{"pkg.x86_64:0:2-1"}, run, run.Add(-time.Hour)}, StateInstalledPendingReboot},
		"booted since":              {Prior{[]string{"pkg.x86_64"}, run, boot}, StateInstalled},
		"booted in the same second": {Prior{[]string{"pkg.x86_64"}, run, run}, StateInstalled},
		"another package":           {Prior{[]string{"other.x86_64", "pkg.x86_64:0:1-1"}, run, run.Add(-time.Hour)}, StateInstalled},
	} {
		r, err := EvaluateRun(b, n, Run{Operation: OperationScan, Prior: &c.prior}, day0, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Items[0]; got.State != c.want {
			t.Errorf("%s: got %s, want %s", name, got.State, c.want)
		}
		if c.want == StateInstalledPendingReboot && (r.Status != NonCompliant || r.Counts.SecurityNonCompliantCount != 1) {
			t.Errorf("%s: %s %+v", name, r.Status, r.Counts)
		}
	}
	// A run that reboots leaves nothing pending, whatever earlier runs left.
	prior := &Prior{[]string{"pkg.x86_64"}, run, run.Add(-time.Hour)}
	r, err := EvaluateRun(b, n, Run{Operation: OperationInstall, Prior: prior, PostInstall: n.Inventory.Installed}, day0, Options{})
	if err != nil || r.Items[0].State != StateInstalled {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestSinceBootSwitchMarksWhatAnybodyInstalled(t *testing.T) { // AMB-14
	b := withRules(RedHat)
	n := rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "2")
	n.Inventory.BootTime = day0.Add(-time.Hour)
	n.Inventory.Installed[0].InstalledTime = day0.Add(-time.Minute)
	o := Options{Switches: Switches{PendingReboot: PendingSinceBoot}}
	for _, c := range []struct {
		o    Options
		boot time.Time
		want State
	}{
		{Options{}, n.Inventory.BootTime, StateInstalledOther},
		{o, n.Inventory.BootTime, StateInstalledPendingReboot},
		{o, day0, StateInstalledOther},
		{o, time.Time{}, StateInstalledOther}, // unknown boot time
	} {
		n.Inventory.BootTime = c.boot
		r, err := EvaluateRun(b, n, Run{Operation: OperationScan}, day0, c.o)
		if err != nil || r.Items[0].State != c.want {
			t.Errorf("%+v, boot %v: got %v, %v", c.o, c.boot, r.Items[0].State, err)
		}
	}
}

func TestOverrideRefusesContradictingDependencies(t *testing.T) { // §6.5
	n := rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1", build{version: "0"}, build{version: "1"}, build{version: "2"}, build{version: "3"})
	dep := Package{Name: "dep", Arch: "x86_64", Epoch: "0", Version: "5", Release: "1"}
	for i := range n.Available.Packages {
		n.Available.Packages[i].Requires = []Package{dep}
	}
	want := func(entries ...OverridePatch) *InstallOverrideList { return &InstallOverrideList{Patches: entries} }
	for name, c := range map[string]struct {
		b    *Baseline
		list *InstallOverrideList
		want []string
	}{
		"highest match":                    {withRules(RedHat), want(OverridePatch{ID: "pkg"}), []string{"pkg.x86_64=0:3-1"}},
		"titled":                           {withRules(RedHat), want(OverridePatch{ID: "pkg", Title: "pkg.x86_64:0:2-1"}), []string{"pkg.x86_64=0:2-1"}},
		"never the same":                   {withRules(RedHat), want(OverridePatch{ID: "pkg", Title: "*-1-1"}), nil},
		"never older":                      {withRules(RedHat), want(OverridePatch{ID: "pkg", Title: "*-0-1"}), nil},
		"dependency in its wanted version": {withRules(RedHat), want(OverridePatch{ID: "pkg"}, OverridePatch{ID: "dep", Title: "*-5-1"}), []string{"pkg.x86_64=0:3-1"}},
		"dependency in another version":    {withRules(RedHat), want(OverridePatch{ID: "pkg"}, OverridePatch{ID: "dep", Title: "*-4-1"}), nil},
		"rejected, yet named":              {blocking("pkg"), want(OverridePatch{ID: "pkg"}), []string{"pkg.x86_64=0:3-1"}},
		"blocked dependency":               {blocking("dep"), want(OverridePatch{ID: "pkg"}), nil},
		"blocked dependency that is named": {blocking("dep"), want(OverridePatch{ID: "pkg"}, OverridePatch{ID: "dep"}), []string{"pkg.x86_64=0:3-1"}},
	} {
		r, err := EvaluateRun(c.b, n, Run{Operation: OperationInstall, Override: c.list}, day0, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.ToInstall, c.want) {
			t.Errorf("%s: got %v, want %v", name, r.ToInstall, c.want)
		}
	}
}

func blocking(pattern string) *Baseline {
	b := withRules(RedHat)
	b.RejectedPatches, b.RejectedPatchesAction = []string{pattern}, Block
	return b
}

func TestHeldPackagesFailWhenInstalled(t *testing.T) { // §16.6
	n := debianNode()
	n.Inventory.Installed[0].Held = true
	for _, list := range []*InstallOverrideList{nil, {Patches: []OverridePatch{{ID: "openssl"}}}} {
		r, err := EvaluateRun(debianBaseline(), n, Run{Operation: OperationInstall, Override: list}, day0, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if it := r.Items[2]; it.State != StateFailed || it.Reason != "held" || len(r.ToInstall) != 0 {
			t.Errorf("got %+v, to install %v", it, r.ToInstall)
		}
	}
}

func TestOverrideListYAML(t *testing.T) {
	l, warnings, err := ParseInstallOverrideList([]byte("patches:\n  - id: 'kernel.x86_64'\n    title: \"*4.14*\"\n    note: ignored\n  - id: bash\nother: 1\n"))
	if err != nil || len(warnings) != 0 {
		t.Fatal(err, warnings)
	}
	want := []OverridePatch{{ID: "kernel.x86_64", Title: "*4.14*"}, {ID: "bash"}}
	if !slices.Equal(l.Patches, want) {
		t.Errorf("got %+v", l.Patches)
	}
	if l, _, err = ParseInstallOverrideList(l.YAML()); err != nil || !slices.Equal(l.Patches, want) {
		t.Errorf("round trip: %+v, %v", l, err)
	}
	if l, warnings, err = ParseInstallOverrideList([]byte("patches: []")); err != nil || len(warnings) != 1 || len(l.Patches) != 0 {
		t.Errorf("empty: %v %v %v", l, warnings, err)
	}
	if l, _, err = ParseInstallOverrideList([]byte("patches:\n  - id: 123456\n    title: 1.10\n")); err != nil || l.Patches[0] != (OverridePatch{"123456", "1.10"}) {
		t.Errorf("bare numbers are text: %+v %v", l, err)
	}
	for text, want := range map[string]string{
		"patches:\n  - title: x\n":             "patches[0].id",
		"patches:\n  - id: a\n  - id: ''\n":    "patches[1].id",
		"other: []":                            "no top key patches",
		"":                                     "no top key patches",
		"patches: {a: 1}":                      "reading install override list",
		"patches: [":                           "reading install override list",
		"patches:\n- id: a\npatches:\n- id: b": "reading install override list",
	} {
		if _, _, err := ParseInstallOverrideList([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestRebootsAndExitCodes(t *testing.T) { // §11
	for name, c := range map[string]struct {
		in   RebootInput
		want RebootDecision
	}{
		"scan never reboots":              {RebootInput{Operation: OperationScan, PackagesChanged: 3, PendingBefore: 1}, RebootDecision{}},
		"changed":                         {RebootInput{Operation: OperationInstall, PackagesChanged: 1}, RebootDecision{true, 194, 0}},
		"changed with failures":           {RebootInput{Operation: OperationInstall, PackagesChanged: 1, PackageManager: PackagesPartial}, RebootDecision{true, 195, 1}},
		"changed with dependency failure": {RebootInput{Operation: OperationInstall, PackagesChanged: 1, PackageManager: PackagesDependency}, RebootDecision{true, 196, 2}},
		"failed with an earlier pending":  {RebootInput{Operation: OperationInstall, PendingBefore: 1, PackageManager: PackagesFailed}, RebootDecision{true, 195, 1}},
		"dependency failure":              {RebootInput{Operation: OperationInstall, PackageManager: PackagesDependency}, RebootDecision{false, 2, 0}},
		"NoReboot with pending":           {RebootInput{Operation: OperationInstall, RebootOption: NoReboot, PendingBefore: 1, PackagesChanged: 1}, RebootDecision{}},
		"upload failed":                   {RebootInput{Operation: OperationScan, UploadFailed: true}, RebootDecision{false, 1, 0}},
		"upload failed before a reboot":   {RebootInput{Operation: OperationInstall, PackagesChanged: 1, UploadFailed: true}, RebootDecision{true, 195, 1}},
	} {
		if got, err := DecideReboot(c.in); err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	for _, in := range []RebootInput{{PackageManager: "odd"}, {RebootOption: "Maybe"}} {
		if _, err := DecideReboot(in); err == nil {
			t.Errorf("%+v was accepted", in)
		}
	}
}
