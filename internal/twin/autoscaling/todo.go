package autoscaling

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// todo is the members that the refresh has still to replace, and the capacity that it leaves
// alone because they match or are to be ignored. Nothing that it launched itself is
// replaced by it.
func (v *view) todo() (todo []int, idle int) {
	c := v.g.config()
	if v.r.Desired != nil {
		c = configOf(v.r.Desired)
	}
	matches := func(member) bool { return false }
	if aws.ToBool(v.r.Prefs.SkipMatching) {
		matches = v.s.matcher(v.tx, c)
	}
	for i, m := range v.members {
		standby := m.standby()
		switch {
		case !m.counts() && !standby, m.Gen == v.r.gen():
		case matches(m),
			m.Protected && v.r.Prefs.ScaleInProtectedInstances == types.ScaleInProtectedInstancesIgnore,
			standby && v.r.Prefs.StandbyInstances == types.StandbyInstancesIgnore:
			if !standby {
				idle += m.units()
			}
		default:
			todo = append(todo, i)
		}
	}
	return todo, idle
}

// replaceable says whether the refresh may end the member now. What is pending is
// first let into service; protection and Standby follow the preferences.
func (v *view) replaceable(m member) bool {
	if m.Protected && v.r.Prefs.ScaleInProtectedInstances != types.ScaleInProtectedInstancesRefresh {
		return false
	}
	switch m.State {
	case types.LifecycleStateInService:
		return true
	case types.LifecycleStateStandby:
		return v.r.Prefs.StandbyInstances == types.StandbyInstancesTerminate
	case types.LifecycleStatePending, types.LifecycleStatePendingWait, types.LifecycleStatePendingProceed:
		return v.r.Rollback != nil && m.Root == nil
	}
	return false
}

// size is the capacity that the refresh is about: the desired capacity without
// those it leaves alone, and those in Standby that it does not.
func (v *view) size(todo []int, idle int) int {
	n := v.g.desired() - idle
	for _, i := range todo {
		if v.members[i].standby() {
			n += v.members[i].units()
		}
	}
	return max(n, v.sum(todo), 0)
}

// progress works out percentage and what is left. An instance counts once its
// replacement is healthy and warmed up (InstanceRefresh.PercentageComplete, API
// reference).
func (r *refresh) progress(size, todo, fresh int, tx *world.Tx) {
	done := max(0, min(fresh, size-todo))
	percent := 100
	if size > 0 {
		percent = 100 * done / size
	}
	if size > r.Size && r.Size > 0 {
		// A scale-out can bring the refresh back before a checkpoint it has passed;
		// it then reaches it again ("Add checkpoints", user guide).
		r.Next = 0
		for _, cp := range r.Prefs.CheckpointPercentages {
			if int(cp) <= percent && r.Next < len(r.Prefs.CheckpointPercentages)-1 {
				r.Next++
			}
		}
	}
	if percent > r.Percent {
		r.Progress = tx.Now
	}
	r.Size, r.Percent, r.Left = size, percent, size-done
}

// checkpoint handles having reached one, or the end; true says that nothing is to be
// replaced now. Lower checkpoints that the percentage has passed are skipped, and
// after the last one there is no wait ("Add checkpoints", user guide).
func (v *view) checkpoint(todo int) bool {
	if v.tx.Now.Before(v.r.Hold) {
		v.at(v.r.Hold)
		return true
	}
	cps := v.r.Prefs.CheckpointPercentages
	percent, last := v.r.target()
	if v.r.Percent < percent {
		return false
	}
	for !last && int(cps[v.r.Next+1]) <= v.r.Percent {
		v.r.Next++
		percent, last = v.r.target()
	}
	if last {
		if percent == 100 && todo > 0 {
			return false
		}
		if bake := seconds(v.r.Prefs.BakeTime); bake > 0 {
			v.r.Bake = v.tx.Now.Add(bake)
			v.set(types.InstanceRefreshStatusBaking, fmt.Sprintf("Waiting %d seconds of bake time before completing.", bake/time.Second))
			return true
		}
		v.succeed()
		return true
	}
	delay := seconds(v.r.Prefs.CheckpointDelay)
	v.r.Next++
	v.r.Hold = v.tx.Now.Add(delay)
	v.r.Progress = v.r.Hold
	v.r.Reason = fmt.Sprintf("Waiting %d seconds at the %d%% checkpoint before continuing.", delay/time.Second, percent)
	v.changed = true
	v.tx.Event("refresh.checkpoint", map[string]any{"group": v.r.Group, "id": v.r.ID, "checkpoint": percent, "percent": v.r.Percent})
	v.at(v.r.Hold)
	return true
}

// alarms are the names of alarms and whether each is in ALARM; the twin's CloudWatch
// calls SetAlarm.
func alarms(tx *world.Tx) *world.Rows[bool] { return world.Table[bool](tx, "autoscaling/alarms") }

// SetAlarm puts a CloudWatch alarm into the state ALARM, or out of it.
func (s *Service) SetAlarm(tx *world.Tx, name string, in bool) {
	alarms(tx).Put(name, in)
	for _, r := range refreshes(tx).All() {
		if a := r.Prefs.AlarmSpecification; r.active() && a != nil && slices.Contains(a.Alarms, name) {
			wake(tx, r.Group, tx.Now)
		}
	}
	tx.Event("alarm", map[string]any{"name": name, "alarm": in})
}
