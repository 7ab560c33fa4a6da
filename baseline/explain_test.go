package baseline

import (
	"strings"
	"testing"
	"time"
)

func TestExplainSaysWhichRuleOrFilterDecides(t *testing.T) {
	b := withRules(RedHat, rule(7, filter("CLASSIFICATION", "Security"), filter("SEVERITY", "Critical")), rule(30, filter("CLASSIFICATION", "Bugfix")))
	b.ApprovalRules.PatchRules = append(b.ApprovalRules.PatchRules, PatchRule{
		PatchFilterGroup: &PatchFilterGroup{PatchFilters: []PatchFilter{filter("CLASSIFICATION", "Enhancement")}}, ApproveUntilDate: "2025-01-31"})
	b.ApprovedPatches, b.RejectedPatches = []string{"pkg-9*", "RHSA-1"}, []string{"pkg-8*"}
	fresh := "2025-07-10"
	n := rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1",
		build{version: "2", notices: []Notice{advisory("RHSA-0", "security", "Critical", "2025-01-01")}},
		build{version: "3", notices: []Notice{advisory("RHSA-2", "security", "Low", "2025-01-01")}},
		build{version: "4", notices: []Notice{advisory("RHBA-3", "bugfix", "Low", fresh)}},
		build{version: "5"},
		build{version: "6", notices: []Notice{advisory("RHEA-4", "enhancement", "Low", fresh)}},
		build{version: "7", notices: []Notice{advisory("RHSA-1", "security", "Low", fresh)}},
		build{version: "8", notices: []Notice{advisory("RHSA-5", "security", "Critical", fresh)}},
		build{version: "9"},
	)
	got, err := Explain(b, n, day0, Options{}, "pkg", "x86_64")
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if got[0].Item.State != StateMissing || got[0].Item.Version != "0:7-1" {
		t.Errorf("item %+v", got[0].Item)
	}
	want := map[string]string{
		"0:9-1": `ApprovedPatches[0] "pkg-9*" names it, but no usable advisory names it and ApprovedPatchesEnableNonSecurity is off`,
		"0:8-1": `RejectedPatches[0] "pkg-8*" rejects it`,
		"0:7-1": `ApprovedPatches[1] "RHSA-1" approves it at level UNSPECIFIED`,
		"0:6-1": "approval_rule[2]: published 2025-07-10T00:00:00Z, after ApproveUntilDate 2025-01-31",
		"0:5-1": "approval_rule[0]: no usable advisory names it and EnableNonSecurity is off",
		"0:4-1": "approval_rule[1]: published 2025-07-10T00:00:00Z, approved from 2025-08-09T00:00:01Z (30 days)",
		"0:3-1": "approval_rule[0]: the filter SEVERITY = Critical does not pass Low",
		"0:2-1": "approval_rule[0] approves it at level UNSPECIFIED",
	}
	for i, c := range got[0].Candidates {
		if all := strings.Join(c.Reasons, "\n"); !strings.Contains(all, want[c.Version]) {
			t.Errorf("%s: %q not in\n%s", c.Version, want[c.Version], all)
		}
		if approved := c.Version == "0:7-1" || c.Version == "0:2-1"; c.Approved != approved {
			t.Errorf("%s: approved %v", c.Version, c.Approved)
		}
		if i > 0 && CompareVersions(RedHat, got[0].Candidates[i-1].Version, c.Version) < 0 {
			t.Error("the newest candidate comes first")
		}
	}
	if from := got[0].Candidates[5].ApprovedFrom; !from.Equal(time.Date(2025, 8, 9, 0, 0, 1, 0, time.UTC)) {
		t.Errorf("approved from %v", from)
	}
}

func TestExplainOfPackagesThatAreNotInstalled(t *testing.T) {
	n := debianNode()
	got, err := Explain(debianBaseline(), n, day0, Options{}, "perl", "")
	if err != nil || len(got) != 1 || got[0].Item.State != StateNotApplicable {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err = Explain(debianBaseline(), n, day0, Options{}, "no-such", ""); err != nil || len(got) != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err = Explain(debianBaseline(), n, day0, Options{AptApprovalDelay: true}, "perl", "amd64"); err != nil ||
		!strings.Contains(got[0].Candidates[0].Reasons[0], "its date is not known") {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestExplainOnWindows(t *testing.T) {
	b := withRules(Windows, rule(7, filter("CLASSIFICATION", "SecurityUpdates")))
	b.RejectedPatches = []string{"KB3"}
	n := windowsNode(kb("KB1", 2), kb("KB2", 90), kb("KB3", 90), kb("KB4", 1, supersedes("KB2")))
	for id, want := range map[string]string{
		"kb1": "approval_rule[0]: approved from 2025-07-19T12:00:01Z (7 days)",
		"KB2": "supersedes it", "KB3": "RejectedPatches rejects it",
	} {
		got, err := Explain(b, n, day0, Options{}, id, "")
		if err != nil || len(got) != 1 || !strings.Contains(strings.Join(got[0].Candidates[0].Reasons, "\n"), want) {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
}

func TestForecastIsWhatLaterEvaluationsApprove(t *testing.T) {
	b := withRules(RedHat, rule(7, filter("CLASSIFICATION", "Security")), rule(14))
	n := rpmNode(RedHat, "RedhatEnterpriseLinux9.4", "1",
		build{version: "2", notices: []Notice{advisory("A2", "security", "Low", "2025-07-10")}},
		build{version: "3", notices: []Notice{advisory("A3", "bugfix", "Low", "2025-07-12 06:00:00")}},
		build{version: "4", notices: []Notice{advisory("A4", "bugfix", "Low", "2025-07-14")}},
		build{version: "0.5", notices: []Notice{advisory("A0", "security", "Low", "2025-07-14")}},
	)
	got, err := ForecastApprovals(b, n, day0, 13*24*time.Hour, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Version != "0:2-1" || got[1].Version != "0:3-1" || got[0].Rule != "approval_rule[0]" || got[1].Rule != "approval_rule[1]" {
		t.Fatalf("got %+v", got)
	}
	for _, f := range got {
		before, err1 := Evaluate(b, n, f.ApprovedFrom.Add(-time.Second), Options{})
		after, err2 := Evaluate(b, n, f.ApprovedFrom, Options{})
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if before.Items[0].Version == f.Version || after.Items[0].Version != f.Version {
			t.Errorf("%+v: before %s, after %s", f, before.Items[0].Version, after.Items[0].Version)
		}
	}
}

func TestForecastOnWindows(t *testing.T) {
	b := withRules(Windows, rule(7))
	b.RejectedPatches = []string{"KB3"}
	got, err := ForecastApprovals(b, windowsNode(kb("KB1", 2), kb("KB2", 90), kb("KB3", 2), kb("KB4", 1, isInstalled)), day0, 30*24*time.Hour, Options{})
	if err != nil || len(got) != 1 || got[0].ID != "KB1" || !got[0].ApprovedFrom.Equal(day0.AddDate(0, 0, 5).Add(time.Second)) {
		t.Errorf("got %+v, %v", got, err)
	}
}
