package autoscaling

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/elbv2"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Service is the twin's Auto Scaling in all accounts and regions of one world.
type Service struct {
	w       *world.World
	ec2     EC2
	targets Targets // nil refuses groups with target groups
	alarms  Alarms  // nil takes every name of an alarm
	spare   []member
}

// New makes the service of a world that has not been started yet, on the twin's EC2.
func New(w *world.World, e *ec2.Service) *Service { return newService(w, fromEC2{e}) }

func newService(w *world.World, ec2 EC2) *Service {
	s := &Service{w: w, ec2: ec2}
	w.OnTimer(tickKind, s.onTick)
	w.OnTimer(scheduledKind, s.onSchedule)
	w.OnFault(world.SpotInterruption, s.spotNoticed)
	ec2.OnState(s.onState)
	ec2.OnRoot(s.onRoot)
	return s
}

// Wire is the service's operations.
func (s *Service) Wire() *wire.Service {
	a := wire.NewService("autoscaling")
	wire.Op(a, "CreateAutoScalingGroup", s.CreateAutoScalingGroup)
	wire.Op(a, "UpdateAutoScalingGroup", s.UpdateAutoScalingGroup)
	wire.Op(a, "DeleteAutoScalingGroup", s.DeleteAutoScalingGroup)
	wire.Op(a, "SetDesiredCapacity", s.SetDesiredCapacity)
	wire.Op(a, "DescribeAutoScalingGroups", s.DescribeAutoScalingGroups)
	wire.Op(a, "DescribeAutoScalingInstances", s.DescribeAutoScalingInstances)
	wire.Op(a, "DescribeScalingActivities", s.DescribeScalingActivities)
	wire.Op(a, "PutLifecycleHook", s.PutLifecycleHook)
	wire.Op(a, "DescribeLifecycleHooks", s.DescribeLifecycleHooks)
	wire.Op(a, "DeleteLifecycleHook", s.DeleteLifecycleHook)
	wire.Op(a, "CompleteLifecycleAction", s.CompleteLifecycleAction)
	wire.Op(a, "RecordLifecycleActionHeartbeat", s.RecordLifecycleActionHeartbeat)
	wire.Op(a, "PutWarmPool", s.PutWarmPool)
	wire.Op(a, "DescribeWarmPool", s.DescribeWarmPool)
	wire.Op(a, "DeleteWarmPool", s.DeleteWarmPool)
	wire.Op(a, "CreateLaunchConfiguration", s.CreateLaunchConfiguration)
	wire.Op(a, "DescribeLaunchConfigurations", s.DescribeLaunchConfigurations)
	wire.Op(a, "DeleteLaunchConfiguration", s.DeleteLaunchConfiguration)
	wire.Op(a, "PutScheduledUpdateGroupAction", s.PutScheduledUpdateGroupAction)
	wire.Op(a, "DescribeScheduledActions", s.DescribeScheduledActions)
	wire.Op(a, "DeleteScheduledAction", s.DeleteScheduledAction)
	wire.Op(a, "PutScalingPolicy", s.PutScalingPolicy)
	wire.Op(a, "DescribePolicies", s.DescribePolicies)
	wire.Op(a, "DeletePolicy", s.DeletePolicy)
	wire.Op(a, "DescribeTags", s.DescribeTags)
	wire.Op(a, "CreateOrUpdateTags", s.CreateOrUpdateTags)
	wire.Op(a, "DeleteTags", s.DeleteTags)
	wire.Op(a, "SuspendProcesses", s.SuspendProcesses)
	wire.Op(a, "ResumeProcesses", s.ResumeProcesses)
	wire.Op(a, "EnterStandby", s.EnterStandby)
	wire.Op(a, "ExitStandby", s.ExitStandby)
	wire.Op(a, "DetachInstances", s.DetachInstances)
	wire.Op(a, "AttachLoadBalancerTargetGroups", s.AttachLoadBalancerTargetGroups)
	wire.Op(a, "DetachLoadBalancerTargetGroups", s.DetachLoadBalancerTargetGroups)
	wire.Op(a, "SetInstanceProtection", s.SetInstanceProtection)
	wire.Op(a, "SetInstanceHealth", s.SetInstanceHealth)
	wire.Op(a, "TerminateInstanceInAutoScalingGroup", s.TerminateInstanceInAutoScalingGroup)
	wire.Op(a, "StartInstanceRefresh", s.StartInstanceRefresh)
	wire.Op(a, "DescribeInstanceRefreshes", s.DescribeInstanceRefreshes)
	wire.Op(a, "CancelInstanceRefresh", s.CancelInstanceRefresh)
	wire.Op(a, "RollbackInstanceRefresh", s.RollbackInstanceRefresh)
	return a
}

