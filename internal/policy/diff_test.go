package policy

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/baseline"
)

func rule(days int, key string, values ...string) baseline.PatchRule {
	return baseline.PatchRule{ApproveAfterDays: new(days), PatchFilterGroup: &baseline.PatchFilterGroup{
		PatchFilters: []baseline.PatchFilter{{Key: key, Values: values}}}}
}

func TestDiff_says_in_words_what_changed(t *testing.T) {
	old := &baseline.Baseline{
		Name: "web", OperatingSystem: baseline.AmazonLinux2, ApprovedPatches: []string{"a", "b"}, RejectedPatchesAction: baseline.AllowAsDependency,
		ApprovalRules: &baseline.PatchRuleGroup{PatchRules: []baseline.PatchRule{rule(7, "CLASSIFICATION", "Security"), rule(0, "CLASSIFICATION", "Bugfix"), rule(3, "PRODUCT", "*")}},
		Sources:       []baseline.PatchSource{{Name: "own", Products: []string{"*"}, Configuration: "password=hunter2"}},
	}
	fresh := &baseline.Baseline{
		Name: "web", OperatingSystem: baseline.AmazonLinux2, ApprovedPatches: []string{"b", "c"}, RejectedPatches: []string{"docker"},
		ApprovalRules: &baseline.PatchRuleGroup{PatchRules: []baseline.PatchRule{rule(3, "PRODUCT", "*"), rule(14, "CLASSIFICATION", "Security"), rule(1, "SEVERITY", "Critical", "Low")}},
		Sources:       []baseline.PatchSource{{Name: "own", Products: []string{"*"}, Configuration: "password=hunter3"}},
	}
	fresh.ApprovalRules.PatchRules[1].EnableNonSecurity = new(true)
	var got []string
	for _, c := range Diff(old, fresh) {
		got = append(got, c.Words)
	}
	want := []string{
		"rule for CLASSIFICATION Security: after 7 days → after 14 days, non-security off → non-security on",
		"rule removed: CLASSIFICATION Bugfix; at once; level UNSPECIFIED",
		"rule added: SEVERITY Critical or Low; after 1 day; level UNSPECIFIED",
		"no longer approved: a",
		"newly approved: c",
		"newly rejected: docker",
		"source own: another configuration (not shown)",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Defaults that are written out, and the order of rules and entries, change nothing.
func TestDiff_ignores_what_changes_no_decision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyBaseline(t)
		b := *a
		b.ApprovedPatches, b.RejectedPatches = reversed(a.ApprovedPatches), reversed(a.RejectedPatches)
		if a.ApprovalRules != nil {
			b.ApprovalRules = &baseline.PatchRuleGroup{PatchRules: reversed(a.ApprovalRules.PatchRules)}
		}
		b.RejectedPatchesAction = actionOf(a)
		b.ApprovedPatchesComplianceLevel = level(a.ApprovedPatchesComplianceLevel)
		if d := Diff(a, &b); len(d) > 0 {
			t.Fatalf("%v", d)
		}
		b.RejectedPatches = append(reversed(a.RejectedPatches), "one more")
		if d := Diff(a, &b); len(d) != 1 || d[0].To != "one more" {
			t.Fatalf("one entry more, and the difference is %v", d)
		}
	})
}

func reversed[T any](list []T) []T {
	out := slices.Clone(list)
	slices.Reverse(out)
	return out
}
