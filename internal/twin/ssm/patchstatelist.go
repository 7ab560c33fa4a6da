package ssm

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// shown is a state as the API has it. The counters that the model makes optional are
// always stated.
func (p patchState) shown() types.InstancePatchState {
	n := func(i int) *int32 { return aws.Int32(int32(i)) } //nolint:gosec // packages of one node
	c := p.Counts
	out := types.InstancePatchState{
		InstanceId: aws.String(p.Instance), PatchGroup: aws.String(p.Group), BaselineId: aws.String(p.Baseline), SnapshotId: aws.String(p.Snapshot),
		Operation: types.PatchOperationType(p.Operation), OperationStartTime: aws.Time(p.Began), OperationEndTime: aws.Time(p.Ended), RebootOption: types.RebootOption(p.RebootOption),
		InstalledCount: int32(c.InstalledCount), InstalledOtherCount: int32(c.InstalledOtherCount), MissingCount: int32(c.MissingCount), FailedCount: int32(c.FailedCount), //nolint:gosec // packages of one node
		NotApplicableCount:          int32(c.NotApplicableCount), //nolint:gosec // packages of one node
		InstalledPendingRebootCount: n(c.InstalledPendingRebootCount), InstalledRejectedCount: n(c.InstalledRejectedCount),
		UnreportedNotApplicableCount: n(c.UnreportedNotApplicableCount), AvailableSecurityUpdateCount: n(c.AvailableSecurityUpdateCount),
		CriticalNonCompliantCount: n(c.CriticalNonCompliantCount), SecurityNonCompliantCount: n(c.SecurityNonCompliantCount), OtherNonCompliantCount: n(c.OtherNonCompliantCount),
	}
	if p.Override != "" {
		out.InstallOverrideList = aws.String(p.Override)
	}
	if !p.NoReboot.IsZero() {
		out.LastNoRebootInstallOperationTime = aws.Time(p.NoReboot)
	}
	return out
}

// DescribeInstancePatchStates tells how the named nodes stood after their last run;
// nodes that have had none are left out.
func (s *Service) DescribeInstancePatchStates(tx *world.Tx, in *ssm.DescribeInstancePatchStatesInput) (*ssm.DescribeInstancePatchStatesOutput, error) {
	var all []types.InstancePatchState
	for _, id := range in.InstanceIds {
		if p, ok := patchStates(tx).Get(id); ok {
			all = append(all, p.shown())
		}
	}
	cut, next, err := page(all, in.NextToken, in.MaxResults, 100)
	return &ssm.DescribeInstancePatchStatesOutput{InstancePatchStates: cut, NextToken: next}, err
}

// DescribeInstancePatchStatesForPatchGroup tells how the nodes of a group stood, with
// filters over the counters.
func (s *Service) DescribeInstancePatchStatesForPatchGroup(tx *world.Tx, in *ssm.DescribeInstancePatchStatesForPatchGroupInput) (*ssm.DescribeInstancePatchStatesForPatchGroupOutput, error) {
	if err := sound(in.Filters, func(f types.InstancePatchStateFilter) (bool, error) {
		return counted([]types.InstancePatchStateFilter{f}, baseline.Counts{})
	}); err != nil {
		return nil, err
	}
	var all []types.InstancePatchState
	for _, p := range patchStates(tx).All() {
		if p.Group != aws.ToString(in.PatchGroup) {
			continue
		}
		ok, err := counted(in.Filters, p.Counts)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, p.shown())
		}
	}
	cut, next, err := page(all, in.NextToken, in.MaxResults, 100)
	return &ssm.DescribeInstancePatchStatesForPatchGroupOutput{InstancePatchStates: cut, NextToken: next}, err
}

// counted says whether counters pass filters: each one counter's name, one number and
// one comparison (specification §16.1).
func counted(filters []types.InstancePatchStateFilter, c baseline.Counts) (bool, error) {
	have := map[string]int{
		"InstalledCount": c.InstalledCount, "InstalledOtherCount": c.InstalledOtherCount, "InstalledPendingRebootCount": c.InstalledPendingRebootCount,
		"InstalledRejectedCount": c.InstalledRejectedCount, "MissingCount": c.MissingCount, "FailedCount": c.FailedCount, "NotApplicableCount": c.NotApplicableCount,
		"UnreportedNotApplicableCount": c.UnreportedNotApplicableCount, "AvailableSecurityUpdateCount": c.AvailableSecurityUpdateCount,
		"CriticalNonCompliantCount": c.CriticalNonCompliantCount, "SecurityNonCompliantCount": c.SecurityNonCompliantCount, "OtherNonCompliantCount": c.OtherNonCompliantCount,
	}
	for _, f := range filters {
		n, ok := have[aws.ToString(f.Key)]
		if !ok || len(f.Values) != 1 {
			return false, wire.Errorf("InvalidFilter", "The filter %s isn't valid: name one counter and one value.", aws.ToString(f.Key))
		}
		want, err := strconv.Atoi(f.Values[0])
		if err != nil {
			return false, wire.Errorf("InvalidFilter", "The filter value %s isn't a number.", f.Values[0])
		}
		switch f.Type {
		case types.InstancePatchStateOperatorTypeEqual:
			ok = n == want
		case types.InstancePatchStateOperatorTypeNotEqual:
			ok = n != want
		case types.InstancePatchStateOperatorTypeLessThan:
			ok = n < want
		case types.InstancePatchStateOperatorTypeGreaterThan:
			ok = n > want
		}
		if !ok {
			return false, nil
		}
	}
	return true, nil
}

