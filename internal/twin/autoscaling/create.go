package autoscaling

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// CreateAutoScalingGroup makes a group; its instances follow.
func (s *Service) CreateAutoScalingGroup(tx *world.Tx, in *asg.CreateAutoScalingGroupInput) (*asg.CreateAutoScalingGroupOutput, error) {
	name := aws.ToString(in.AutoScalingGroupName)
	if name == "" || len(name) > 255 {
		return nil, invalid("1 validation error detected: Value '%s' at 'autoScalingGroupName' failed to satisfy constraint: Member must have length between 1 and 255", name)
	}
	switch {
	case strings.Contains(name, ":"): // "You cannot use a colon (:) in the name"
		return nil, invalid("The name of an Auto Scaling group must not have colons: %s", name)
	case in.InstanceId != nil:
		return nil, unmodelled("making a group from an instance")
	case len(in.LoadBalancerNames) > 0, len(in.TrafficSources) > 0:
		return nil, unmodelled("Classic Load Balancers and traffic sources")
	}
	if err := errors.Join((settings{in.HealthCheckType, in.HealthCheckGracePeriod, in.DefaultInstanceWarmup, in.DefaultCooldown, in.TerminationPolicies, in.DesiredCapacityType,
		in.AvailabilityZoneDistribution, in.AvailabilityZoneImpairmentPolicy}).check(), checkTags(nil, in.Tags)); err != nil {
		return nil, err
	}
	if _, ok := groups(tx).Get(name); ok {
		return nil, wire.Errorf("AlreadyExists", "AutoScalingGroup by this name already exists - A group with the name %s already exists", name)
	}
	if in.MinSize == nil || in.MaxSize == nil {
		return nil, invalid("The parameters MinSize and MaxSize are required.")
	}
	desired := in.DesiredCapacity
	if desired == nil {
		desired = in.MinSize // "If you do not specify a desired capacity, the default is the minimum size of the group"
	}
	if err := sizes(*in.MinSize, *in.MaxSize, *desired); err != nil {
		return nil, err
	}
	if groups(tx).Len() >= maxGroups {
		return nil, exceeded("You've exceeded your AWS resource limit. You already have %d Auto Scaling groups.", maxGroups)
	}
	if err := errors.Join(policy(in.InstanceMaintenancePolicy), lifetime(in.MaxInstanceLifetime), s.checkTargets(tx, in.TargetGroupARNs)); err != nil {
		return nil, err
	}
	c, err := s.check(tx, config{in.LaunchTemplate, in.MixedInstancesPolicy, in.LaunchConfigurationName})
	if err == nil {
		err = s.launchable(tx, c)
	}
	if err != nil {
		return nil, err
	}
	g := group{Spec: types.AutoScalingGroup{
		AutoScalingGroupName: aws.String(name), CreatedTime: aws.Time(tx.Now),
		AutoScalingGroupARN: aws.String(fmt.Sprintf("arn:aws:autoscaling:%s:%s:autoScalingGroup:%s:autoScalingGroupName/%s", tx.Region, tx.Account, tx.UUID(), name)),
		MinSize:             aws.Int32(*in.MinSize), MaxSize: aws.Int32(*in.MaxSize), DesiredCapacity: aws.Int32(*desired),
		LaunchTemplate: c.template, MixedInstancesPolicy: c.mixed, LaunchConfigurationName: c.configuration,
		DefaultCooldown:       or(in.DefaultCooldown, 300),
		DefaultInstanceWarmup: in.DefaultInstanceWarmup, HealthCheckGracePeriod: or(in.HealthCheckGracePeriod, 0),
		HealthCheckType: orText(in.HealthCheckType, "EC2"), InstanceMaintenancePolicy: in.InstanceMaintenancePolicy,
		NewInstancesProtectedFromScaleIn: aws.Bool(aws.ToBool(in.NewInstancesProtectedFromScaleIn)),
		CapacityRebalance:                in.CapacityRebalance, MaxInstanceLifetime: in.MaxInstanceLifetime, PlacementGroup: in.PlacementGroup,
		TargetGroupARNs:     in.TargetGroupARNs,
		TerminationPolicies: in.TerminationPolicies, Context: in.Context, DesiredCapacityType: in.DesiredCapacityType,
		CapacityReservationSpecification: in.CapacityReservationSpecification, DeletionProtection: in.DeletionProtection,
		ServiceLinkedRoleARN: orText(in.ServiceLinkedRoleARN, "arn:aws:iam::"+tx.Account+":role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"),
	}}
	if len(g.Spec.TerminationPolicies) == 0 {
		g.Spec.TerminationPolicies = []string{"Default"}
	}
	if err := s.network(tx, &g, in.VPCZoneIdentifier, in.AvailabilityZones); err != nil {
		return nil, err
	}
	for _, t := range in.Tags {
		g.Spec.Tags = setTag(g.Spec.Tags, name, t)
	}
	for _, h := range in.LifecycleHookSpecificationList {
		if err := g.hook(types.LifecycleHook{
			LifecycleHookName: h.LifecycleHookName, LifecycleTransition: h.LifecycleTransition, DefaultResult: h.DefaultResult, HeartbeatTimeout: h.HeartbeatTimeout,
			NotificationMetadata: h.NotificationMetadata, NotificationTargetARN: h.NotificationTargetARN, RoleARN: h.RoleARN,
		}); err != nil {
			return nil, err
		}
	}
	groups(tx).Put(name, g)
	settled(tx)
	tx.Event("group.created", map[string]any{"group": name, "desired": g.desired()})
	wake(tx, name, tx.Now)
	return &asg.CreateAutoScalingGroupOutput{}, nil
}

