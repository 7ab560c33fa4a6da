package autoscaling

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// StartInstanceRefresh begins to replace a group's instances. There is one active
// refresh a group and no client token: who lost the answer finds the refresh by
// DescribeInstanceRefreshes.
func (s *Service) StartInstanceRefresh(tx *world.Tx, in *asg.StartInstanceRefreshInput) (*asg.StartInstanceRefreshOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	if in.Strategy != "" && !slices.Contains(in.Strategy.Values(), in.Strategy) {
		return nil, invalid("Invalid strategy: %s. Valid strategies are %v", in.Strategy, in.Strategy.Values())
	}
	if g.Refresh != "" {
		return nil, wire.Errorf("InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.")
	}
	r := refresh{Strategy: in.Strategy, ID: tx.UUID(), Group: g.name(), Status: types.InstanceRefreshStatusPending, Start: tx.Now}
	if d := in.DesiredConfiguration; d != nil && (d.LaunchTemplate != nil || d.MixedInstancesPolicy != nil) {
		c, err := s.check(tx, configOf(d))
		if err != nil {
			return nil, err
		}
		r.Desired = &types.DesiredConfiguration{LaunchTemplate: c.template, MixedInstancesPolicy: c.mixed}
		if s.alias(tx, c) != "" {
			// "Limitations" ("Use Systems Manager parameters instead of AMI IDs in launch
			// templates", user guide).
			return nil, invalid("You cannot specify a desired configuration whose launch template uses an AWS Systems Manager parameter instead of an AMI ID.")
		}
	}
	if r.inPlace() {
		if err := s.inPlace(tx, g, r.Desired); err != nil {
			return nil, err
		}
	}
	if r.Prefs, err = preferences(g, in.Preferences); err != nil {
		return nil, err
	}
	if a := r.Prefs.AlarmSpecification; a != nil && s.alarms != nil {
		for _, name := range a.Alarms {
			if !s.alarms.Exists(tx, name) {
				// AWS states no error for it; a refresh that nothing guards is refused.
				return nil, invalid("The CloudWatch alarm %s does not exist.", name)
			}
		}
	}
	if aws.ToBool(r.Prefs.SkipMatching) {
		switch {
		case s.alias(tx, g.config()) != "":
			return nil, invalid("The SkipMatching parameter cannot be set to true when the launch template uses an AWS Systems Manager parameter instead of an AMI ID.")
		case r.Desired == nil && g.Spec.LaunchConfigurationName != nil:
			// "Using skip matching with a launch configuration is not supported".
			return nil, invalid("The SkipMatching parameter cannot be set to true for an Auto Scaling group that uses a launch configuration.")
		}
	}
	if aws.ToBool(r.Prefs.AutoRollback) {
		if r.Desired == nil {
			return nil, invalid("The request isn't valid. The AutoRollback parameter cannot be set to true when the DesiredConfiguration parameter is empty. Set AutoRollback to false or specify a desired configuration and try again.")
		}
		if why := s.irreversible(tx, g, r); why != "" {
			return nil, invalid("The AutoRollback parameter cannot be set to true. %s", why)
		}
	}
	if last, ok := refreshes(tx).Get(g.Last); ok {
		r.After = last.Status == types.InstanceRefreshStatusCancelled
	}
	refreshes(tx).Put(r.ID, r)
	g.Refresh, g.Last = r.ID, r.ID
	groups(tx).Put(g.name(), g)
	tx.Event("refresh.status", map[string]any{"group": g.name(), "id": r.ID, "status": string(r.Status), "reason": "", "percent": 0})
	wake(tx, g.name(), tx.Now)
	return &asg.StartInstanceRefreshOutput{InstanceRefreshId: &r.ID}, nil
}

// irreversible says why a refresh cannot be rolled back: no desired configuration, or
// either end of it on $Latest, $Default or a Systems Manager parameter
// (RollbackInstanceRefresh, API reference).
func (s *Service) irreversible(tx *world.Tx, g group, r refresh) string {
	if r.Desired == nil {
		return "There is no desired configuration specified for the instance refresh."
	}
	if why := s.pinned(tx, g.config()); why != "" {
		return why
	}
	return s.pinned(tx, configOf(r.Desired))
}