// DescribePatchGroupState counts the nodes of a group that have at least one patch in
// each state (specification §7.2).
func (s *Service) DescribePatchGroupState(tx *world.Tx, in *ssm.DescribePatchGroupStateInput) (*ssm.DescribePatchGroupStateOutput, error) {
	out := &ssm.DescribePatchGroupStateOutput{
		InstancesWithCriticalNonCompliantPatches: new(int32), InstancesWithInstalledPendingRebootPatches: new(int32), InstancesWithInstalledRejectedPatches: new(int32),
		InstancesWithOtherNonCompliantPatches: new(int32), InstancesWithSecurityNonCompliantPatches: new(int32), InstancesWithUnreportedNotApplicablePatches: new(int32),
		InstancesWithAvailableSecurityUpdates: new(int32),
	}
	for _, p := range patchStates(tx).All() {
		if p.Group != aws.ToString(in.PatchGroup) {
			continue
		}
		out.Instances++
		c := p.Counts
		for to, n := range map[*int32]int{
			&out.InstancesWithInstalledPatches: c.InstalledCount, &out.InstancesWithInstalledOtherPatches: c.InstalledOtherCount, &out.InstancesWithMissingPatches: c.MissingCount,
			&out.InstancesWithFailedPatches: c.FailedCount, &out.InstancesWithNotApplicablePatches: c.NotApplicableCount,
			out.InstancesWithCriticalNonCompliantPatches: c.CriticalNonCompliantCount, out.InstancesWithInstalledPendingRebootPatches: c.InstalledPendingRebootCount,
			out.InstancesWithInstalledRejectedPatches: c.InstalledRejectedCount, out.InstancesWithOtherNonCompliantPatches: c.OtherNonCompliantCount,
			out.InstancesWithSecurityNonCompliantPatches: c.SecurityNonCompliantCount, out.InstancesWithUnreportedNotApplicablePatches: c.UnreportedNotApplicableCount,
			out.InstancesWithAvailableSecurityUpdates: c.AvailableSecurityUpdateCount,
		} {
			if n > 0 {
				*to++
			}
		}
	}
	return out, nil
}

// DescribeInstancePatches lists a node's patches, with the filters Classification,
// KBId, Severity and State. On Amazon Linux 2022 and 2023 Medium finds Moderate too
// (specification §7).
func (s *Service) DescribeInstancePatches(tx *world.Tx, in *ssm.DescribeInstancePatchesInput) (*ssm.DescribeInstancePatchesOutput, error) {
	id := aws.ToString(in.InstanceId)
	if _, ok := s.EC2.InstanceByID(tx, id); !ok {
		return nil, wire.Errorf("InvalidInstanceId", "The instance %s does not exist.", id)
	}
	p, _ := patchStates(tx).Get(id)
	node, _ := patchNodes(tx).Get(id)
	alike := node.OS == baseline.AmazonLinux2022 || node.OS == baseline.AmazonLinux2023
	var all []types.PatchComplianceData
	for _, i := range p.Items {
		if i.State == baseline.StateNotApplicable {
			continue // counted, never listed
		}
		d := patchData(i)
		is := func(have string) func(string) bool { return func(v string) bool { return strings.EqualFold(v, have) } }
		ok, err := orchestrated(in.Filters, map[string]func(string) bool{
			"Classification": is(*d.Classification), "KBId": is(*d.KBId),
			"State": func(v string) bool { return v == string(i.State) || v == string(d.State) },
			"Severity": func(v string) bool {
				return strings.EqualFold(v, *d.Severity) || alike && v == "Medium" && strings.EqualFold(*d.Severity, "Moderate")
			},
		})
		if err != nil {
			return nil, wire.Errorf("InvalidFilter", "The filter name isn't valid: Classification, KBId, Severity or State.")
		}
		if ok {
			all = append(all, d)
		}
	}
	cut, next, err := page(all, in.NextToken, in.MaxResults, 100)
	return &ssm.DescribeInstancePatchesOutput{Patches: cut, NextToken: next}, err
}
