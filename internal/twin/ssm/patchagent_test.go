package ssm

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/baseline"
)

// The expectations here are written by hand from the specification: the product's
// evaluator, which the agent shares, is no witness of itself.

// debianDefault is the ARN that AWS ships in eu-west-1.
const debianDefault = "arn:aws:ssm:eu-west-1:845259048710:patchbaseline/pb-03f5d85c9a9cb5c1e"

func TestScanTellsWhatIsMissingByTheShippedDefault(t *testing.T) {
	r := newPatchRig(t, nil)
	c, i := r.patch("Scan")
	if c.Status != types.CommandStatusSuccess || i.ResponseCode != 0 || !strings.Contains(*i.StandardOutputContent, "Missing: 3") {
		t.Fatalf("%s %d %s %s", c.Status, i.ResponseCode, *i.StandardOutputContent, *i.StandardErrorContent)
	}
	r.expect("MISSING app.amd64:2", "INSTALLED_OTHER dpkg.amd64:1.21", "MISSING held.amd64:2", "MISSING linux-image-cloud.amd64:2")
	s := r.state()
	if *s.BaselineId != debianDefault || *s.PatchGroup != "db" || s.Operation != types.PatchOperationTypeScan || s.MissingCount != 3 || s.InstalledOtherCount != 1 ||
		*s.SecurityNonCompliantCount != 3 || *s.CriticalNonCompliantCount != 0 || *s.OtherNonCompliantCount != 0 || len(*s.SnapshotId) != 36 || s.LastNoRebootInstallOperationTime != nil {
		t.Errorf("state %+v", s)
	}
	if r.machines.reboots != 0 {
		t.Error("a scan rebooted the node")
	}
	if got := r.states(types.PatchOrchestratorFilter{Key: aws.String("State"), Values: []string{"InstalledOther"}}); !slices.Equal(got, []string{"INSTALLED_OTHER dpkg.amd64:1.21"}) {
		t.Errorf("filtered: %v", got)
	}
}

func TestInstallRebootsWhenAnythingChangedAndAFailureShows(t *testing.T) {
	r := newPatchRig(t, nil)
	c, i := r.patch("Install")
	// 195, changed with failures, is 1 after the reboot.
	if c.Status != types.CommandStatusFailed || i.ResponseCode != 1 || r.machines.reboots != 1 {
		t.Fatalf("%s %d after %d reboots: %s", c.Status, i.ResponseCode, r.machines.reboots, *i.StandardErrorContent)
	}
	r.expect("INSTALLED app.amd64:2", "INSTALLED_OTHER dpkg.amd64:1.21", "FAILED held.amd64:2", "INSTALLED lib.amd64:2", "INSTALLED linux-image-cloud.amd64:2")
	if s := r.state(); s.FailedCount != 1 || s.MissingCount != 0 || s.InstalledCount != 3 || *s.SecurityNonCompliantCount != 1 || s.RebootOption != types.RebootOptionRebootIfNeeded {
		t.Errorf("state %+v", s)
	}
}

// released is a node without a package on hold.
func released(r *patchRig) { r.os.Installed = r.os.Installed[:3] }

func TestNoRebootLeavesWhatChangedPendingUntilTheNextBoot(t *testing.T) {
	r := newPatchRig(t, released)
	c, i := r.patch("Install", "RebootOption=NoReboot")
	if c.Status != types.CommandStatusSuccess || r.machines.reboots != 0 {
		t.Fatalf("%s, %d reboots: %s", c.Status, r.machines.reboots, *i.StandardErrorContent)
	}
	pending := []string{"INSTALLED_PENDING_REBOOT app.amd64:2", "INSTALLED_OTHER dpkg.amd64:1.21", "INSTALLED_PENDING_REBOOT lib.amd64:2", "INSTALLED_PENDING_REBOOT linux-image-cloud.amd64:2"}
	r.expect(pending...)
	if s := r.state(); *s.InstalledPendingRebootCount != 3 || s.LastNoRebootInstallOperationTime == nil {
		t.Errorf("state %+v", s)
	}
	r.patch("Scan")
	r.expect(pending...)
	// Nothing is left to install, yet what waits makes RebootIfNeeded reboot.
	if c, _ := r.patch("Install"); c.Status != types.CommandStatusSuccess || r.machines.reboots != 1 {
		t.Fatalf("%s, %d reboots", c.Status, r.machines.reboots)
	}
	r.patch("Scan")
	r.expect("INSTALLED app.amd64:2", "INSTALLED_OTHER dpkg.amd64:1.21", "INSTALLED lib.amd64:2", "INSTALLED linux-image-cloud.amd64:2")
	if c, _ := r.patch("Install"); c.Status != types.CommandStatusSuccess || r.machines.reboots != 1 {
		t.Fatalf("%s: rebooted though nothing changed and nothing waited (%d)", c.Status, r.machines.reboots)
	}
}

