package autoscaling

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// refresh brings the active refresh one step on.
func (v *view) refresh() {
	if v.r == nil {
		return
	}
	if v.r.Status != types.InstanceRefreshStatusCancelling {
		end := v.r.Start.Add(maxActive)
		if !v.tx.Now.Before(end) {
			v.finish(types.InstanceRefreshStatusFailed, "The instance refresh was active for 14 days, the longest that is allowed.")
			return
		}
		v.at(end)
	}
	switch v.r.Status {
	case types.InstanceRefreshStatusPending:
		begin := v.r.Start.Add(beginDelay)
		if v.tx.Now.Before(begin) {
			v.at(begin)
			return
		}
		if v.r.After && v.count(member.busy) > 0 {
			v.r.Reason = "Waiting for the instances of the cancelled instance refresh to launch and terminate."
			return // they wake the group when they have
		}
		v.r.Progress = v.tx.Now
		v.set(types.InstanceRefreshStatusInProgress, "")
	case types.InstanceRefreshStatusInProgress:
		v.forward()
	case types.InstanceRefreshStatusBaking:
		v.bake()
	case types.InstanceRefreshStatusRollbackInProgress:
		v.back()
	case types.InstanceRefreshStatusCancelling:
		v.cancelling()
	}
}

// forward replaces instances up to the next checkpoint.
func (v *view) forward() {
	todo, idle := v.todo()
	fresh := v.units(func(m member) bool { return m.Gen == v.r.gen() && m.serves(v.tx.Now) })
	left := v.sum(todo)
	v.r.progress(v.size(todo, idle), left, fresh, v.tx)
	if alarm := v.alarm(); alarm != "" {
		v.fail("The CloudWatch alarm " + alarm + " went into the ALARM state.")
		return
	}
	if v.checkpoint(len(todo)) {
		return
	}
	late := v.r.deadline()
	if !v.tx.Now.Before(late) {
		v.fail("The instance refresh could not make progress for one hour. " + v.r.Reason)
		return
	}
	v.at(late)
	if v.halted() {
		v.r.Reason = "A process that the instance refresh needs is suspended."
		return
	}
	percent, _ := v.r.target()
	quota := (v.r.Size*percent+99)/100 - (v.r.Size - left)
	v.replace(todo, quota)
}

// replace ends of todo, or in place gives another root volume to, what may go, at most quota, and asks for the surge that
// the ceiling allows; both in units of capacity. With weights the last instance of a
// step may pass the quota.
//
// An instance that is heavier than the capacity to spare would never go. Where its
// weight is the desired capacity or more, it goes all the same, and everything may go
// at once (StartInstanceRefresh: weights and small groups); else one at a time does,
// when nothing else is under way.
func (v *view) replace(todo []int, quota int) {
	b, serving := v.r.limits(v.g), v.serving()
	var ready []int
	for _, i := range todo {
		if v.replaceable(v.members[i]) {
			ready = append(ready, i)
		}
	}
	slices.SortStableFunc(ready, func(x, y int) int { // what does not serve first, then the oldest
		sx, sy := v.members[x].serves(v.tx.Now), v.members[y].serves(v.tx.Now)
		switch {
		case sx && !sy:
			return 1
		case sy && !sx:
			return -1
		}
		return v.members[x].Launched.Compare(v.members[y].Launched)
	})
	ended := 0
	for _, i := range ready {
		if quota <= 0 {
			break
		}
		n := v.members[i].units()
		if v.members[i].serves(v.tx.Now) {
			alone := v.r.Prefs.MaxHealthyPercentage == nil && n > 1 && serving >= v.g.desired()
			if serving-n < b.floor && !alone && (n == 1 || n < v.g.desired()) {
				break
			}
			serving -= n
		}
		if v.turn(i) {
			quota -= n
			ended += n
			v.r.Progress = v.tx.Now
		}
	}
	if !v.r.inPlace() {
		v.surge = max(v.surge, min(b.ceiling-v.g.desired(), quota, v.sum(ready)-ended))
	}
	v.r.Reason = v.reason(todo)
}

// reason says what a refresh waits for, in the words of the API's examples where
// these are known.
func (v *view) reason(todo []int) string {
	for _, m := range v.members {
		if m.Gen == v.r.gen() && m.State == types.LifecycleStateInService && !m.serves(v.tx.Now) {
			if m.Failing || m.Unhealthy {
				return fmt.Sprintf("Waiting for instances to pass health checks before continuing. For example: %s is failing its health checks.", m.ID)
			}
			return fmt.Sprintf("Waiting for instances to warm up before continuing. For example: %s is warming up.", m.ID)
		}
	}
	for _, i := range todo {
		switch m := v.members[i]; {
		case m.gone():
		case m.standby():
			return fmt.Sprintf("Waiting for instances in Standby to return to service before continuing. For example: %s is in Standby.", m.ID)
		case m.Protected && v.r.Prefs.ScaleInProtectedInstances == types.ScaleInProtectedInstancesWait:
			return fmt.Sprintf("Waiting for scale-in protection to be removed before continuing. For example: %s is protected.", m.ID)
		}
	}
	for _, m := range v.members {
		if m.State == types.LifecycleStatePendingWait {
			return fmt.Sprintf("Waiting for lifecycle actions to complete before continuing. For example: %s is in Pending:Wait.", m.ID)
		}
	}
	if v.count(member.pending) > 0 {
		return "Waiting for instances to launch before continuing."
	}
	return v.rootReason(todo)
}

// halted says whether a suspended process keeps the refresh from getting on
// ("Suspend and resume processes", user guide).
func (v *view) halted() bool {
	return slices.ContainsFunc([]string{"InstanceRefresh", "Launch", "Terminate"}, v.g.suspended)
}

// alarm is the name of one of its alarms that is in ALARM, or "".
func (v *view) alarm() string {
	if v.r.Prefs.AlarmSpecification == nil {
		return ""
	}
	for _, a := range v.r.Prefs.AlarmSpecification.Alarms {
		if in, _ := alarms(v.tx).Get(a); in {
			return a
		}
	}
	return ""
}

// bake ends the refresh when its bake time is over.
func (v *view) bake() {
	if alarm := v.alarm(); alarm != "" {
		v.fail("The CloudWatch alarm " + alarm + " went into the ALARM state.")
		return
	}
	if v.tx.Now.Before(v.r.Bake) {
		v.at(v.r.Bake)
		return
	}
	v.succeed()
}

// succeed writes the desired configuration to the group, and only now.
func (v *view) succeed() {
	if d := v.r.Desired; d != nil {
		v.g.Spec.LaunchTemplate, v.g.Spec.MixedInstancesPolicy, v.g.Spec.LaunchConfigurationName = d.LaunchTemplate, d.MixedInstancesPolicy, nil
	}
	v.finish(types.InstanceRefreshStatusSuccessful, "")
}

// cancelling waits for launches and terminations to end.
func (v *view) cancelling() {
	for _, m := range v.members {
		if m.busy() || v.tx.Now.Before(m.Warm) {
			v.at(m.Warm)
			return
		}
	}
	v.finish(types.InstanceRefreshStatusCancelled, "Cancelled due to user request.")
}
