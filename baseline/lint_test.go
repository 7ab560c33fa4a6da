package baseline

import (
	"slices"
	"testing"
)

func rule(days int, filters ...PatchFilter) PatchRule {
	return PatchRule{PatchFilterGroup: &PatchFilterGroup{PatchFilters: filters}, ApproveAfterDays: &days}
}

func filter(key string, values ...string) PatchFilter { return PatchFilter{Key: key, Values: values} }

func withRules(os OperatingSystem, rules ...PatchRule) *Baseline {
	b := &Baseline{Name: "lint-me", OperatingSystem: os, ApprovalRules: &PatchRuleGroup{PatchRules: rules}}
	if os == Windows {
		b.AvailableSecurityUpdatesComplianceStatus = NonCompliant
	}
	return b
}

func TestLintNamesEachTrap(t *testing.T) {
	security := filter("CLASSIFICATION", "Security")
	anything := rule(7, security)
	list := func(os OperatingSystem, approved, rejected []string) *Baseline {
		b := withRules(os)
		if os == Windows {
			b.ApprovalRules = nil
		}
		b.ApprovedPatches, b.RejectedPatches = approved, rejected
		return b
	}
	for name, c := range map[string]struct {
		b    *Baseline
		want []string // codes; a leading ! means an error
	}{
		"a plain baseline is clean":             {withRules(AmazonLinux2023, anything), nil},
		"21 days on Windows are fine":           {withRules(Windows, rule(21, filter("CLASSIFICATION", "SecurityUpdates"))), nil},
		"22 days on Windows are not":            {withRules(Windows, rule(22, filter("CLASSIFICATION", "SecurityUpdates"))), []string{"windows-long-delay"}},
		"unstated available security status":    {&Baseline{Name: "abc", OperatingSystem: Windows, ApprovedPatches: []string{"KB1"}}, []string{"!available-security-unstated"}},
		"application rule without product":      {withRules(Windows, rule(7, filter("PATCH_SET", "APPLICATION"))), []string{"application-without-product"}},
		"Office without patch set":              {withRules(Windows, rule(7, filter("PRODUCT_FAMILY", "Office"))), []string{"never-matches"}},
		"PATCH_ID in a rule":                    {withRules(Windows, rule(7, filter("PATCH_ID", "KB1"))), []string{"patch-id-in-rule"}},
		"delay on Debian":                       {withRules(Debian, rule(7, filter("PRIORITY", "*"))), []string{"apt-delay-ignored"}},
		"no delay on Debian":                    {withRules(Debian, rule(0, filter("PRIORITY", "*"))), nil},
		"delay on macOS":                        {withRules(MacOS, rule(7, filter("CLASSIFICATION", "brew"))), []string{"macos-delay-ignored"}},
		"CentOS without EnableNonSecurity":      {withRules(CentOS, anything), []string{"centos-no-advisories"}},
		"unknown product":                       {withRules(RedHat, rule(7, filter("PRODUCT", "RedhatEnterpriseLinux99.1"))), []string{"unknown-product"}},
		"unknown severity":                      {withRules(RedHat, rule(7, filter("SEVERITY", "Grave"))), []string{"unknown-value"}},
		"star beside values":                    {withRules(RedHat, rule(7, filter("SEVERITY", "*", "Low"))), []string{"redundant-values"}},
		"a key twice without a common value":    {withRules(RedHat, rule(7, security, filter("CLASSIFICATION", "Bugfix"))), []string{"never-matches"}},
		"a key twice with a common value":       {withRules(RedHat, rule(7, security, filter("CLASSIFICATION", "bugfix", "security"))), nil},
		"nothing approves":                      {&Baseline{Name: "abc", OperatingSystem: RedHat}, []string{"approves-nothing"}},
		"kernel*":                               {list(RedHat, []string{"kernel*"}, nil), []string{"wildcard-surprise"}},
		"kernel-*":                              {list(RedHat, []string{"kernel-5*"}, nil), nil},
		"two stars":                             {list(RedHat, []string{"a-*-1.*"}, nil), []string{"several-wildcards"}},
		"star alone approves everything":        {list(RedHat, []string{"*"}, nil), []string{"!matches-everything"}},
		"CVE in the rejected list":              {list(RedHat, []string{"bash"}, []string{"CVE-2024-1"}), []string{"!id-in-rejected"}},
		"Bugzilla number in the rejected list":  {list(RedHat, []string{"bash"}, []string{"123456"}), []string{"!id-in-rejected"}},
		"advisory in the rejected list":         {list(AmazonLinux2023, []string{"bash"}, []string{"ALAS2023-2024-123"}), []string{"!id-in-rejected"}},
		"CVE in the approved list":              {list(RedHat, []string{"CVE-2024-1"}, nil), nil},
		"CVE in a Debian list":                  {list(Debian, []string{"CVE-2024-1"}, nil), []string{"never-matches"}},
		"CVE in a Debian rejected list":         {list(Debian, []string{"bash"}, []string{"CVE-2024-1"}), []string{"!never-matches"}},
		"rejected name blocks approved version": {list(RedHat, []string{"openssl-3.0.7"}, []string{"openssl"}), []string{"rejected-blocks-approved"}},
		"rejected pattern blocks approved":      {list(RedHat, []string{"openssl-libs"}, []string{"openssl-*"}), []string{"rejected-blocks-approved"}},
		"rejected name leaves another":          {list(RedHat, []string{"openssl-libs"}, []string{"openssl"}), nil},
		"wildcard on macOS":                     {list(MacOS, []string{"abc*"}, nil), []string{"never-matches"}},
		"wildcard on macOS rejects nothing":     {list(MacOS, []string{"abc"}, []string{"x*"}), []string{"!never-matches"}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.b.Validate(); err != nil {
				t.Fatalf("lint is about legal baselines: %v", err)
			}
			var got []string
			for _, w := range Lint(c.b) {
				code := w.Code
				if w.Error {
					code = "!" + code
				}
				got = append(got, code)
				if w.Field == "" || w.Text == "" {
					t.Errorf("%+v names no field or no text", w)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestLintTagsFindsKeysThatPatchManagerDoesNotRead(t *testing.T) {
	got := LintTags(map[string]string{"PatchGroup": "a", "Patch Group": "a", "patchgroup": "b", "Patch group": "c", "Name": "d"})
	if len(got) != 2 || got[0].Field != "Patch group" || got[1].Field != "patchgroup" || !got[0].Error {
		t.Errorf("got %v", got)
	}
}