func TestThePatchGroupsBaselineDecides(t *testing.T) {
	r := newPatchRig(t, released)
	id := r.baseline(func(in *sdk.CreatePatchBaselineInput) {
		in.RejectedPatches, in.RejectedPatchesAction = []string{"app", "linux-image-*"}, types.PatchActionBlock
		in.ApprovedPatchesComplianceLevel = types.PatchComplianceLevelCritical
	})
	if _, err := r.c.RegisterPatchBaselineForPatchGroup(t.Context(), &sdk.RegisterPatchBaselineForPatchGroupInput{BaselineId: &id, PatchGroup: aws.String("db")}); err != nil {
		t.Fatal(err)
	}
	r.patch("Scan")
	// BLOCK: what is installed and rejected is INSTALLED_REJECTED, and nothing newer is approved.
	r.expect("INSTALLED_REJECTED app.amd64:1", "INSTALLED_OTHER dpkg.amd64:1.21", "INSTALLED_REJECTED linux-image-cloud.amd64:1")
	if s := r.state(); *s.BaselineId != id || *s.InstalledRejectedCount != 2 || s.MissingCount != 0 {
		t.Errorf("state %+v", s)
	}
	g, err := r.c.DescribePatchGroupState(t.Context(), &sdk.DescribePatchGroupStateInput{PatchGroup: aws.String("db")})
	if err != nil || g.Instances != 1 || *g.InstancesWithInstalledRejectedPatches != 1 || g.InstancesWithMissingPatches != 0 || g.InstancesWithInstalledOtherPatches != 1 {
		t.Errorf("%+v %v", g, err)
	}
	for n, want := range map[string]int{"1": 0, "2": 1} {
		out, err := r.c.DescribeInstancePatchStatesForPatchGroup(t.Context(), &sdk.DescribeInstancePatchStatesForPatchGroupInput{PatchGroup: aws.String("db"), Filters: []types.InstancePatchStateFilter{
			{Key: aws.String("InstalledRejectedCount"), Values: []string{n}, Type: types.InstancePatchStateOperatorTypeEqual}}})
		if err != nil || len(out.InstancePatchStates) != want {
			t.Errorf("%s: %+v %v", n, out, err)
		}
	}
}

func TestASnapshotIDKeepsItsBaselineForThreeDays(t *testing.T) {
	r := newPatchRig(t, released)
	id := r.baseline(nil)
	if _, err := r.c.RegisterDefaultPatchBaseline(t.Context(), &sdk.RegisterDefaultPatchBaselineInput{BaselineId: &id}); err != nil {
		t.Fatal(err)
	}
	const snapshot = "SnapshotId=11111111-2222-3333-4444-555555555555"
	r.patch("Scan", snapshot)
	r.expect("MISSING app.amd64:2", "INSTALLED_OTHER dpkg.amd64:1.21", "MISSING linux-image-cloud.amd64:2")
	if _, err := r.c.UpdatePatchBaseline(t.Context(), &sdk.UpdatePatchBaselineInput{BaselineId: &id, RejectedPatches: []string{"*"}}); err != nil {
		t.Fatal(err)
	}
	r.patch("Scan", snapshot)
	r.expect("MISSING app.amd64:2", "INSTALLED_OTHER dpkg.amd64:1.21", "MISSING linux-image-cloud.amd64:2")
	r.patch("Scan")
	r.expect("INSTALLED_OTHER app.amd64:1", "INSTALLED_OTHER dpkg.amd64:1.21", "INSTALLED_OTHER linux-image-cloud.amd64:1")
	r.step(72 * time.Hour)
	r.patch("Scan", snapshot)
	r.expect("INSTALLED_OTHER app.amd64:1", "INSTALLED_OTHER dpkg.amd64:1.21", "INSTALLED_OTHER linux-image-cloud.amd64:1")
}