// Watch has refreshes refused whose alarms do not exist. Call it before the world is
// started.
func (s *Service) Watch(a Alarms) { s.alarms = a }

// onState follows what EC2 does with the groups' instances.
func (s *Service) onState(tx *world.Tx, id, state string) {
	m, ok := findMember(tx, id)
	if !ok {
		return
	}
	switch state {
	case "running":
		if m.State != types.LifecycleStatePending {
			return
		}
		s.running(tx, m)
	case "terminated":
		if m.standby() || m.State == types.LifecycleStateTerminatingWait {
			// An instance in Standby is not looked at ("Temporarily remove instances", user
			// guide), and one that waits for a lifecycle action waits on ("Lifecycle hooks",
			// considerations for Spot Instances).
			m.Dead = true
			members(tx, m.Group).Put(id, m)
			return
		}
		s.end(tx, m.Activity, s.gone(tx, m))
		dropMember(tx, m)
		if m.pending() {
			s.launchFailed(tx, m)
		}
	case "stopping", "stopped", "shutting-down":
		// The EC2 health check finds an instance in any state but running unhealthy
		// ("Health checks for instances in an Auto Scaling group", user guide).
		g, ok := groups(tx).Get(m.Group)
		if !ok || m.State != types.LifecycleStateInService || g.suspended("HealthCheck") {
			return
		}
		m.Unhealthy = true
		members(tx, m.Group).Put(id, m)
	default:
		return
	}
	s.capacityEvent(tx, m.Group, "instance "+state)
	wake(tx, m.Group, tx.Now)
}

// gone is why a launch failed whose instance is gone, or nil for a termination.
func (s *Service) gone(tx *world.Tx, m member) error {
	if !m.pending() {
		return nil
	}
	text := "Instance became unhealthy while waiting for instance to be in InService state."
	if i, ok := s.ec2.Instance(tx, m.ID); ok && i.Reason != "" {
		text += " Termination Reason: " + i.Reason
	}
	return invalid("%s", text)
}

func (s *Service) launchFailed(tx *world.Tx, m member) {
	if g, ok := groups(tx).Get(m.Group); ok {
		g.Retry = tx.Now.Add(launchRetry)
		groups(tx).Put(m.Group, g)
	}
}

// inService puts an instance that was launched, or has a new root volume, into service, which begins grace period and
// warm-up.
func (s *Service) inService(tx *world.Tx, m member) {
	m.State, m.Since, m.Until, m.Root = types.LifecycleStateInService, tx.Now, time.Time{}, nil
	g, ok := groups(tx).Get(m.Group)
	if ok {
		if r, ok := refreshes(tx).Get(g.Refresh); ok && m.Gen != "" {
			m.Warm = tx.Now.Add(r.warmup())
		}
		if s.fails(tx, m) {
			m.Failing, m.FailAt = true, tx.Now.Add(max(g.grace(), checkDelay))
		}
		s.register(tx, g, m.ID)
	}
	if i, ok := s.ec2.Instance(tx, m.ID); !ok || i.State != "running" {
		m.Unhealthy = true // stopped while a lifecycle action or its root volume held it
	}
	s.end(tx, m.Activity, nil)
	m.Activity = ""
	members(tx, m.Group).Put(m.ID, m)
}

// fails says whether the instance is marked to fail its EC2 health checks.
func (s *Service) fails(tx *world.Tx, m member) bool {
	bad := func(tags map[string]string) bool {
		v := tags[FaultTag]
		return v != "" && v != "false" && v != elbv2.FaultELB
	}
	if i, ok := s.ec2.Instance(tx, m.ID); ok && bad(i.Tags) {
		return true
	}
	i, ok := s.ec2.Image(tx, m.Image)
	return ok && bad(i.Tags)
}
