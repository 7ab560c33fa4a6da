package autoscaling

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Scaling policies and warm pools are kept and told, for whoever plans around them; the
// twin never carries them out: it has no metrics and prepares no instances. Scheduled
// actions are (scheduled.go).

func scheduled(tx *world.Tx, group string) *world.Rows[types.ScheduledUpdateGroupAction] {
	return world.Table[types.ScheduledUpdateGroupAction](tx, "autoscaling/scheduled/"+group)
}

func policies(tx *world.Tx, group string) *world.Rows[types.ScalingPolicy] {
	return world.Table[types.ScalingPolicy](tx, "autoscaling/policies/"+group)
}

// PutScheduledUpdateGroupAction makes or replaces a scheduled action.
func (s *Service) PutScheduledUpdateGroupAction(tx *world.Tx, in *asg.PutScheduledUpdateGroupActionInput) (*asg.PutScheduledUpdateGroupActionOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	start := in.StartTime
	if start == nil {
		start = in.Time // "This property is no longer used", and still accepted
	}
	switch {
	case in.MinSize == nil && in.MaxSize == nil && in.DesiredCapacity == nil:
		return nil, invalid("At least one of MinSize, MaxSize or DesiredCapacity must be specified.")
	case start == nil && in.Recurrence == nil:
		return nil, invalid("A start time or a recurrence must be specified.")
	case start != nil && !start.After(tx.Now):
		return nil, invalid("Given start time is in the past.")
	case in.EndTime != nil && start != nil && !in.EndTime.After(*start):
		return nil, invalid("End time must be after start time.")
	}
	if in.Recurrence != nil {
		if _, err := parseRecurrence(*in.Recurrence); err != nil {
			return nil, invalid("Given recurrence string:%s is invalid", *in.Recurrence)
		}
	}
	if in.TimeZone != nil {
		if _, err := time.LoadLocation(*in.TimeZone); err != nil || *in.TimeZone == "" || *in.TimeZone == "Local" {
			return nil, invalid("%s is not a valid time zone.", *in.TimeZone)
		}
	}
	if err := sizes(*or(in.MinSize, 0), *or(in.MaxSize, 1<<30), *or(in.DesiredCapacity, *or(in.MinSize, 0))); err != nil {
		return nil, err
	}
	name, rows := *in.ScheduledActionName, scheduled(tx, g.name())
	a := types.ScheduledUpdateGroupAction{
		AutoScalingGroupName: in.AutoScalingGroupName, ScheduledActionName: &name, MinSize: in.MinSize, MaxSize: in.MaxSize, DesiredCapacity: in.DesiredCapacity,
		StartTime: start, Time: start, EndTime: in.EndTime, Recurrence: in.Recurrence, TimeZone: in.TimeZone,
	}
	if old, ok := rows.Get(name); ok {
		a.ScheduledActionARN = old.ScheduledActionARN
	} else {
		if rows.Len() >= maxScheduled {
			return nil, exceeded("You've exceeded the limit of %d scheduled actions per Auto Scaling group.", maxScheduled)
		}
		a.ScheduledActionARN = aws.String(fmt.Sprintf("arn:aws:autoscaling:%s:%s:scheduledUpdateGroupAction:%s:autoScalingGroupName/%s:scheduledActionName/%s", tx.Region, tx.Account, tx.UUID(), g.name(), name))
	}
	rows.Put(name, a)
	plan(tx, a)
	return &asg.PutScheduledUpdateGroupActionOutput{}, nil
}

