package autoscaling

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// causeRoot is told of an instance whose root volume could not be replaced.
const causeRoot = "an instance was taken out of service because its root volume could not be replaced"

// rooting is the replacement of a member's root volume. It is never changed in place.
type rooting struct {
	Image string `json:"image"`          // to come
	Task  string `json:"task,omitempty"` // EC2's, once it has begun
}

// rooting says whether it is between two root volumes.
func (m member) rooting() bool {
	switch m.State {
	case types.LifecycleStateReplacingRootVolume, types.LifecycleStateReplacingRootVolumeWait,
		types.LifecycleStateReplacingRootVolumeProceed, types.LifecycleStateRootVolumeReplaced:
		return true
	}
	return false
}

// purpose adds to the data of a lifecycle action's event that it is about a root volume
// (the field Action of the notification).
func (m member) purpose(data map[string]any) map[string]any {
	if m.Root != nil {
		data["action"] = string(types.RefreshStrategyReplaceRootVolume)
	}
	return data
}

// onRoot hears that EC2 has ended a replacement.
func (s *Service) onRoot(tx *world.Tx, instance string) {
	if m, ok := findMember(tx, instance); ok && m.Root != nil {
		wake(tx, m.Group, tx.Now)
	}
}

// turn begins to bring a member that the refresh has still to do to what is wanted:
// it is replaced by another instance or, in place, its root volume is. In place too,
// what is in Standby is ended if that was asked for, and so is in a rollback what is
// being launched: neither has anything to keep.
func (v *view) turn(i int) bool {
	if !v.r.inPlace() || v.members[i].State != types.LifecycleStateInService {
		return v.terminate(i, causeRefresh)
	}
	m := &v.members[i]
	c := v.g.config()
	if v.r.launchesDesired() {
		c = configOf(v.r.Desired)
	}
	all, _ := v.s.options(v.tx, c) // without any, there is none for the member
	o, ok := m.option(all)
	if !ok { // attached or changed since the start was checked
		return v.terminate(i, causeRoot)
	}
	m.Root, m.Gen, m.State = &rooting{Image: o.Image}, v.r.gen(), types.LifecycleStateReplacingRootVolume
	m.Activity = v.s.begin(v.tx, v.g, "Replacing root volume of EC2 instance: "+m.ID, "the root volume of an instance was replaced in response to an instance refresh")
	m.Warm, m.Until = time.Time{}, v.s.deregister(v.tx, v.g, m.ID)
	if m.Until.After(v.tx.Now) {
		v.s.stage(v.tx, m.Activity, types.ScalingActivityStatusCodeWaitingForELBConnectionDraining)
	}
	v.put(i)
	v.at(m.Until)
	v.changed = true
	v.because(causeRefresh)
	return true
}

// rooting moves a member on whose root volume is being replaced. How long the passing
// states last, AWS does not say.
func (v *view) rooting(i int) {
	m := &v.members[i]
	if m.Root == nil || !v.due(m.Until) {
		return // a Pending without it is a launch, which waits for EC2
	}
	switch m.State {
	case types.LifecycleStateReplacingRootVolume:
		if !v.heldRoot(i) {
			v.swap(i)
		}
	case types.LifecycleStateReplacingRootVolumeProceed:
		switch v.s.ec2.Root(v.tx, m.Root.Task) {
		case RootUnderWay:
			return
		case RootFailed:
			v.rootFailed(i, invalid("The replacement %s of the root volume failed.", m.Root.Task))
		case RootReplaced:
			m.Image, m.Shown, m.Failing, m.ELB = m.Root.Image, true, false, false
			v.pass(i, types.LifecycleStateRootVolumeReplaced)
		}
	case types.LifecycleStateRootVolumeReplaced:
		v.pass(i, types.LifecycleStatePending)
	case types.LifecycleStatePending:
		m.Until = time.Time{}
		v.s.running(v.tx, *m)
		*m, _ = members(v.tx, m.Group).Get(m.ID)
		for _, a := range m.Actions {
			v.at(a.Due)
		}
		v.because("root volume replaced")
	}
	v.changed = true
}

func (v *view) pass(i int, state types.LifecycleState) {
	m := &v.members[i]
	m.State, m.Until = state, v.tx.Now.Add(proceedDelay)
	v.put(i)
	v.at(m.Until)
}

// heldRoot has the member wait for the hooks of EC2_INSTANCE_TERMINATING, if the group
// has any; those of EC2_INSTANCE_LAUNCHING come when the volume has been replaced.
// There are no transitions of its own for it. Completed with CONTINUE or ABANDON or timed
// out, the replacement goes on; only a launch hook's ABANDON ends the instance, as it
// does any that is being launched.
func (v *view) heldRoot(i int) bool {
	m := &v.members[i]
	if v.g.Deleting {
		return false
	}
	if m.Actions = v.s.actions(v.tx, v.g, terminating, *m); len(m.Actions) == 0 {
		return false
	}
	m.State = types.LifecycleStateReplacingRootVolumeWait
	v.s.stage(v.tx, m.Activity, types.ScalingActivityStatusCodeMidLifecycleAction)
	v.put(i)
	for _, a := range m.Actions {
		v.at(a.Due)
	}
	return true
}

// swap has EC2 replace the root volume.
func (v *view) swap(i int) {
	m := &v.members[i]
	task, err := v.s.ec2.ReplaceRoot(v.tx, m.ID, m.Root.Image)
	if err != nil {
		v.rootFailed(i, err)
		return
	}
	m.State, m.Actions, m.Until = types.LifecycleStateReplacingRootVolumeProceed, nil, time.Time{}
	m.Root = &rooting{Image: m.Root.Image, Task: task}
	v.put(i)
}

// rootFailed ends a member whose root volume could not be replaced; another instance is
// launched for it.
func (v *view) rootFailed(i int, cause error) {
	m := &v.members[i]
	v.tx.Event("group.root.failed", map[string]any{"group": m.Group, "instance": m.ID, "image": m.Root.Image, "error": cause.Error()})
	v.s.end(v.tx, m.Activity, invalid("%s. Replacing the root volume failed.", message(cause)))
	if !v.terminate(i, causeRoot) { // tried again, as of a task that there is not
		m.State, m.Actions, m.Root = types.LifecycleStateReplacingRootVolumeProceed, nil, &rooting{Image: m.Root.Image}
		m.Until = v.tx.Now.Add(launchRetry)
		v.put(i)
		v.at(m.Until)
	}
}

// rootReason says what a refresh in place waits for. Nothing is launched ahead of what it
// takes out of service, so a minimum that leaves no room, or instances that weigh more
// than it leaves, stop it until it fails: AWS is silent on that.
func (v *view) rootReason(todo []int) string {
	if !v.r.inPlace() {
		return ""
	}
	for _, m := range v.members {
		if m.rooting() {
			return fmt.Sprintf("Waiting for root volumes to be replaced before continuing. For example: %s is in %s.", m.ID, m.State)
		}
	}
	if len(todo) > 0 {
		return "Waiting for healthy instances before continuing: the minimum healthy percentage leaves none to be taken out of service."
	}
	return ""
}
