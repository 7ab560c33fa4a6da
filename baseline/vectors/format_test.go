package vectors

import (
	"strings"
	"testing"
)

const oneMatch = `{"vectors":[{"id":"X1","kind":"match","title":"t","os":"DEBIAN","pattern":"bash","package":{"name":"bash","arch":"amd64","version":"1"},"expected":{"match":true}}]}`

func TestAnAlteredExpectationIsNamed(t *testing.T) {
	text := string(specification(t))
	altered := strings.Replace(text, `"state": "Missing"`, `"state": "Installed"`, 1)
	s, err := Run([]byte(altered))
	if err != nil {
		t.Fatal(err)
	}
	failed := s.Failed()
	if len(failed) != 1 || s.Passed != 179 {
		t.Fatalf("%d failed", len(failed))
	}
	want := "A01 security/Important notice older than 7 days is missing: packages[openssl.x86_64].state: expected Installed, got Missing"
	if got := failed[0].String(); got != want {
		t.Errorf("got %q", got)
	}
}

func TestEveryKindOfExpectationIsCompared(t *testing.T) {
	text := string(specification(t))
	for _, c := range [][2]string{
		{`"overallSeverity": null`, `"overallSeverity": "HIGH"`}, {`"status": "COMPLIANT"`, `"status": "NON_COMPLIANT"`},
		{`"complianceLevel": "UNSPECIFIED"`, `"complianceLevel": "LOW"`}, {`"MissingCount": 1`, `"MissingCount": 2`},
		{`"version": "1:3.0.8-1.amzn2023.0.9",` + "\n      \"complianceLevel\"", `"version": "9",` + "\n      \"complianceLevel\""},
		{`"toInstall": []`, `"toInstall": ["x"]`}, {`"KB1": "APPROVED"`, `"KB1": "PENDING_APPROVAL"`},
		{`"match": true`, `"match": false`}, {`"valid": true`, `"valid": false`}, {`"field": "Key"`, `"field": "Values"`},
		{`"reboot": true`, `"reboot": false`}, {`"exitCode": 1` + "\n", `"exitCode": 2` + "\n"}, {`"exitCodeAfterReboot": 0`, `"exitCodeAfterReboot": 1`},
		{`"patchGroup": "QA"`, `"patchGroup": ""`}, {`"baseline": "override[0]"`, `"baseline": "x"`},
		{`"error": "AmbiguousPatchGroup"`, `"error": "Other"`}, {`"exitCode": 167`, `"exitCode": 160`},
		{`"error": "BaselineOverrideAndInstallOverride"`, `"error": "NoBaseline"`},
	} {
		altered := strings.Replace(text, c[0], c[1], 1)
		if altered == text {
			t.Errorf("%s does not occur", c[0])
			continue
		}
		s, err := Run([]byte(altered))
		if err != nil || len(s.Failed()) != 1 {
			t.Errorf("%s → %s: %d failed, %v", c[0], c[1], len(s.Failed()), err)
		}
	}
}

