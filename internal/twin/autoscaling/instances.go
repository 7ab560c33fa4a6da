package autoscaling

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// owned finds instances of one group; at most limit (quotas, user guide), each once: AWS
// does not say what the second would be, and it must not count twice.
func owned(tx *world.Tx, g group, ids []string, limit int) ([]member, error) {
	if len(ids) > limit {
		return nil, invalid("You may specify at most %d instance IDs.", limit)
	}
	var out []member
	for n, id := range ids {
		m, ok := members(tx, g.name()).Get(id)
		switch {
		case !ok:
			return nil, invalid("The instance %s is not part of Auto Scaling group %s.", id, g.name())
		case slices.Contains(ids[:n], id):
			return nil, invalid("The instance %s is given twice.", id)
		}
		out = append(out, m)
	}
	return out, nil
}

// SetInstanceProtection sets protection from scale-in.
func (s *Service) SetInstanceProtection(tx *world.Tx, in *asg.SetInstanceProtectionInput) (*asg.SetInstanceProtectionOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	ms, err := owned(tx, g, in.InstanceIds, 50)
	if err != nil {
		return nil, err
	}
	for _, m := range ms {
		if m.State != types.LifecycleStateInService {
			return nil, invalid("The instance %s is not in InService.", m.ID)
		}
		m.Protected = aws.ToBool(in.ProtectedFromScaleIn)
		members(tx, g.name()).Put(m.ID, m)
	}
	wake(tx, g.name(), tx.Now)
	return &asg.SetInstanceProtectionOutput{}, nil
}

// SetInstanceHealth tells of a custom health check. With ShouldRespectGracePeriod,
// the default, it is ignored while the grace period runs.
func (s *Service) SetInstanceHealth(tx *world.Tx, in *asg.SetInstanceHealthInput) (*asg.SetInstanceHealthOutput, error) {
	status := aws.ToString(in.HealthStatus)
	if status != "Healthy" && status != "Unhealthy" {
		return nil, invalid("Valid instance health states are: [Healthy, Unhealthy].")
	}
	m, ok := findMember(tx, aws.ToString(in.InstanceId))
	if !ok {
		return nil, invalid("Instance Id not found - No managed instance found for instance ID: %s", aws.ToString(in.InstanceId))
	}
	g, err := find(tx, &m.Group)
	if err != nil {
		return nil, err
	}
	respect := in.ShouldRespectGracePeriod == nil || *in.ShouldRespectGracePeriod
	if respect && (m.Since.IsZero() || tx.Now.Before(m.Since.Add(g.grace()))) {
		return &asg.SetInstanceHealthOutput{}, nil
	}
	m.Unhealthy = status == "Unhealthy"
	members(tx, m.Group).Put(m.ID, m)
	s.save(tx, g, "SetInstanceHealth")
	return &asg.SetInstanceHealthOutput{}, nil
}

// TerminateInstanceInAutoScalingGroup ends an instance, with or without having it
// replaced.
func (s *Service) TerminateInstanceInAutoScalingGroup(tx *world.Tx, in *asg.TerminateInstanceInAutoScalingGroupInput) (*asg.TerminateInstanceInAutoScalingGroupOutput, error) {
	if len(in.InstanceIds) > 0 {
		return nil, unmodelled("termination of several instances in one call")
	}
	m, ok := findMember(tx, aws.ToString(in.InstanceId))
	if !ok {
		return nil, invalid("Instance Id not found - No managed instance found for instance ID: %s", aws.ToString(in.InstanceId))
	}
	g, err := find(tx, &m.Group)
	if err != nil {
		return nil, err
	}
	if m.State == types.LifecycleStateDetaching {
		return nil, invalid("The instance %s is being detached from Auto Scaling group %s.", m.ID, g.name())
	}
	if aws.ToBool(in.ShouldDecrementDesiredCapacity) && m.counts() {
		if g.desired()-m.units() < g.min() {
			return nil, invalid("Currently, desiredSize equals minSize (%d). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.", g.min())
		}
		g.Spec.DesiredCapacity = aws.Int32(int32(g.desired() - m.units()))
	}
	v := s.view(tx, g)
	for i := range v.members {
		if v.members[i].ID == m.ID && !v.members[i].gone() {
			v.terminate(i, "an instance was taken out of service in response to a user request")
		}
		if v.members[i].ID == m.ID {
			m = v.members[i]
		}
	}
	if !v.next.IsZero() {
		wake(tx, g.name(), v.next)
	}
	s.save(tx, g, "TerminateInstanceInAutoScalingGroup")
	out := &asg.TerminateInstanceInAutoScalingGroupOutput{}
	if a, ok := activities(tx, g.name()).Get(m.Activity); ok {
		out.Activity = &a
	}
	return out, nil
}

