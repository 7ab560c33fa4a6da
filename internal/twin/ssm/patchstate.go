package ssm

import (
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// patchState is what the last uploaded patch run of a node found.
type patchState struct {
	Instance     string          `json:"instance"`
	Group        string          `json:"group"`
	Baseline     string          `json:"baseline"`
	Snapshot     string          `json:"snapshot"`
	Operation    string          `json:"operation"`
	RebootOption string          `json:"rebootOption"`
	Override     string          `json:"override,omitempty"` // InstallOverrideList
	Command      string          `json:"command"`
	Kind         string          `json:"kind"` // ExecutionType: Command or PatchPolicy
	Began        time.Time       `json:"began"`
	Ended        time.Time       `json:"ended"`
	NoReboot     time.Time       `json:"noReboot,omitzero"` // the last Install with NoReboot
	Counts       baseline.Counts `json:"counts"`
	Items        []baseline.Item `json:"items"`
}

func patchStates(tx *world.Tx) *world.Rows[patchState] {
	return world.Table[patchState](tx, "ssm/patchStates")
}

// upload keeps a run's result, which replaces the node's last one whatever baseline
// that was judged by (specification §14), and its compliance items of type Patch.
func (s *Service) upload(tx *world.Tx, p patchState) {
	if last, ok := patchStates(tx).Get(p.Instance); ok && p.NoReboot.IsZero() {
		p.NoReboot = last.NoReboot
	}
	patchStates(tx).Put(p.Instance, p)
	reports(tx).Put(p.Instance+"/Patch", report{
		Resource: p.Instance, Kind: "ManagedInstance", Type: "Patch", Patches: true,
		Summary: types.ComplianceExecutionSummary{ExecutionId: &p.Command, ExecutionTime: &p.Ended, ExecutionType: &p.Kind},
	})
	tx.Event("patch.state", map[string]any{"instance": p.Instance, "operation": p.Operation, "baseline": p.Baseline, "missing": p.Counts.MissingCount, "failed": p.Counts.FailedCount})
}

// forgetNode drops what is known of an instance that has been terminated. AWS is
// silent on when; the node is gone.
func forgetNode(tx *world.Tx, id string) {
	patchStates(tx).Delete(id)
	patchNodes(tx).Delete(id)
	for _, it := range inventory(tx).All() {
		if it.Instance == id {
			inventory(tx).Delete(id + "/" + it.Type)
		}
	}
	for _, r := range reports(tx).All() {
		if r.Resource == id {
			reports(tx).Delete(r.Resource + "/" + r.Type)
		}
	}
}

// blanked says that the service shows neither classification nor severity
// (specification §7).
func blanked(i baseline.Item) bool {
	return i.State == baseline.StateInstalledOther || i.State == baseline.StateNotApplicable
}

// failing says whether an item makes its node non-compliant (specification §7).
func failing(i baseline.Item) bool {
	switch i.State {
	case baseline.StateMissing, baseline.StateFailed, baseline.StateInstalledRejected, baseline.StateInstalledPendingReboot:
		return true
	}
	return false
}

// installedAt is an item's time of installation: the epoch if it is not installed
// (specification §16.1).
func installedAt(i baseline.Item) time.Time {
	if i.State == baseline.StateMissing || i.State == baseline.StateFailed || i.InstalledTime.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return i.InstalledTime
}

// patchData is an item as DescribeInstancePatches shows it: Severity is the
// publisher's (specification §7).
func patchData(i baseline.Item) types.PatchComplianceData {
	out := types.PatchComplianceData{
		Title: aws.String(i.Title), KBId: aws.String(i.ID), Classification: aws.String(i.Classification), Severity: aws.String(i.Severity),
		State: types.PatchComplianceDataState(i.State.Enum()), InstalledTime: aws.Time(installedAt(i)),
	}
	if blanked(i) {
		out.Classification, out.Severity = aws.String(""), aws.String("")
	}
	if len(i.CVEs) > 0 {
		out.CVEIds = aws.String(strings.Join(i.CVEs, ","))
	}
	return out
}

// complianceItems are the items of a node's patch state: Severity is the baseline's
// compliance level, PatchSeverity the publisher's (specification §7). Which details
// there are beside those is believed.
func (p patchState) complianceItems() []types.ComplianceItemEntry {
	out := make([]types.ComplianceItemEntry, 0, len(p.Items))
	for _, i := range p.Items {
		e := types.ComplianceItemEntry{
			Id: aws.String(i.ID), Title: aws.String(i.Title), Status: types.ComplianceStatusCompliant, Severity: types.ComplianceSeverityUnspecified,
			Details: map[string]string{
				"PatchState": string(i.State), "PatchBaselineId": p.Baseline, "PatchGroup": p.Group, "DocumentName": runPatchBaseline,
				"InstalledTime": strconv.FormatInt(installedAt(i).Unix(), 10),
			},
		}
		if failing(i) {
			e.Status = types.ComplianceStatusNonCompliant
		}
		if !blanked(i) {
			e.Severity = types.ComplianceSeverity(i.ComplianceLevel)
			e.Details["Classification"], e.Details["PatchSeverity"] = i.Classification, i.Severity
		}
		if len(i.CVEs) > 0 {
			e.Details["CVEIds"] = strings.Join(i.CVEs, ",")
		}
		out = append(out, e)
	}
	return out
}