func TestFilesThatAreNoVectorsAreRefusedWithTheReason(t *testing.T) {
	if s, err := Run([]byte(oneMatch)); err != nil || s.Passed != 1 || s.ByKind[KindMatch] != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	for name, c := range map[string][2]string{
		"field of a vector":     {`"pattern"`, `"patern"`},
		"field of a package":    {`"arch"`, `"architecture"`},
		"field of the file":     {`"vectors"`, `"vektors"`},
		"field of expectations": {`"match":true`, `"matches":true`},
		"kind":                  {`"kind":"match"`, `"kind":"guess"`},
		"id":                    {`"id":"X1"`, `"id":""`},
	} {
		_, err := Run([]byte(strings.Replace(oneMatch, c[0], c[1], 1)))
		want := strings.Trim(strings.SplitN(c[1], ":", 2)[0], `"`)
		if name == "kind" {
			want = "guess"
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	twice := strings.Replace(oneMatch, `[{`, `[`+strings.TrimSuffix(strings.TrimPrefix(oneMatch, `{"vectors":[`), `]}`)+`,{`, 1)
	for _, text := range []string{``, `[]`, `{"vectors":[]}`, oneMatch + `x`, twice, `{"vectors":[3]}`} {
		if _, err := Run([]byte(text)); err == nil {
			t.Errorf("%.60s was accepted", text)
		}
	}
	bad := `{"vectors":[{"id":"X","kind":"evaluate","os":"DEBIAN","product":"Debian12","operation":"Scan","now":"2025-01-01T00:00:00Z","baseline":{"Name":"abc"},"expected":{"counts":{"MissedCount":1}}}]}`
	if _, err := Run([]byte(bad)); err == nil || !strings.Contains(err.Error(), "MissedCount") {
		t.Errorf("got %v", err)
	}
}

func TestNamesOfFields(t *testing.T) {
	const path = "ApprovalRules.PatchRules[0].PatchFilterGroup.PatchFilters[1].Values[2]"
	for field, want := range map[string]bool{
		"Values": true, "Values[2]": true, "Values[1]": false, "PatchRules[0]": true, "ApprovalRules.PatchRules": true,
		"PatchFilters[1].Values": true, "Value": false, "PatchRules.Values": false, "Key": false, path: true,
	} {
		if got := names(field, path); got != want {
			t.Errorf("%s: %v", field, got)
		}
	}
}

func TestOptionsReachTheEngine(t *testing.T) {
	text := `{"vectors":[{"id":"X","kind":"evaluate","title":"t","os":"DEBIAN","product":"Debian12","operation":"Scan","now":"2025-01-10T00:00:00Z",
	"options":{"aptApprovalDelay":true},
	"baseline":{"Name":"abc","OperatingSystem":"DEBIAN","ApprovalRules":{"PatchRules":[{"PatchFilterGroup":{"PatchFilters":[]},"ApproveAfterDays":7,"EnableNonSecurity":true}]}},
	"installed":[{"name":"a","arch":"amd64","version":"1"}],
	"available":[{"name":"a","arch":"amd64","version":"2","firstSeen":"2025-01-09T00:00:00Z"}],
	"expected":{"packages":{"a.amd64":{"state":"InstalledOther","version":"1"}}}}]}`
	s, err := Run([]byte(text))
	if err != nil || s.Passed != 1 {
		t.Errorf("%v %v", s.Failed(), err)
	}
}

func FuzzRun(f *testing.F) {
	f.Add([]byte(oneMatch))
	f.Add([]byte(`{"vectors":[{"id":"a","kind":"reboot","input":{},"expected":{"exitCode":0}}]}`))
	f.Add([]byte(`{"vectors":[{"id":"a","kind":"resolve","account":{},"node":{"os":"DEBIAN"},"expected":{"error":"NoBaseline"}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := Run(data); err == nil && s.Passed+len(s.Failed()) != s.Total {
			t.Fatalf("%+v", s)
		}
	})
}

func TestDatesMayBeNumbersAndUnreadableOnesAreAbsent(t *testing.T) {
	text := `{"vectors":[{"id":"X","kind":"evaluate","title":"t","os":"REDHAT_ENTERPRISE_LINUX","product":"RedhatEnterpriseLinux9.4","operation":"Scan","now":"2025-01-10T00:00:00Z",
	"baseline":{"Name":"abc","OperatingSystem":"REDHAT_ENTERPRISE_LINUX","ApprovalRules":{"PatchRules":[{"PatchFilterGroup":{"PatchFilters":[]},"ApproveAfterDays":7}]}},
	"installed":[{"name":"a","arch":"x","version":"1","release":"1"},{"name":"b","arch":"x","version":"1","release":"1"}],
	"available":[{"name":"a","arch":"x","version":"2","release":"1","notices":[{"id":"A","type":"security","severity":"Low","issued":1736380800}]},
	{"name":"b","arch":"x","version":"2","release":"1","notices":[{"id":"B","type":"security","severity":"Low","issued":"2025-01-09","updated":"soon"}]}],
	"expected":{"packages":{"a.x":{"state":"InstalledOther"},"b.x":{"state":"Missing"}}}}]}`
	s, err := Run([]byte(text))
	if err != nil || s.Passed != 1 {
		t.Errorf("%v %v", s.Failed(), err)
	}
}

func TestInputsThatTheEngineRefusesFailTheirVectorOnly(t *testing.T) {
	text := strings.Replace(oneMatch, `]}`, `,{"id":"X2","kind":"reboot","title":"t","input":{"operation":"Install","packagesChanged":0,"pendingRebootBefore":0,"packageManager":"odd"},"expected":{"exitCode":0}}]}`, 1)
	s, err := Run([]byte(text))
	if err != nil || s.Passed != 1 || len(s.Failed()) != 1 || !strings.Contains(s.Failed()[0].String(), "odd") {
		t.Errorf("%v %v", s.Failed(), err)
	}
}