// weight is the capacity of members.
func weight(ms []member) (n int) {
	for _, m := range ms {
		n += m.units()
	}
	return n
}

// EnterStandby takes instances out of service without ending them: out of their target
// groups first, until they have drained ("Temporarily remove instances from your Auto
// Scaling group", user guide).
func (s *Service) EnterStandby(tx *world.Tx, in *asg.EnterStandbyInput) (*asg.EnterStandbyOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	ms, err := owned(tx, g, in.InstanceIds, 20)
	if err != nil {
		return nil, err
	}
	decrement := aws.ToBool(in.ShouldDecrementDesiredCapacity)
	capacity := weight(ms)
	if decrement && g.desired()-capacity < g.min() {
		return nil, invalid("AutoScalingGroup %s has min-size=%d, max-size=%d, and desired-size=%d. To place into standby %d instances, please update the AutoScalingGroup sizes appropriately.", g.name(), g.min(), g.max(), g.desired(), len(ms))
	}
	out := &asg.EnterStandbyOutput{}
	for _, m := range ms {
		if m.State != types.LifecycleStateInService {
			return nil, invalid("The instance %s is not in InService.", m.ID)
		}
		out.Activities = append(out.Activities, s.drain(tx, g, &m, types.LifecycleStateEnteringStandby, types.LifecycleStateStandby,
			"Moving EC2 instance to Standby: "+m.ID, "instance "+m.ID+" was moved to standby in response to a user request"))
		members(tx, g.name()).Put(m.ID, m)
	}
	if decrement {
		g.Spec.DesiredCapacity = aws.Int32(int32(g.desired() - capacity))
	}
	s.save(tx, g, "EnterStandby")
	return out, nil
}

// drain takes an instance out of the group's target groups, to stay outside: it is in one
// state until it has drained, then in the other.
func (s *Service) drain(tx *world.Tx, g group, m *member, until, then types.LifecycleState, text, cause string) types.Activity {
	m.State, m.Until = then, s.deregister(tx, g, m.ID)
	if !m.Until.After(tx.Now) {
		return s.done(tx, g, text, cause)
	}
	m.State, m.Activity = until, s.begin(tx, g, text, cause)
	wake(tx, g.name(), m.Until)
	a, _ := activities(tx, g.name()).Get(m.Activity)
	return a
}

// ExitStandby returns instances to service; desired capacity grows with them, and
// must not pass the maximum.
func (s *Service) ExitStandby(tx *world.Tx, in *asg.ExitStandbyInput) (*asg.ExitStandbyOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	ms, err := owned(tx, g, in.InstanceIds, 20)
	if err != nil {
		return nil, err
	}
	capacity := weight(ms)
	if g.desired()+capacity > g.max() {
		return nil, invalid("AutoScalingGroup %s has min-size=%d, max-size=%d, and desired-size=%d. To take out of standby %d instances, please update the AutoScalingGroup sizes appropriately.", g.name(), g.min(), g.max(), g.desired(), len(ms))
	}
	out := &asg.ExitStandbyOutput{}
	for _, m := range ms {
		if m.State != types.LifecycleStateStandby {
			return nil, invalid("The instance %s is not in Standby.", m.ID)
		}
		m.State, m.Since, m.Warm = types.LifecycleStateInService, tx.Now, time.Time{}
		if i, ok := s.ec2.Instance(tx, m.ID); !ok || i.State != "running" {
			m.Unhealthy = true // it is looked at again only now (the same page)
		} else {
			s.register(tx, g, m.ID)
		}
		members(tx, g.name()).Put(m.ID, m)
		out.Activities = append(out.Activities, s.done(tx, g, "Moving EC2 instance out of Standby: "+m.ID, "instance "+m.ID+" was moved out of standby in response to a user request"))
	}
	g.Spec.DesiredCapacity = aws.Int32(int32(g.desired() + capacity))
	s.save(tx, g, "ExitStandby")
	return out, nil
}