// latest is the group's active refresh.
func (s *Service) latest(tx *world.Tx, name *string) (group, refresh, error) {
	g, err := find(tx, name)
	if err != nil {
		return g, refresh{}, err
	}
	r, ok := refreshes(tx).Get(g.Refresh)
	if !ok {
		return g, r, wire.Errorf("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found for Auto Scaling group %s", g.name())
	}
	return g, r, nil
}

// CancelInstanceRefresh stops a refresh or rollback; what it did stays done. Unless
// told otherwise it first waits for launches and terminations under way.
func (s *Service) CancelInstanceRefresh(tx *world.Tx, in *asg.CancelInstanceRefreshInput) (*asg.CancelInstanceRefreshOutput, error) {
	g, r, err := s.latest(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	v := &view{s: s, tx: tx, g: g, r: &r}
	if in.WaitForTransitioningInstances != nil && !*in.WaitForTransitioningInstances {
		v.finish(types.InstanceRefreshStatusCancelled, "Cancelled due to user request.")
	} else if r.Status != types.InstanceRefreshStatusCancelling {
		v.set(types.InstanceRefreshStatusCancelling, "Cancelled due to user request.")
	}
	refreshes(tx).Put(r.ID, r)
	s.save(tx, v.g, "CancelInstanceRefresh")
	return &asg.CancelInstanceRefreshOutput{InstanceRefreshId: &r.ID}, nil
}

// RollbackInstanceRefresh turns an active refresh round.
func (s *Service) RollbackInstanceRefresh(tx *world.Tx, in *asg.RollbackInstanceRefreshInput) (*asg.RollbackInstanceRefreshOutput, error) {
	g, r, err := s.latest(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	if why := s.irreversible(tx, g, r); why != "" {
		return nil, wire.Errorf("IrreversibleInstanceRefresh", "The instance refresh cannot be rolled back. %s", why)
	}
	if r.Rollback != nil || r.Status == types.InstanceRefreshStatusCancelling {
		return nil, wire.Errorf("IrreversibleInstanceRefresh", "The instance refresh is in the state %s and cannot be rolled back.", r.Status)
	}
	v := s.view(tx, g)
	v.rollback("Rolled back due to user request.")
	refreshes(tx).Put(r.ID, *v.r)
	s.save(tx, v.g, "RollbackInstanceRefresh")
	return &asg.RollbackInstanceRefreshOutput{InstanceRefreshId: &r.ID}, nil
}

// DescribeInstanceRefreshes lists a group's refreshes of the last six weeks, newest
// first.
func (s *Service) DescribeInstanceRefreshes(tx *world.Tx, in *asg.DescribeInstanceRefreshesInput) (*asg.DescribeInstanceRefreshesOutput, error) {
	name := aws.ToString(in.AutoScalingGroupName)
	if _, ok := groups(tx).Get(name); !ok {
		return nil, noGroup(name)
	}
	var all []types.InstanceRefresh
	for id, r := range refreshes(tx).All() {
		old := !r.active() && tx.Now.Sub(r.End) > historyKept
		if r.Group != name || old || len(in.InstanceRefreshIds) > 0 && !slices.Contains(in.InstanceRefreshIds, id) {
			continue
		}
		all = append(all, r.describe())
	}
	slices.Reverse(all)
	cut, next, err := page(all, in.NextToken, in.MaxRecords, 50, 100)
	return &asg.DescribeInstanceRefreshesOutput{InstanceRefreshes: cut, NextToken: next}, err
}

func (r refresh) describe() types.InstanceRefresh {
	out := types.InstanceRefresh{
		InstanceRefreshId: &r.ID, AutoScalingGroupName: &r.Group, Status: r.Status, StartTime: &r.Start, DesiredConfiguration: r.Desired,
		Preferences: &r.Prefs, PercentageComplete: aws.Int32(int32(r.Percent)), InstancesToUpdate: aws.Int32(int32(r.Left)),
		RollbackDetails: r.Rollback, Strategy: r.strategy(),
	}
	if r.Reason != "" {
		out.StatusReason = &r.Reason
	}
	if !r.End.IsZero() {
		out.EndTime = &r.End
	}
	return out
}