func TestANodeThatCannotBeJudgedHasNoState(t *testing.T) {
	r := newPatchRig(t, func(r *patchRig) { r.broken = true })
	c, i := r.patch("Scan")
	if c.Status != types.CommandStatusFailed || i.ResponseCode != 1 || !strings.Contains(*i.StandardErrorContent, "the archive cannot be reached") {
		t.Fatalf("%s %s", c.Status, *i.StandardErrorContent)
	}
	if s := r.state(); s != nil {
		t.Errorf("unknown became a state: %+v", s)
	}
	items, err := r.c.ListComplianceItems(t.Context(), &sdk.ListComplianceItemsInput{ResourceIds: []string{"i-00000000"}})
	if err != nil || len(items.ComplianceItems) != 0 {
		t.Errorf("%+v %v", items, err)
	}
}

func TestPatchRunsAreComplianceItems(t *testing.T) {
	r := newPatchRig(t, released)
	c, _ := r.patch("Scan")
	items, err := r.c.ListComplianceItems(t.Context(), &sdk.ListComplianceItemsInput{ResourceIds: []string{"i-00000000"}, ResourceTypes: []string{"ManagedInstance"}})
	if err != nil || len(items.ComplianceItems) != 3 {
		t.Fatalf("%+v %v", items, err)
	}
	app, dpkg := items.ComplianceItems[0], items.ComplianceItems[1]
	if *app.Id != "app.amd64" || *app.ComplianceType != "Patch" || app.Status != types.ComplianceStatusNonCompliant || app.Severity != types.ComplianceSeverityUnspecified ||
		app.Details["PatchState"] != "Missing" || app.Details["Classification"] != "Security" || app.Details["PatchSeverity"] != "optional" || app.Details["InstalledTime"] != "0" ||
		*app.ExecutionSummary.ExecutionId != *c.CommandId || *app.ExecutionSummary.ExecutionType != "Command" {
		t.Errorf("app %+v %+v", app, app.ExecutionSummary)
	}
	if dpkg.Status != types.ComplianceStatusCompliant || dpkg.Details["PatchState"] != "InstalledOther" {
		t.Errorf("dpkg %+v", dpkg)
	}
	by, err := r.c.ListResourceComplianceSummaries(t.Context(), &sdk.ListResourceComplianceSummariesInput{})
	if err != nil || len(by.ResourceComplianceSummaryItems) != 1 || by.ResourceComplianceSummaryItems[0].NonCompliantSummary.NonCompliantCount != 2 {
		t.Errorf("%+v %v", by, err)
	}
	all, err := r.c.ListComplianceSummaries(t.Context(), &sdk.ListComplianceSummariesInput{})
	if err != nil || len(all.ComplianceSummaryItems) != 1 || *all.ComplianceSummaryItems[0].ComplianceType != "Patch" || all.ComplianceSummaryItems[0].NonCompliantSummary.NonCompliantCount != 1 {
		t.Errorf("%+v %v", all, err)
	}
	if _, err := r.c.ListComplianceSummaries(t.Context(), &sdk.ListComplianceSummariesInput{Filters: []types.ComplianceStringFilter{{Key: aws.String("Nope"), Values: []string{"x"}}}}); code(err) != "InvalidFilter" {
		t.Error(err)
	}
}

// amazon is an Amazon Linux 2023 node: two advisories for curl, one bugfix for bash.
func amazon(r *patchRig) {
	rpm := func(name, release string) baseline.Package {
		return baseline.Package{Name: name, Arch: "x86_64", Epoch: "0", Version: "8.3.0", Release: release}
	}
	severity := func(s string) *string { return &s }
	offer := func(p baseline.Package, n ...baseline.Notice) baseline.AvailablePackage {
		return baseline.AvailablePackage{Package: p, Notices: n, Repository: "amazonlinux", Filename: p.Name + ".rpm", Size: 1, SHA256: strings.Repeat("cd", 32)}
	}
	r.os.OS, r.os.Product, r.os.Arch = baseline.AmazonLinux2023, "AmazonLinux2023", "x86_64"
	r.os.Installed = []baseline.Installed{{Package: rpm("curl", "1.amzn2023")}, {Package: rpm("bash", "1.amzn2023")}, {Package: rpm("zlib", "1.amzn2023")}}
	r.offers.Packages = []baseline.AvailablePackage{
		offer(rpm("curl", "2.amzn2023"), baseline.Notice{ID: "ALAS2023-2026-1", Type: "security", Severity: severity("important"), Updated: "2026-02-01", CVEs: []string{"CVE-2026-1"}}),
		offer(rpm("curl", "3.amzn2023"), baseline.Notice{ID: "ALAS2023-2026-2", Type: "security", Severity: severity("important"), Updated: "2026-02-27", CVEs: []string{"CVE-2026-2"}}), // two days old
		offer(rpm("bash", "2.amzn2023"), baseline.Notice{ID: "ALAS2023-2026-3", Type: "bugfix", Severity: severity("none"), Updated: "2026-02-01"}),
		offer(rpm("zlib", "2.amzn2023"), baseline.Notice{ID: "ALAS2023-2026-4", Type: "security", Severity: severity("medium"), Updated: "2026-02-01"}),
	}
}

