package autoscaling

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

const (
	launching   = "autoscaling:EC2_INSTANCE_LAUNCHING"
	terminating = "autoscaling:EC2_INSTANCE_TERMINATING"

	resultContinue = "CONTINUE"
	resultAbandon  = "ABANDON"

	// maxWait is the longest wait for a lifecycle action, or a hundred heartbeats if
	// these are shorter ("Lifecycle hooks", considerations, user guide).
	maxWait = 48 * time.Hour
	// proceedDelay is how long an instance is in Pending:Proceed; AWS does not say.
	proceedDelay = time.Second
)

// action is a lifecycle action under way: what a hook holds an instance for. It keeps
// the hook's settings as they were when it began.
type action struct {
	Hook    string    `json:"hook"`
	Token   string    `json:"token"`
	Timeout int32     `json:"timeout"` // seconds
	Default string    `json:"default"`
	Due     time.Time `json:"due"`   // when the default result is taken
	Limit   time.Time `json:"limit"` // up to which heartbeats can move Due
	Result  string    `json:"result,omitempty"`
}

// actions begins an action for each hook of a transition.
func (s *Service) actions(tx *world.Tx, g group, transition string, m member) []action {
	var out []action
	for _, h := range g.Hooks {
		if *h.LifecycleTransition != transition {
			continue
		}
		a := action{Hook: *h.LifecycleHookName, Token: tx.UUID(), Timeout: *h.HeartbeatTimeout, Default: *h.DefaultResult}
		a.Due, a.Limit = tx.Now.Add(seconds(&a.Timeout)), tx.Now.Add(seconds(h.GlobalTimeout))
		out = append(out, a)
		tx.Event("lifecycle.action", m.purpose(map[string]any{
			"group": g.name(), "instance": m.ID, "hook": a.Hook, "transition": transition, "token": a.Token, "metadata": aws.ToString(h.NotificationMetadata)}))
	}
	return out
}

// running puts a launched instance, or one with its new root volume, into service, by way of its launch hooks.
func (s *Service) running(tx *world.Tx, m member) {
	g, ok := groups(tx).Get(m.Group)
	if ok {
		m.Actions = s.actions(tx, g, launching, m)
	}
	if len(m.Actions) == 0 {
		s.inService(tx, m)
		return
	}
	m.State = types.LifecycleStatePendingWait
	s.stage(tx, m.Activity, types.ScalingActivityStatusCodeMidLifecycleAction)
	members(tx, m.Group).Put(m.ID, m)
}

// settle moves on what waits: for lifecycle actions, or to have drained.
func (v *view) settle() {
	for i := range v.members {
		switch m := &v.members[i]; m.State {
		case types.LifecycleStatePendingWait, types.LifecycleStateTerminatingWait, types.LifecycleStateReplacingRootVolumeWait:
			v.wait(i)
		case types.LifecycleStateReplacingRootVolume, types.LifecycleStateReplacingRootVolumeProceed, types.LifecycleStateRootVolumeReplaced, types.LifecycleStatePending:
			v.rooting(i)
		case types.LifecycleStatePendingProceed:
			if v.due(m.Until) {
				v.s.inService(v.tx, *m)
				*m, _ = members(v.tx, m.Group).Get(m.ID)
				v.changed = true
				v.because("launch")
			}
		case types.LifecycleStateEnteringStandby:
			if v.due(m.Until) {
				v.s.end(v.tx, m.Activity, nil)
				m.State, m.Activity, m.Until = types.LifecycleStateStandby, "", time.Time{}
				v.put(i)
				v.changed = true
			}
		case types.LifecycleStateDetaching:
			if v.due(m.Until) {
				v.s.detached(v.tx, m)
				v.changed = true
			}
		case types.LifecycleStateTerminating, types.LifecycleStateTerminatingProceed:
			if !m.Killed && v.due(m.Until) {
				v.drained(i)
			}
		}
	}
	v.members = slices.DeleteFunc(v.members, func(m member) bool {
		return m.State == types.LifecycleStateTerminated || m.State == types.LifecycleStateDetached
	})
}

// due says whether t has come, and if not has the group looked at again then.
func (v *view) due(t time.Time) bool {
	v.at(t)
	return !v.tx.Now.Before(t)
}

