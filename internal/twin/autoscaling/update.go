package autoscaling

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// find is a group that is not being deleted.
func find(tx *world.Tx, name *string) (group, error) {
	g, ok := groups(tx).Get(aws.ToString(name))
	if !ok {
		return g, noGroup(aws.ToString(name))
	}
	if g.Deleting {
		return g, wire.Errorf("ScalingActivityInProgress", "Group %s is pending delete", g.name())
	}
	return g, nil
}

// UpdateAutoScalingGroup changes a group's settings. Existing instances stay as they
// are: a new launch template is for the next launches.
func (s *Service) UpdateAutoScalingGroup(tx *world.Tx, in *asg.UpdateAutoScalingGroupInput) (*asg.UpdateAutoScalingGroupOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	if err := settingsOf(in).check(); err != nil {
		return nil, err
	}
	if err := s.updateLaunch(tx, &g, in); err != nil {
		return nil, err
	}
	if err := updateSize(&g, in); err != nil {
		return nil, err
	}
	if err := errors.Join(lifetime(in.MaxInstanceLifetime), s.resolves(tx, g.config())); err != nil {
		return nil, err
	}
	if p := in.InstanceMaintenancePolicy; p != nil {
		if err := policy(p); err != nil {
			return nil, err
		}
		if *p.MinHealthyPercentage == -1 {
			p = nil
		}
		g.Spec.InstanceMaintenancePolicy = p
	}
	if in.VPCZoneIdentifier != nil || len(in.AvailabilityZones) > 0 {
		if err := s.network(tx, &g, in.VPCZoneIdentifier, in.AvailabilityZones); err != nil {
			return nil, err
		}
	}
	sp := &g.Spec
	set(&sp.DefaultCooldown, in.DefaultCooldown)
	set(&sp.HealthCheckGracePeriod, in.HealthCheckGracePeriod)
	set(&sp.HealthCheckType, in.HealthCheckType)
	set(&sp.NewInstancesProtectedFromScaleIn, in.NewInstancesProtectedFromScaleIn)
	set(&sp.CapacityRebalance, in.CapacityRebalance)
	set(&sp.MaxInstanceLifetime, in.MaxInstanceLifetime)
	set(&sp.PlacementGroup, in.PlacementGroup)
	set(&sp.Context, in.Context)
	if w := in.DefaultInstanceWarmup; w != nil {
		sp.DefaultInstanceWarmup = w
		if *w == -1 { // "To remove a value that you previously set, specify -1"
			sp.DefaultInstanceWarmup = nil
		}
	}
	if len(in.TerminationPolicies) > 0 {
		sp.TerminationPolicies = in.TerminationPolicies
	}
	if in.DeletionProtection != "" {
		sp.DeletionProtection = in.DeletionProtection
	}
	s.save(tx, g, "update")
	return &asg.UpdateAutoScalingGroupOutput{}, nil
}

func (s *Service) updateLaunch(tx *world.Tx, g *group, in *asg.UpdateAutoScalingGroupInput) error {
	if in.LaunchTemplate == nil && in.MixedInstancesPolicy == nil && in.LaunchConfigurationName == nil {
		return nil
	}
	if r, ok := refreshes(tx).Get(g.Refresh); ok && r.Desired != nil {
		// While a refresh with a desired configuration is active, what it would write
		// cannot be changed ("Start an instance refresh", user guide).
		return invalid("An active instance refresh with a desired configuration exists. All configuration options derived from the desired configuration are not available for update while the instance refresh is active.")
	}
	c, err := s.check(tx, config{in.LaunchTemplate, in.MixedInstancesPolicy, in.LaunchConfigurationName})
	if err == nil {
		err = s.launchable(tx, c)
	}
	if err != nil {
		return err
	}
	g.Spec.LaunchTemplate, g.Spec.MixedInstancesPolicy, g.Spec.LaunchConfigurationName = c.template, c.mixed, c.configuration
	return nil
}

// updateSize changes the sizes. A desired capacity that is not given follows a
// bound that passes it (UpdateAutoScalingGroup, API reference).
func updateSize(g *group, in *asg.UpdateAutoScalingGroupInput) error {
	low, high, desired := *or(in.MinSize, *g.Spec.MinSize), *or(in.MaxSize, *g.Spec.MaxSize), *g.Spec.DesiredCapacity
	if in.DesiredCapacity != nil {
		desired = *in.DesiredCapacity
	} else if low <= high {
		desired = min(max(desired, low), high)
	}
	if err := sizes(low, high, desired); err != nil {
		return err
	}
	g.Spec.MinSize, g.Spec.MaxSize, g.Spec.DesiredCapacity = &low, &high, &desired
	return nil
}

func set[T any](to **T, from *T) {
	if from != nil {
		*to = from
	}
}

// save writes a group that a call has changed and has it looked at.
func (s *Service) save(tx *world.Tx, g group, cause string) {
	groups(tx).Put(g.name(), g)
	s.capacityEvent(tx, g.name(), cause)
	wake(tx, g.name(), tx.Now)
}

// SetDesiredCapacity changes how many instances are wanted.
func (s *Service) SetDesiredCapacity(tx *world.Tx, in *asg.SetDesiredCapacityInput) (*asg.SetDesiredCapacityOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	switch n := int(aws.ToInt32(in.DesiredCapacity)); {
	case n > g.max():
		return nil, invalid("New SetDesiredCapacity value %d is above max value %d for the AutoScalingGroup.", n, g.max())
	case n < g.min():
		return nil, invalid("New SetDesiredCapacity value %d is below min value %d for the AutoScalingGroup.", n, g.min())
	}
	g.Spec.DesiredCapacity = aws.Int32(*in.DesiredCapacity)
	s.save(tx, g, "SetDesiredCapacity")
	return &asg.SetDesiredCapacityOutput{}, nil
}

// DeleteAutoScalingGroup deletes a group that is empty, or, forced, one with its
// instances.
func (s *Service) DeleteAutoScalingGroup(tx *world.Tx, in *asg.DeleteAutoScalingGroupInput) (*asg.DeleteAutoScalingGroupOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	force, v := aws.ToBool(in.ForceDelete), s.view(tx, g)
	if p := g.Spec.DeletionProtection; p == types.DeletionProtectionPreventAllDeletion || p == types.DeletionProtectionPreventForceDeletion && force {
		return nil, wire.Errorf("ResourceInUse", "The Auto Scaling group %s has deletion protection.", g.name())
	}
	if !force && len(v.members) > 0 {
		if v.count(member.gone) > 0 || v.count(func(m member) bool { return m.Activity != "" }) > 0 {
			return nil, wire.Errorf("ScalingActivityInProgress", "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.")
		}
		return nil, wire.Errorf("ResourceInUse", "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.")
	}
	g.Deleting, g.Refresh = true, ""
	g.Spec.MinSize, g.Spec.MaxSize, g.Spec.DesiredCapacity = aws.Int32(0), aws.Int32(0), aws.Int32(0)
	g.Spec.Status = aws.String("Delete in progress")
	if len(v.members) == 0 {
		s.empty(&view{s: s, tx: tx, g: g})
		return &asg.DeleteAutoScalingGroupOutput{}, nil
	}
	s.save(tx, g, "delete")
	return &asg.DeleteAutoScalingGroupOutput{}, nil
}