func TestTheDelayOfSevenDaysHoldsOnRPM(t *testing.T) {
	r := newPatchRig(t, amazon)
	r.patch("Scan")
	r.expect("MISSING bash.x86_64:0:8.3.0-2.amzn2023", "MISSING curl.x86_64:0:8.3.0-2.amzn2023", "INSTALLED_OTHER zlib.x86_64:0:8.3.0-1.amzn2023")
	out, err := r.c.DescribeInstancePatches(t.Context(), &sdk.DescribeInstancePatchesInput{InstanceId: aws.String("i-00000000"), Filters: []types.PatchOrchestratorFilter{{Key: aws.String("KBId"), Values: []string{"curl.x86_64"}}}})
	if err != nil || len(out.Patches) != 1 || *out.Patches[0].CVEIds != "CVE-2026-1" || !strings.EqualFold(*out.Patches[0].Severity, "important") || out.Patches[0].InstalledTime.Unix() != 0 {
		t.Errorf("%+v %v", out, err)
	}
	r.step(5 * 24 * time.Hour) // 2026-02-27 00:00 + 7 days is 2026-03-06 00:00; now is 12:03
	r.patch("Scan")
	r.expect("MISSING bash.x86_64:0:8.3.0-2.amzn2023", "MISSING curl.x86_64:0:8.3.0-3.amzn2023", "INSTALLED_OTHER zlib.x86_64:0:8.3.0-1.amzn2023")
}

func TestThePatchesOfNodesThatAreNotThere(t *testing.T) {
	r := newPatchRig(t, released)
	ctx := t.Context()
	if _, err := r.c.DescribeInstancePatches(ctx, &sdk.DescribeInstancePatchesInput{InstanceId: aws.String("i-0fffffff")}); code(err) != "InvalidInstanceId" {
		t.Error(err)
	}
	if got := r.states(); len(got) != 0 {
		t.Errorf("never scanned, yet %v", got)
	}
	if _, err := r.c.DescribeInstancePatches(ctx, &sdk.DescribeInstancePatchesInput{InstanceId: aws.String("i-00000000")}); err != nil {
		t.Error(err)
	}
	r.patch("Scan")
	if _, err := r.c.DescribeInstancePatches(ctx, &sdk.DescribeInstancePatchesInput{InstanceId: aws.String("i-00000000"), Filters: []types.PatchOrchestratorFilter{{Key: aws.String("Nope"), Values: []string{"x"}}}}); code(err) != "InvalidFilter" {
		t.Error(err)
	}
	if _, err := r.c.DescribeInstancePatchStatesForPatchGroup(ctx, &sdk.DescribeInstancePatchStatesForPatchGroupInput{PatchGroup: aws.String("db"), Filters: []types.InstancePatchStateFilter{
		{Key: aws.String("MissingCount"), Values: []string{"many"}, Type: types.InstancePatchStateOperatorTypeEqual}}}); code(err) != "InvalidFilter" {
		t.Error(err)
	}
	if g, err := r.c.DescribePatchGroupState(ctx, &sdk.DescribePatchGroupStateInput{PatchGroup: aws.String("nobody")}); err != nil || g.Instances != 0 {
		t.Errorf("%+v %v", g, err)
	}
	// Another account sees nothing of it.
	other := r.as("444455556666")
	if out, err := other.DescribeInstancePatchStates(ctx, &sdk.DescribeInstancePatchStatesInput{InstanceIds: []string{"i-00000000"}}); err != nil || len(out.InstancePatchStates) != 0 {
		t.Errorf("%+v %v", out, err)
	}
	r.terminate(0)
	if s := r.state(); s != nil {
		t.Errorf("the node is gone, its state is not: %+v", s)
	}
}
