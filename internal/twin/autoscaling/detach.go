package autoscaling

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// DetachInstances takes instances out of a group and leaves them running: when they have
// drained from its target groups. They are replaced unless the desired capacity goes down
// with them, both at once ("Detach or attach instances from your Auto Scaling group", user
// guide).
func (s *Service) DetachInstances(tx *world.Tx, in *asg.DetachInstancesInput) (*asg.DetachInstancesOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	ms, err := owned(tx, g, in.InstanceIds, 20)
	if err != nil {
		return nil, err
	}
	counting := 0
	for _, m := range ms {
		if m.State != types.LifecycleStateInService && m.State != types.LifecycleStateStandby {
			return nil, invalid("The instance %s is not in InService or Standby.", m.ID)
		}
		if m.counts() {
			counting += m.units()
		}
	}
	if aws.ToBool(in.ShouldDecrementDesiredCapacity) {
		if g.desired()-counting < g.min() {
			return nil, invalid("AutoScalingGroup %s has min-size=%d, max-size=%d, and desired-size=%d. To detach %d instances, please update the AutoScalingGroup sizes appropriately.", g.name(), g.min(), g.max(), g.desired(), len(ms))
		}
		g.Spec.DesiredCapacity = aws.Int32(int32(g.desired() - counting)) //nolint:gosec // within the group's sizes
	}
	out := &asg.DetachInstancesOutput{}
	for _, m := range ms {
		out.Activities = append(out.Activities, s.drain(tx, g, &m, types.LifecycleStateDetaching, types.LifecycleStateDetached,
			"Detaching EC2 instance: "+m.ID, "instance "+m.ID+" was detached in response to a user request"))
		if m.State == types.LifecycleStateDetached {
			dropMember(tx, m)
			continue
		}
		members(tx, g.name()).Put(m.ID, m)
	}
	s.save(tx, g, "DetachInstances")
	return out, nil
}

// detached lets go of a member that has been detached.
func (s *Service) detached(tx *world.Tx, m *member) {
	s.end(tx, m.Activity, nil)
	dropMember(tx, *m)
	m.State = types.LifecycleStateDetached
}

// AttachLoadBalancerTargetGroups adds target groups and registers the instances that are in
// service; those that there are already stay ("AttachLoadBalancerTargetGroups", Auto Scaling
// API Reference).
func (s *Service) AttachLoadBalancerTargetGroups(tx *world.Tx, in *asg.AttachLoadBalancerTargetGroupsInput) (*asg.AttachLoadBalancerTargetGroupsOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(g.Spec.TargetGroupARNs)
	for _, arn := range in.TargetGroupARNs {
		if !slices.Contains(all, arn) {
			all = append(all, arn)
		}
	}
	if err := s.checkTargets(tx, all); err != nil {
		return nil, err
	}
	added := g
	g.Spec.TargetGroupARNs, added.Spec.TargetGroupARNs = all, all[len(g.Spec.TargetGroupARNs):]
	for id, m := range members(tx, g.name()).All() {
		if m.State == types.LifecycleStateInService {
			s.register(tx, added, id)
		}
	}
	s.save(tx, g, "AttachLoadBalancerTargetGroups")
	return &asg.AttachLoadBalancerTargetGroupsOutput{}, nil
}

// DetachLoadBalancerTargetGroups takes target groups away; the instances drain. They are no
// longer described at once: the state Removing is not modelled.
func (s *Service) DetachLoadBalancerTargetGroups(tx *world.Tx, in *asg.DetachLoadBalancerTargetGroupsInput) (*asg.DetachLoadBalancerTargetGroupsOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	for _, arn := range in.TargetGroupARNs {
		if !slices.Contains(g.Spec.TargetGroupARNs, arn) {
			return nil, invalid("Trying to remove Target Groups that are not part of the group (%s)", arn)
		}
	}
	removed := g
	removed.Spec.TargetGroupARNs = in.TargetGroupARNs
	for id := range members(tx, g.name()).All() {
		s.deregister(tx, removed, id)
	}
	g.Spec.TargetGroupARNs = slices.DeleteFunc(slices.Clone(g.Spec.TargetGroupARNs), func(arn string) bool { return slices.Contains(in.TargetGroupARNs, arn) })
	s.save(tx, g, "DetachLoadBalancerTargetGroups")
	return &asg.DetachLoadBalancerTargetGroupsOutput{}, nil
}

// DeleteLaunchConfiguration removes a launch configuration that no group launches from
// ("DeleteLaunchConfiguration", Auto Scaling API Reference).
func (s *Service) DeleteLaunchConfiguration(tx *world.Tx, in *asg.DeleteLaunchConfigurationInput) (*asg.DeleteLaunchConfigurationOutput, error) {
	name := aws.ToString(in.LaunchConfigurationName)
	if _, ok := configurations(tx).Get(name); !ok {
		return nil, invalid("Launch configuration name not found - Launch configuration %s not found", name)
	}
	for _, g := range groups(tx).All() {
		if aws.ToString(g.Spec.LaunchConfigurationName) == name {
			return nil, wire.Errorf("ResourceInUse", "Cannot delete launch configuration %s because it is attached to AutoScalingGroup %s", name, g.name())
		}
	}
	configurations(tx).Delete(name)
	return &asg.DeleteLaunchConfigurationOutput{}, nil
}

// DeletePolicy removes a scaling policy, by its name in a group or by its ARN.
func (s *Service) DeletePolicy(tx *world.Tx, in *asg.DeletePolicyInput) (*asg.DeletePolicyOutput, error) {
	names, err := groupNames(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	for _, group := range names {
		for name, p := range policies(tx, group).All() {
			if *p.PolicyARN == *in.PolicyName || name == *in.PolicyName && in.AutoScalingGroupName != nil {
				policies(tx, group).Delete(name)
				return &asg.DeletePolicyOutput{}, nil
			}
		}
	}
	return nil, invalid("Policy not found: %s", *in.PolicyName)
}

// DeleteWarmPool removes a group's warm pool, in which nothing ever is.
func (s *Service) DeleteWarmPool(tx *world.Tx, in *asg.DeleteWarmPoolInput) (*asg.DeleteWarmPoolOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	if g.Spec.WarmPoolConfiguration == nil {
		return nil, invalid("No warm pool found for AutoScalingGroup %s", g.name())
	}
	g.Spec.WarmPoolConfiguration, g.Spec.WarmPoolSize = nil, nil
	groups(tx).Put(g.name(), g)
	return &asg.DeleteWarmPoolOutput{}, nil
}