// wait takes the default result of actions whose time is over, and goes on when all
// have ended or one was abandoned, which stops the others (CompleteLifecycleAction and
// "Lifecycle hooks", user guide).
func (v *view) wait(i int) {
	m := &v.members[i]
	acts := slices.Clone(m.Actions)
	open, abandoned := false, ""
	for k := range acts {
		a := &acts[k]
		if a.Result == "" && v.due(a.Due) {
			a.Result = a.Default
			v.tx.Event("lifecycle.timeout", map[string]any{"group": m.Group, "instance": m.ID, "hook": a.Hook, "result": a.Result})
		}
		if a.Result == resultAbandon {
			abandoned = a.Token
		}
		open = open || a.Result == ""
	}
	m.Actions = acts
	switch {
	case open && abandoned == "":
		v.put(i)
		return
	case m.State == types.LifecycleStateTerminatingWait:
		m.Actions, m.State = nil, types.LifecycleStateTerminatingProceed
		v.put(i)
		v.kill(i)
	case m.State == types.LifecycleStateReplacingRootVolumeWait:
		v.swap(i)
	case abandoned != "":
		v.s.end(v.tx, m.Activity, invalid("Instance failed to complete user's Lifecycle Action: Lifecycle Action with token %s was abandoned: Lifecycle Action Completed with ABANDON Result", abandoned))
		v.terminate(i, "an instance was taken out of service in response to an abandoned lifecycle action")
	default:
		m.Actions, m.State, m.Until = nil, types.LifecycleStatePendingProceed, v.tx.Now.Add(proceedDelay)
		v.put(i)
		v.at(m.Until)
	}
	v.changed = true
}

// terminate ends member i: it is deregistered and drained, its hooks have their time,
// and EC2 ends it and tells us when it is gone. Where EC2 refuses at once, the member
// stays as it was and is tried again, and the answer is false: an error here would stop
// the group for good.
func (v *view) terminate(i int, cause string) bool {
	before := v.members[i]
	m := &v.members[i]
	served := m.State == types.LifecycleStateInService || m.standby() || m.Root != nil
	m.State, m.Actions, m.Until, m.Root = types.LifecycleStateTerminating, nil, time.Time{}, nil
	m.Activity = v.s.begin(v.tx, v.g, "Terminating EC2 instance: "+m.ID, cause)
	v.put(i) // first, because EC2 tells of the new state inside the call
	if served && !v.g.Deleting {
		m.Until = v.s.deregister(v.tx, v.g, m.ID)
	}
	switch {
	case m.Until.After(v.tx.Now):
		v.s.stage(v.tx, m.Activity, types.ScalingActivityStatusCodeWaitingForELBConnectionDraining)
		v.put(i)
		v.at(m.Until)
	case served && v.hooked(i):
	case !v.kill(i):
		v.s.end(v.tx, m.Activity, invalid("EC2 refused to terminate the instance."))
		*m = before
		v.put(i)
		return false
	}
	v.changed = true
	v.because(cause)
	return true
}

// drained goes on after the deregistration delay, or after a refusal of EC2.
func (v *view) drained(i int) {
	if m := &v.members[i]; m.State == types.LifecycleStateTerminatingProceed || !v.hooked(i) {
		v.kill(i)
	}
	v.changed = true
}

// hooked has the member wait for its termination hooks, if the group has any.
func (v *view) hooked(i int) bool {
	m := &v.members[i]
	if v.g.Deleting { // "deletes any outstanding lifecycle actions" (ForceDelete, API reference)
		return false
	}
	if m.Actions = v.s.actions(v.tx, v.g, terminating, *m); len(m.Actions) == 0 {
		return false
	}
	m.State = types.LifecycleStateTerminatingWait
	v.s.stage(v.tx, m.Activity, types.ScalingActivityStatusCodeMidLifecycleAction)
	v.put(i)
	for _, a := range m.Actions {
		v.at(a.Due)
	}
	return true
}

// kill has EC2 end the member; what EC2 has ended already is forgotten.
func (v *view) kill(i int) bool {
	m := &v.members[i]
	if m.Dead {
		v.s.end(v.tx, m.Activity, nil)
		dropMember(v.tx, *m)
		m.State = types.LifecycleStateTerminated
		return true
	}
	m.Killed = true
	v.put(i)
	if err := v.s.ec2.Terminate(v.tx, m.ID); err != nil {
		v.tx.Event("group.terminate.failed", map[string]any{"group": m.Group, "instance": m.ID, "error": err.Error()})
		m.Killed, m.Until = false, v.tx.Now.Add(launchRetry)
		v.put(i)
		v.at(m.Until)
		return false
	}
	return true
}
