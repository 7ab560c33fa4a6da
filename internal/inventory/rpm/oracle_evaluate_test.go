//go:build linux

package rpm

import (
	"slices"
	"testing"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/testkit/rpmworld"
)

// missing are the packages that a baseline of one rule calls Missing, as dnf prints
// them.
func missing(t *testing.T, n baseline.Node, key, value string, others bool) []string {
	t.Helper()
	days := 0
	b := &baseline.Baseline{Name: "everything", OperatingSystem: n.Inventory.OS, ApprovalRules: &baseline.PatchRuleGroup{PatchRules: []baseline.PatchRule{{
		PatchFilterGroup: &baseline.PatchFilterGroup{PatchFilters: []baseline.PatchFilter{{Key: key, Values: []string{value}}}},
		ApproveAfterDays: &days, EnableNonSecurity: &others,
	}}}}
	result, err := baseline.Evaluate(b, n, now.AddDate(1, 0, 0), baseline.Options{}) // after every advisory's date
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, i := range result.Items {
		if i.State == baseline.StateMissing {
			version := i.Version
			if len(version) > 2 && version[:2] == "0:" {
				version = version[2:]
			}
			out = append(out, i.Name+"-"+version+"."+i.Arch)
		}
	}
	slices.Sort(out)
	return out
}

func TestWhatIsMissingIsWhatDNFWouldUpdate(t *testing.T) {
	r := world(t, rpmworld.Large(1200))
	node, _ := collect(t, r.FS(t), reading.Options{})
	everything := missing(t, node, "PRODUCT", "*", true)
	if len(everything) < 200 {
		t.Fatalf("%d packages are missing", len(everything))
	}
	same(t, "all of check-update", everything, dnfCheck(t, r))
	// By class: the newest version that a bugfix advisory names, which need not be the
	// newest there is. dnf lists all of them.
	newest := map[[2]string]baseline.AvailablePackage{}
	for _, p := range newer(node) {
		k := [2]string{p.Name, p.Arch}
		if slices.ContainsFunc(p.Notices, func(a baseline.Notice) bool { return a.Type == "bugfix" && a.Severity != nil }) &&
			(newest[k].Name == "" || baseline.CompareVersions(node.Inventory.OS, evr(p.Package), evr(newest[k].Package)) > 0) {
			newest[k] = p
		}
	}
	rows := dnfAdvised(t, r, "--bugfix")
	bugfixes := missing(t, node, "CLASSIFICATION", "Bugfix", false)
	if len(bugfixes) != len(newest) || len(bugfixes) == 0 {
		t.Errorf("%d bugfixes are missing, %d were offered", len(bugfixes), len(newest))
	}
	for _, p := range bugfixes {
		if !slices.ContainsFunc(rows, func(row string) bool { return len(row) > len(p) && row[len(row)-len(p)-1:] == " "+p }) {
			t.Errorf("dnf lists no bugfix for %s", p)
		}
	}
}