// network sets where a group launches.
func (s *Service) network(tx *world.Tx, g *group, subnets *string, zones []string) error {
	if aws.ToString(subnets) == "" && len(zones) == 0 {
		return invalid("At least one Availability Zone or VPC Subnet is required.")
	}
	if aws.ToString(subnets) != "" {
		g.Spec.VPCZoneIdentifier, zones = subnets, nil
		for _, id := range strings.Split(*subnets, ",") {
			zone, ok := s.ec2.Zone(tx, strings.TrimSpace(id))
			if !ok {
				return invalid("The subnet ID '%s' does not exist", strings.TrimSpace(id))
			}
			zones = append(zones, zone)
		}
	}
	have := s.ec2.Zones(tx)
	for _, zone := range zones {
		if !slices.Contains(have, zone) {
			return invalid("Invalid Availability Zone(s) [%s].", zone)
		}
	}
	g.Spec.AvailabilityZones = zones
	return nil
}

// place is a subnet, or a zone without one, that the group launches in.
type place struct{ subnet, zone string }

// places are where the next instance may go: the subnets or zones in turn, the others
// for the case that there is no capacity.
func (v *view) places() (out []place) {
	zones := v.g.Spec.AvailabilityZones
	subnets := strings.Split(aws.ToString(v.g.Spec.VPCZoneIdentifier), ",")
	for k := range zones {
		n := (v.g.Zone + k) % len(zones)
		p := place{zone: zones[n]}
		if subnets[0] != "" {
			p.subnet = strings.TrimSpace(subnets[n])
		}
		out = append(out, p)
	}
	v.g.Zone++
	return out
}

func sizes(low, high, desired int32) error {
	switch {
	case low < 0 || high < 0 || desired < 0:
		return invalid("Sizes of an Auto Scaling group cannot be negative.")
	case high < low:
		return invalid("Max bound, %d, must be greater than or equal to min bound, %d", high, low)
	case desired < low || desired > high:
		return invalid("Desired capacity:%d must be between the specified min size:%d and max size:%d", desired, low, high)
	}
	return nil
}

// policy checks an instance maintenance policy: both percentages, their ranges and
// their distance of at most 100; -1 clears (API reference).
func policy(p *types.InstanceMaintenancePolicy) error {
	if p == nil {
		return nil
	}
	if p.MinHealthyPercentage == nil || p.MaxHealthyPercentage == nil {
		return invalid("Both MinHealthyPercentage and MaxHealthyPercentage must be specified.")
	}
	if *p.MinHealthyPercentage == -1 && *p.MaxHealthyPercentage == -1 {
		return nil
	}
	return percentages(p.MinHealthyPercentage, p.MaxHealthyPercentage)
}

// lifetime checks a maximum instance lifetime: 0 is none, else at least a day and at
// most a year ("Replacing instances based on maximum instance lifetime", user guide).
func lifetime(n *int32) error {
	if n != nil && *n != 0 && (*n < 86400 || *n > 31536000) {
		return invalid("Maximum instance lifetime must be equal to 0 or between 86400 and 31536000 seconds (inclusive).")
	}
	return nil
}

func percentages(low, high *int32) error {
	if low != nil && (*low < 0 || *low > 100) {
		return invalid("The value '%d' for MinHealthyPercentage is not between 0 and 100.", *low)
	}
	if high == nil {
		return nil
	}
	switch {
	case *high < 100 || *high > 200:
		return invalid("The value '%d' for MaxHealthyPercentage is not between 100 and 200.", *high)
	case low == nil:
		return invalid("You must specify MinHealthyPercentage when you specify MaxHealthyPercentage.")
	case *high-*low > 100:
		return invalid("The difference between MaxHealthyPercentage and MinHealthyPercentage cannot be greater than 100.")
	}
	return nil
}

func or(p *int32, d int32) *int32 {
	if p != nil {
		return p
	}
	return &d
}

func orText(p *string, d string) *string {
	if p != nil {
		return p
	}
	return &d
}
