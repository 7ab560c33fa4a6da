package autoscaling

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

const (
	causeRefresh  = "an instance was taken out of service in response to an instance refresh"
	causeHealth   = "an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped, or has failed its status checks"
	causeELB      = "an instance was taken out of service in response to an ELB system health check failure"
	causeUser     = "an instance was taken out of service in response to a user health-check"
	causeLifetime = "an instance was taken out of service in response to its maximum instance lifetime"
)

// health marks instances whose checks fail and ends the unhealthy ones ("Health checks
// for instances in an Auto Scaling group", user guide). Suspending HealthCheck or ReplaceUnhealthy stops either step.
func (v *view) health() {
	var at []int
	for i := range v.members {
		m := &v.members[i]
		if m.State != types.LifecycleStateInService {
			continue
		}
		if m.Failing && !m.Unhealthy && !v.g.suspended("HealthCheck") && v.due(m.FailAt) {
			m.Unhealthy, v.changed = true, true
			v.put(i)
		}
		if m.Unhealthy {
			at = append(at, i)
		}
		v.at(m.Warm)
	}
	if v.g.suspended("ReplaceUnhealthy") || v.g.suspended("Terminate") {
		return
	}
	room := v.replacements(at)
	for _, i := range at {
		m := v.members[i]
		cause := causeHealth
		switch {
		case m.ELB:
			cause = causeELB
		case !m.Failing:
			cause = causeUser
		}
		// What runs no longer, or was set unhealthy by SetInstanceHealth, is replaced at
		// once ("How Amazon EC2 Auto Scaling minimizes downtime", user guide).
		if m.Failing {
			if room <= 0 {
				continue
			}
			room -= m.units()
		}
		v.terminate(i, cause)
	}
}

// replacements is how much of what fails its checks may be ended now. A running
// refresh has its own pace. Without an instance maintenance policy it is a tenth of
// the desired capacity at a time, at least one, less what is coming up already. With
// one that leaves room above the desired capacity, the replacements are launched first,
// and as much is ended as has come up or as the minimum does not need (the same page,
// and "Instance maintenance policies").
func (v *view) replacements(unhealthy []int) int {
	if v.r != nil && v.r.moving() {
		return v.sum(unhealthy)
	}
	coming := v.units(member.pending)
	p := v.g.Spec.InstanceMaintenancePolicy
	if p == nil {
		return max(1, v.g.desired()/10) - coming
	}
	high := int(*p.MaxHealthyPercentage)
	b := limits(v.g.desired(), int(*p.MinHealthyPercentage), &high)
	if b.ceiling <= v.g.desired() || v.serving() >= b.floor {
		return v.sum(unhealthy)
	}
	v.surge = max(v.surge, min(b.ceiling-v.g.desired(), v.sum(unhealthy)))
	return v.units(member.counts) - coming - v.g.desired()
}

// maintain replaces instances that have reached the maximum lifetime, one at a time,
// but for protected ones; a running refresh goes first. Without an instance maintenance
// policy an instance is ended before its replacement is launched ("Replacing instances
// based on maximum instance lifetime", user guide).
func (v *view) maintain() {
	life := seconds(v.g.Spec.MaxInstanceLifetime)
	if life == 0 || v.r != nil && v.r.moving() || v.g.suspended("Terminate") || v.g.suspended("Launch") {
		return
	}
	busy := v.count(member.busy) > 0
	for i, m := range v.members {
		if m.State != types.LifecycleStateInService || m.Protected || m.Unhealthy {
			continue
		}
		end := m.Launched.Add(life)
		if !v.due(end) {
			continue
		}
		switch {
		case v.first(m):
			v.surge = max(v.surge, m.units())
		case busy: // what has been launched for it stays until then
			v.surge = max(v.surge, v.units(member.counts)-v.g.desired())
		default:
			v.terminate(i, causeLifetime)
		}
		return
	}
}

// first says whether a member's replacement is launched before it is ended: the
// group's instance maintenance policy wants the capacity that it is.
func (v *view) first(m member) bool {
	p := v.g.Spec.InstanceMaintenancePolicy
	if p == nil {
		return false
	}
	high := int(aws.ToInt32(p.MaxHealthyPercentage))
	b := limits(v.g.desired(), int(aws.ToInt32(p.MinHealthyPercentage)), &high)
	return b.ceiling > v.g.desired() && v.serving()-m.units() < b.floor
}
