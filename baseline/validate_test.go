package baseline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// legal is a baseline that uses every field within its limits.
func legal() *Baseline {
	return &Baseline{
		Name: "golden.rhel_9-x", OperatingSystem: RedHat, Description: "d",
		GlobalFilters: &PatchFilterGroup{PatchFilters: []PatchFilter{filter("PRODUCT", "*")}},
		ApprovalRules: &PatchRuleGroup{PatchRules: []PatchRule{
			rule(7, filter("CLASSIFICATION", "Security")),
			{PatchFilterGroup: &PatchFilterGroup{}, ApproveUntilDate: "2025-01-31", ComplianceLevel: LevelHigh, EnableNonSecurity: ptr(true)},
		}},
		ApprovedPatches: []string{"bash"}, ApprovedPatchesComplianceLevel: LevelLow, ApprovedPatchesEnableNonSecurity: ptr(true),
		RejectedPatches: []string{"curl*"}, RejectedPatchesAction: Block,
		Sources: []PatchSource{{Name: "mirror", Products: []string{"*"}, Configuration: "[m]\nbaseurl=http://mirror.example\n"}},
	}
}

func many(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint("p", i)
	}
	return out
}

func TestLegalBaselinesPass(t *testing.T) {
	for name, change := range map[string]func(*Baseline){
		"as it is":      func(*Baseline) {},
		"shortest name": func(b *Baseline) { b.Name = "abc" },
		"longest name":  func(b *Baseline) { b.Name = strings.Repeat("n", 128) },
		"50 entries":    func(b *Baseline) { b.ApprovedPatches = many(50) },
		"entry of 100":  func(b *Baseline) { b.RejectedPatches = []string{strings.Repeat("ü", 100)} },
		"four filters": func(b *Baseline) {
			b.GlobalFilters.PatchFilters = slices.Repeat([]PatchFilter{filter("PRODUCT", "*")}, 4)
		},
		"ten rules": func(b *Baseline) { b.ApprovalRules.PatchRules = slices.Repeat(b.ApprovalRules.PatchRules[:1], 10) },
		"20 values of 64": func(b *Baseline) {
			b.GlobalFilters.PatchFilters[0].Values = slices.Repeat([]string{strings.Repeat("v", 64)}, 20)
		},
		"zero days":             func(b *Baseline) { b.ApprovalRules.PatchRules[0].ApproveAfterDays = ptr(0) },
		"no rules":              func(b *Baseline) { b.ApprovalRules = nil },
		"Debian without a date": func(b *Baseline) { *b = *withRules(Debian, PatchRule{PatchFilterGroup: &PatchFilterGroup{}}) },
		"all is no All":         func(b *Baseline) { b.GlobalFilters.PatchFilters[0].Values = []string{"all"} },
	} {
		b := legal()
		change(b)
		if err := b.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryLimitIsRefusedByItsField(t *testing.T) {
	firstRule := func(b *Baseline) *PatchRule { return &b.ApprovalRules.PatchRules[0] }
	for field, change := range map[string]func(*Baseline){
		"Name":                           func(b *Baseline) { b.Name = "a b" },
		"Name ":                          func(b *Baseline) { b.Name = "ab" },
		"Name  ":                         func(b *Baseline) { b.Name = strings.Repeat("n", 129) },
		"Description":                    func(b *Baseline) { b.Description = strings.Repeat("d", 1025) },
		"OperatingSystem":                func(b *Baseline) { b.OperatingSystem = "SOLARIS"; b.GlobalFilters, b.ApprovalRules = nil, nil },
		"ApprovedPatches":                func(b *Baseline) { b.ApprovedPatches = many(51) },
		"ApprovedPatches[0]":             func(b *Baseline) { b.ApprovedPatches = []string{strings.Repeat("x", 101)} },
		"RejectedPatches":                func(b *Baseline) { b.RejectedPatches = many(51) },
		"RejectedPatches[1]":             func(b *Baseline) { b.RejectedPatches = []string{"a", ""} },
		"RejectedPatchesAction":          func(b *Baseline) { b.RejectedPatchesAction = "DROP" },
		"ApprovedPatchesComplianceLevel": func(b *Baseline) { b.ApprovedPatchesComplianceLevel = "critical" },
		"GlobalFilters.PatchFilters": func(b *Baseline) {
			b.GlobalFilters.PatchFilters = slices.Repeat([]PatchFilter{filter("PRODUCT", "*")}, 5)
		},
		"ApprovalRules.PatchRules":     func(b *Baseline) { b.ApprovalRules.PatchRules = slices.Repeat(b.ApprovalRules.PatchRules[:1], 11) },
		"Sources":                      func(b *Baseline) { b.Sources = slices.Repeat(b.Sources, 21) },
		"Sources[0].Name":              func(b *Baseline) { b.Sources[0].Name = "my mirror" },
		"Sources[0].Products":          func(b *Baseline) { b.Sources[0].Products = nil },
		"Sources[0].Products[0]":       func(b *Baseline) { b.Sources[0].Products = []string{""} },
		"Sources[0].Configuration":     func(b *Baseline) { b.Sources[0].Configuration = strings.Repeat("c", 1025) },
		"ApprovalRules.PatchRules[0]":  func(b *Baseline) { firstRule(b).ApproveAfterDays = nil },
		"ApprovalRules.PatchRules[0] ": func(b *Baseline) { firstRule(b).ApproveUntilDate = "2025-01-01" },
		"ApprovalRules.PatchRules[1]":  func(b *Baseline) { b.ApprovalRules.PatchRules[1].ApproveUntilDate = "" },
		"GlobalFilters.PatchFilters[0].Key": func(b *Baseline) {
			b.GlobalFilters.PatchFilters[0].Key = "SECTION"
		},
		"GlobalFilters.PatchFilters[0].Values":          func(b *Baseline) { b.GlobalFilters.PatchFilters[0].Values = many(21) },
		"GlobalFilters.PatchFilters[0].Values ":         func(b *Baseline) { b.GlobalFilters.PatchFilters[0].Values = nil },
		"GlobalFilters.PatchFilters[0].Values[0]":       func(b *Baseline) { b.GlobalFilters.PatchFilters[0].Values = []string{"All"} },
		"GlobalFilters.PatchFilters[0].Values[0] ":      func(b *Baseline) { b.GlobalFilters.PatchFilters[0].Values = []string{strings.Repeat("x", 65)} },
		"ApprovalRules.PatchRules[0].ApproveAfterDays":  func(b *Baseline) { firstRule(b).ApproveAfterDays = ptr(361) },
		"ApprovalRules.PatchRules[0].ApproveAfterDays ": func(b *Baseline) { firstRule(b).ApproveAfterDays = ptr(-1) },
		"ApprovalRules.PatchRules[1].ApproveUntilDate":  func(b *Baseline) { b.ApprovalRules.PatchRules[1].ApproveUntilDate = "2025-02-30" },
		"ApprovalRules.PatchRules[1].ApproveUntilDate ": func(b *Baseline) { b.ApprovalRules.PatchRules[1].ApproveUntilDate = "31.1.2025" },
		"ApprovalRules.PatchRules[0].ComplianceLevel":   func(b *Baseline) { firstRule(b).ComplianceLevel = "URGENT" },
		"ApprovalRules.PatchRules[0].PatchFilterGroup":  func(b *Baseline) { firstRule(b).PatchFilterGroup = nil },
		"ApprovalRules.PatchRules[0].PatchFilterGroup.PatchFilters": func(b *Baseline) {
			firstRule(b).PatchFilterGroup.PatchFilters = slices.Repeat([]PatchFilter{filter("SEVERITY", "*")}, 5)
		},
		"AvailableSecurityUpdatesComplianceStatus": func(b *Baseline) { b.AvailableSecurityUpdatesComplianceStatus = Compliant },
		"ApprovedPatchesEnableNonSecurity": func(b *Baseline) {
			*b = Baseline{Name: "abc", OperatingSystem: MacOS, ApprovedPatchesEnableNonSecurity: ptr(true)}
		},
		"ApprovalRules.PatchRules[0].EnableNonSecurity": func(b *Baseline) {
			*b = *withRules(Windows, rule(1))
			b.ApprovalRules.PatchRules[0].EnableNonSecurity = ptr(true)
		},
	} {
		t.Run(field, func(t *testing.T) {
			b := legal()
			change(b)
			var invalid *InvalidError
			if err := b.Validate(); !errors.As(err, &invalid) {
				t.Fatalf("got %v", err)
			}
			f := invalid.Faults[0]
			if f.Field != strings.TrimSpace(field) || f.Limit == "" || f.Source == "" {
				t.Errorf("got %+v", f)
			}
			if len(invalid.Faults) != 1 {
				t.Errorf("one fault was planted: %v", invalid)
			}
		})
	}
}

func TestSeveralFaultsAreReportedTogether(t *testing.T) {
	b := legal()
	b.Name, b.RejectedPatchesAction = "?", "DROP"
	b.ApprovalRules.PatchRules[0].ApproveAfterDays = ptr(999)
	var invalid *InvalidError
	if err := b.Validate(); !errors.As(err, &invalid) || len(invalid.Faults) != 3 {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{`"999"`, "0 to 360 days", "SSM API model"} {
		if !strings.Contains(invalid.Error(), want) {
			t.Errorf("%q does not say %q", invalid, want)
		}
	}
}

func TestFilterKeysOfEveryOperatingSystem(t *testing.T) {
	for _, os := range OperatingSystems() {
		for _, key := range []string{"ARCH", "ADVISORY_ID", "BUGZILLA_ID", "PATCH_SET", "PRODUCT", "PRODUCT_FAMILY",
			"CLASSIFICATION", "CVE_ID", "EPOCH", "MSRC_SEVERITY", "NAME", "PATCH_ID", "SECTION", "PRIORITY",
			"REPOSITORY", "RELEASE", "SEVERITY", "SECURITY", "VERSION"} {
			b := withRules(os, rule(1, filter(key, "*")))
			allowed := map[world]string{
				worldRPM: "PRODUCT CLASSIFICATION SEVERITY", worldDeb: "PRODUCT PRIORITY SECTION", worldMac: "PRODUCT CLASSIFICATION",
				worldWindows: "PRODUCT PRODUCT_FAMILY PATCH_SET CLASSIFICATION MSRC_SEVERITY PATCH_ID",
			}[worldOf(os)]
			want := slices.Contains(strings.Fields(allowed), key)
			if got := b.Validate() == nil; got != want {
				t.Errorf("%s on %s: legal %v, want %v", key, os, got, want)
			}
		}
	}
}

func TestSourceConfigurationsNeverAppearInErrors(t *testing.T) {
	b := legal()
	b.Sources[0].Configuration = strings.Repeat("password=hunter2\n", 100)
	err := b.Validate()
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestParseRefusesUnknownFieldsByName(t *testing.T) {
	for _, text := range []string{
		`{"Name":"abc","ApproveRules":{}}`,
		`{"Name":"abc","ApprovalRules":{"PatchRules":[{"ApproveRules":1}]}}`,
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), "ApproveRules") {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{``, `[]`, `{"Name":"abc"} {}`, `null x`, `{"Name":3}`} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestSwitchesRefuseUnknownValues(t *testing.T) {
	if err := (Switches{Date: DateIssued, PendingReboot: PendingSinceBoot}).Validate(); err != nil {
		t.Error(err)
	}
	_, err := Compile(legal(), Options{Switches: Switches{Ahead: "maybe", ESM: "no"}})
	var invalid *InvalidError
	if !errors.As(err, &invalid) || len(invalid.Faults) != 2 || invalid.Faults[0].Field != "ahead" {
		t.Errorf("got %v", err)
	}
}
