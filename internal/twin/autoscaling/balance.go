package autoscaling

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Balance lets groups have target groups. Call it before the world is started.
func (s *Service) Balance(t Targets) {
	s.targets = t
	t.OnHealth(s.onHealth)
}

// checkTargets refuses target groups that there are not, and more than one request
// may attach (CreateAutoScalingGroup: the quota of target groups is 50 a group).
func (s *Service) checkTargets(tx *world.Tx, arns []string) error {
	if len(arns) == 0 {
		return nil
	}
	if s.targets == nil {
		return unmodelled("target groups without Elastic Load Balancing")
	}
	if len(arns) > maxTargetGroups {
		return invalid("The number of target groups cannot be more than %d", maxTargetGroups)
	}
	for _, arn := range arns {
		if !s.targets.Exists(tx, arn) {
			return invalid("Provided Target Groups may not be valid. Please ensure they exist and try again. (%s)", arn)
		}
	}
	return nil
}

// register puts an instance into the group's target groups, unless AddToLoadBalancer
// is suspended, which leaves it out for good ("Suspend and resume processes").
func (s *Service) register(tx *world.Tx, g group, id string) {
	if g.suspended("AddToLoadBalancer") || s.targets == nil {
		return
	}
	for _, arn := range g.Spec.TargetGroupARNs {
		if err := s.targets.Register(tx, arn, id, nil); err != nil {
			tx.Event("group.register.failed", map[string]any{"group": g.name(), "instance": id, "error": err.Error()})
		}
	}
}

// deregister takes an instance out of the group's target groups and says when it has
// drained: the instance is ended, or paused by a hook, only then ("How lifecycle hooks
// work", user guide).
func (s *Service) deregister(tx *world.Tx, g group, id string) (until time.Time) {
	if s.targets == nil {
		return until
	}
	for _, arn := range g.Spec.TargetGroupARNs {
		if t := s.targets.Deregister(tx, arn, id); t.After(until) {
			until = t
		}
	}
	return until
}

// byELB says whether the group takes its target groups' word for an instance's
// health; without that it ignores them ("Health checks", user guide).
func (g group) byELB() bool {
	return g.Spec.HealthCheckType != nil && slices.Contains(strings.Split(*g.Spec.HealthCheckType, ","), "ELB")
}

// onHealth follows the target groups. What they find counts once the grace period is
// over.
func (s *Service) onHealth(tx *world.Tx, id string) {
	m, ok := findMember(tx, id)
	if !ok || m.State != types.LifecycleStateInService {
		return
	}
	g, ok := groups(tx).Get(m.Group)
	if !ok || !g.byELB() {
		return
	}
	switch bad := s.targets.Unhealthy(tx, id); {
	case bad && !m.Failing:
		m.Failing, m.ELB, m.FailAt = true, true, tx.Now
		if end := m.Since.Add(g.grace()); end.After(tx.Now) {
			m.FailAt = end
		}
	case !bad && m.ELB && !m.Unhealthy:
		m.Failing, m.ELB = false, false
	default:
		return
	}
	members(tx, m.Group).Put(id, m)
	s.capacityEvent(tx, m.Group, "target health")
	wake(tx, m.Group, tx.Now)
}
