package autoscaling

import (
	"math"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// fail ends the refresh, or has it roll back if that was asked for. Without a
// rollback, what has been replaced stays replaced ("One-hour timeout", user guide).
func (v *view) fail(reason string) {
	if !aws.ToBool(v.r.Prefs.AutoRollback) {
		v.finish(types.InstanceRefreshStatusFailed, reason)
		return
	}
	v.rollback(reason)
}

// rollback turns the refresh round, to the configuration that the group has saved.
func (v *view) rollback(reason string) {
	v.r.Back = v.units(func(m member) bool { return m.Gen == v.r.ID && (m.counts() || m.standby()) })
	v.r.Rollback = &types.RollbackDetails{
		RollbackReason: aws.String(reason), RollbackStartTime: aws.Time(v.tx.Now),
		PercentageCompleteOnRollback: aws.Int32(int32(v.r.Percent)), InstancesToUpdateOnRollback: aws.Int32(int32(v.r.Left)),
	}
	v.r.Progress, v.r.Hold, v.r.Remain = v.tx.Now, v.tx.Now, math.MaxInt32
	v.set(types.InstanceRefreshStatusRollbackInProgress, reason)
}

// back replaces what the refresh launched by instances of the saved configuration.
// The percentage goes down to zero (InstanceRefresh.PercentageComplete, API reference).
func (v *view) back() {
	var todo []int
	restored := 0
	for i, m := range v.members {
		switch {
		case m.Gen == v.r.ID:
			if m.counts() || m.standby() {
				todo = append(todo, i)
			}
		case m.serves(v.tx.Now):
			restored += m.units()
		}
	}
	left := v.sum(todo)
	remain := max(left, v.g.desired()-restored)
	if v.r.Back > 0 {
		percent := int(*v.r.Rollback.PercentageCompleteOnRollback) * min(remain, v.r.Back) / v.r.Back
		v.r.Percent = min(v.r.Percent, percent)
	}
	v.r.Left = max(0, v.g.desired()-left)
	if remain < v.r.Remain { // a replacement that keeps failing is no progress
		v.r.Remain, v.r.Progress = remain, v.tx.Now
	}
	if remain <= 0 {
		v.r.Percent = 0
		v.finish(types.InstanceRefreshStatusRollbackSuccessful, *v.r.Rollback.RollbackReason)
		return
	}
	late := v.r.deadline()
	if !v.tx.Now.Before(late) {
		v.finish(types.InstanceRefreshStatusRollbackFailed, "The rollback could not make progress for one hour. "+v.r.Reason)
		return
	}
	v.at(late)
	if v.halted() {
		v.r.Reason = "A process that the instance refresh needs is suspended."
		return
	}
	v.replace(todo, left)
}