// DescribeScheduledActions lists scheduled actions, of one group or all, by name and
// by the time at which they begin.
func (s *Service) DescribeScheduledActions(tx *world.Tx, in *asg.DescribeScheduledActionsInput) (*asg.DescribeScheduledActionsOutput, error) {
	names, err := groupNames(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	var all []types.ScheduledUpdateGroupAction
	for _, group := range names {
		for name, a := range scheduled(tx, group).All() {
			switch {
			case len(in.ScheduledActionNames) > 0 && !slices.Contains(in.ScheduledActionNames, name),
				len(in.ScheduledActionNames) == 0 && in.StartTime != nil && a.StartTime != nil && a.StartTime.Before(*in.StartTime),
				len(in.ScheduledActionNames) == 0 && in.EndTime != nil && a.StartTime != nil && a.StartTime.After(*in.EndTime):
				continue
			}
			all = append(all, a)
		}
	}
	cut, next, err := page(all, in.NextToken, in.MaxRecords, 50, 100)
	return &asg.DescribeScheduledActionsOutput{ScheduledUpdateGroupActions: cut, NextToken: next}, err
}

// PutScalingPolicy makes or replaces a scaling policy.
func (s *Service) PutScalingPolicy(tx *world.Tx, in *asg.PutScalingPolicyInput) (*asg.PutScalingPolicyOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	kind := *orText(in.PolicyType, "SimpleScaling")
	missing := ""
	switch kind {
	case "SimpleScaling":
		if in.ScalingAdjustment == nil || in.AdjustmentType == nil {
			missing = "ScalingAdjustment and AdjustmentType"
		}
	case "StepScaling":
		if len(in.StepAdjustments) == 0 || in.AdjustmentType == nil {
			missing = "StepAdjustments and AdjustmentType"
		}
	case "TargetTrackingScaling":
		if in.TargetTrackingConfiguration == nil {
			missing = "TargetTrackingConfiguration"
		}
	case "PredictiveScaling":
		if in.PredictiveScalingConfiguration == nil {
			missing = "PredictiveScalingConfiguration"
		}
	default:
		return nil, invalid("The policy type %s is not valid.", kind)
	}
	if missing != "" {
		return nil, invalid("%s must be specified for a policy of the type %s.", missing, kind)
	}
	name, rows := *in.PolicyName, policies(tx, g.name())
	p := types.ScalingPolicy{
		AutoScalingGroupName: in.AutoScalingGroupName, PolicyName: &name, PolicyType: &kind, AdjustmentType: in.AdjustmentType, Cooldown: in.Cooldown,
		Enabled: aws.Bool(in.Enabled == nil || *in.Enabled), EstimatedInstanceWarmup: in.EstimatedInstanceWarmup, MetricAggregationType: in.MetricAggregationType,
		MinAdjustmentMagnitude: in.MinAdjustmentMagnitude, ScalingAdjustment: in.ScalingAdjustment, StepAdjustments: in.StepAdjustments,
		TargetTrackingConfiguration: in.TargetTrackingConfiguration, PredictiveScalingConfiguration: in.PredictiveScalingConfiguration, Alarms: []types.Alarm{},
	}
	if old, ok := rows.Get(name); ok {
		p.PolicyARN = old.PolicyARN
	} else {
		if rows.Len() >= maxPolicies {
			return nil, exceeded("You've exceeded the limit of %d scaling policies per Auto Scaling group.", maxPolicies)
		}
		p.PolicyARN = aws.String(fmt.Sprintf("arn:aws:autoscaling:%s:%s:scalingPolicy:%s:autoScalingGroupName/%s:policyName/%s", tx.Region, tx.Account, tx.UUID(), g.name(), name))
	}
	rows.Put(name, p)
	return &asg.PutScalingPolicyOutput{PolicyARN: p.PolicyARN, Alarms: []types.Alarm{}}, nil
}

// DescribePolicies lists scaling policies, of one group or all, by name or ARN and
// type.
func (s *Service) DescribePolicies(tx *world.Tx, in *asg.DescribePoliciesInput) (*asg.DescribePoliciesOutput, error) {
	names, err := groupNames(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	var all []types.ScalingPolicy
	for _, group := range names {
		for name, p := range policies(tx, group).All() {
			if len(in.PolicyNames) > 0 && !slices.Contains(in.PolicyNames, name) && !slices.Contains(in.PolicyNames, *p.PolicyARN) ||
				len(in.PolicyTypes) > 0 && !slices.Contains(in.PolicyTypes, *p.PolicyType) {
				continue
			}
			all = append(all, p)
		}
	}
	cut, next, err := page(all, in.NextToken, in.MaxRecords, 50, 100)
	return &asg.DescribePoliciesOutput{ScalingPolicies: cut, NextToken: next}, err
}

// groupNames is the group of that name, or without one all groups.
func groupNames(tx *world.Tx, name *string) (names []string, err error) {
	if name != nil {
		if _, ok := groups(tx).Get(*name); !ok {
			return nil, noGroup(*name)
		}
		return []string{*name}, nil
	}
	for n := range groups(tx).All() {
		names = append(names, n)
	}
	return names, nil
}

// PutWarmPool gives a group a warm pool, which stays empty here.
func (s *Service) PutWarmPool(tx *world.Tx, in *asg.PutWarmPoolInput) (*asg.PutWarmPoolOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	n := aws.ToInt32(in.MinSize)
	most := in.MaxGroupPreparedCapacity
	switch {
	case n < 0:
		return nil, invalid("The minimum size of a warm pool cannot be negative.")
	case most != nil && *most < -1:
		return nil, invalid("MaxGroupPreparedCapacity must be -1 or at least 0.")
	case g.Spec.MixedInstancesPolicy != nil:
		// "Limitations" ("Warm pools", user guide).
		return nil, invalid("You can't add a warm pool to an Auto Scaling group that has a mixed instances policy.")
	}
	if most != nil && *most == -1 { // "To remove a value that you previously set ... specify -1"
		most = nil
	}
	state := in.PoolState
	if state == "" {
		state = types.WarmPoolStateStopped
	}
	g.Spec.WarmPoolConfiguration = &types.WarmPoolConfiguration{MinSize: &n, MaxGroupPreparedCapacity: most, PoolState: state, InstanceReusePolicy: in.InstanceReusePolicy}
	g.Spec.WarmPoolSize = aws.Int32(0)
	groups(tx).Put(g.name(), g)
	return &asg.PutWarmPoolOutput{}, nil
}

// DescribeWarmPool tells a group's warm pool, if it has one.
func (s *Service) DescribeWarmPool(tx *world.Tx, in *asg.DescribeWarmPoolInput) (*asg.DescribeWarmPoolOutput, error) {
	g, ok := groups(tx).Get(aws.ToString(in.AutoScalingGroupName))
	if !ok {
		return nil, noGroup(aws.ToString(in.AutoScalingGroupName))
	}
	return &asg.DescribeWarmPoolOutput{WarmPoolConfiguration: g.Spec.WarmPoolConfiguration, Instances: []types.Instance{}}, nil
}
