package autoscaling

import (
	"cmp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Heartbeat timeouts of a hook, in seconds (PutLifecycleHook, API reference).
const (
	minHeartbeat     = 30
	maxHeartbeat     = 7200
	defaultHeartbeat = 3600
)

// hook adds a hook, or changes the one of that name: what is not given stays, and of
// a new one is the default (PutLifecycleHook, API reference).
func (g *group) hook(h types.LifecycleHook) error {
	if aws.ToString(h.LifecycleHookName) == "" {
		return invalid("A lifecycle hook needs a name.")
	}
	hooks := slices.Clone(g.Hooks)
	at, had := slices.BinarySearchFunc(hooks, h, func(a, b types.LifecycleHook) int {
		return cmp.Compare(*a.LifecycleHookName, *b.LifecycleHookName)
	})
	old := types.LifecycleHook{HeartbeatTimeout: aws.Int32(defaultHeartbeat), DefaultResult: aws.String(resultAbandon)}
	switch {
	case had:
		old = hooks[at]
	case len(hooks) >= maxHooks:
		return exceeded("You've exceeded the limit of %d lifecycle hooks per Auto Scaling group.", maxHooks)
	}
	h.AutoScalingGroupName = g.Spec.AutoScalingGroupName
	for _, f := range []struct{ to, from **string }{
		{&h.DefaultResult, &old.DefaultResult}, {&h.LifecycleTransition, &old.LifecycleTransition}, {&h.NotificationMetadata, &old.NotificationMetadata},
		{&h.NotificationTargetARN, &old.NotificationTargetARN}, {&h.RoleARN, &old.RoleARN},
	} {
		if *f.to == nil {
			*f.to = *f.from
		}
	}
	if h.HeartbeatTimeout == nil {
		h.HeartbeatTimeout = old.HeartbeatTimeout
	}
	switch t := aws.ToString(h.LifecycleTransition); {
	case t == "":
		return invalid("A lifecycle transition is required for a new lifecycle hook.")
	case t != launching && t != terminating:
		return invalid("Invalid lifecycle transition: %s. Valid transitions are [%s, %s]", t, launching, terminating)
	case !result(*h.DefaultResult):
		return invalid("Invalid default result: %s. Valid results are [%s, %s]", *h.DefaultResult, resultContinue, resultAbandon)
	case *h.HeartbeatTimeout < minHeartbeat || *h.HeartbeatTimeout > maxHeartbeat:
		return invalid("Heartbeat timeout must be between %d and %d seconds.", minHeartbeat, maxHeartbeat)
	}
	h.GlobalTimeout = aws.Int32(min(int32(maxWait/time.Second), 100**h.HeartbeatTimeout))
	if had {
		hooks[at] = h
	} else {
		hooks = slices.Insert(hooks, at, h)
	}
	g.Hooks = hooks
	return nil
}

func result(r string) bool { return r == resultContinue || r == resultAbandon }

// PutLifecycleHook makes or changes a hook; actions under way keep what they began
// with.
func (s *Service) PutLifecycleHook(tx *world.Tx, in *asg.PutLifecycleHookInput) (*asg.PutLifecycleHookOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	if err := g.hook(types.LifecycleHook{
		LifecycleHookName: in.LifecycleHookName, LifecycleTransition: in.LifecycleTransition, DefaultResult: in.DefaultResult, HeartbeatTimeout: in.HeartbeatTimeout,
		NotificationMetadata: in.NotificationMetadata, NotificationTargetARN: in.NotificationTargetARN, RoleARN: in.RoleARN,
	}); err != nil {
		return nil, err
	}
	groups(tx).Put(g.name(), g)
	return &asg.PutLifecycleHookOutput{}, nil
}

// DescribeLifecycleHooks lists a group's hooks, or those of the names that exist.
func (s *Service) DescribeLifecycleHooks(tx *world.Tx, in *asg.DescribeLifecycleHooksInput) (*asg.DescribeLifecycleHooksOutput, error) {
	g, ok := groups(tx).Get(aws.ToString(in.AutoScalingGroupName))
	if !ok {
		return nil, noGroup(aws.ToString(in.AutoScalingGroupName))
	}
	out := &asg.DescribeLifecycleHooksOutput{LifecycleHooks: []types.LifecycleHook{}}
	for _, h := range g.Hooks {
		if len(in.LifecycleHookNames) == 0 || slices.Contains(in.LifecycleHookNames, *h.LifecycleHookName) {
			out.LifecycleHooks = append(out.LifecycleHooks, h)
		}
	}
	return out, nil
}

// DeleteLifecycleHook deletes a hook and first completes its actions: ABANDON for
// instances that launch, CONTINUE for those that end (API reference).
func (s *Service) DeleteLifecycleHook(tx *world.Tx, in *asg.DeleteLifecycleHookInput) (*asg.DeleteLifecycleHookOutput, error) {
	g, err := find(tx, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(g.Hooks, func(h types.LifecycleHook) bool { return *h.LifecycleHookName == *in.LifecycleHookName })
	if at < 0 {
		return nil, invalid("No lifecycle hook found with name: %s for Auto Scaling group %s", *in.LifecycleHookName, g.name())
	}
	g.Hooks = slices.Delete(slices.Clone(g.Hooks), at, at+1)
	for id, m := range members(tx, g.name()).All() {
		m.Actions = slices.Clone(m.Actions)
		for k, a := range m.Actions {
			if a.Hook == *in.LifecycleHookName && a.Result == "" {
				m.Actions[k].Result = resultContinue
				if m.State == types.LifecycleStatePendingWait {
					m.Actions[k].Result = resultAbandon
				}
				members(tx, g.name()).Put(id, m)
			}
		}
	}
	s.save(tx, g, "DeleteLifecycleHook")
	return &asg.DeleteLifecycleHookOutput{}, nil
}

// pendingAction finds an open action of a hook, by its token or its instance.
func pendingAction(tx *world.Tx, name, hook, token, instance *string) (g group, m member, k int, err error) {
	if g, err = find(tx, name); err != nil {
		return g, m, 0, err
	}
	if token == nil && instance == nil {
		return g, m, 0, invalid("An instance ID or a lifecycle action token is required.")
	}
	for _, m := range members(tx, g.name()).All() {
		for k, a := range m.Actions {
			if a.Hook == *hook && a.Result == "" && (token == nil || a.Token == *token) && (instance == nil || m.ID == *instance) {
				m.Actions = slices.Clone(m.Actions)
				return g, m, k, nil
			}
		}
	}
	if token != nil {
		return g, m, 0, invalid("No active Lifecycle Action found with token %s", *token)
	}
	return g, m, 0, invalid("No active Lifecycle Action found with instance ID %s", *instance)
}

// CompleteLifecycleAction ends an action with a result.
func (s *Service) CompleteLifecycleAction(tx *world.Tx, in *asg.CompleteLifecycleActionInput) (*asg.CompleteLifecycleActionOutput, error) {
	if !result(*in.LifecycleActionResult) {
		return nil, invalid("Invalid lifecycle action result: %s. Valid results are [%s, %s]", *in.LifecycleActionResult, resultContinue, resultAbandon)
	}
	g, m, k, err := pendingAction(tx, in.AutoScalingGroupName, in.LifecycleHookName, in.LifecycleActionToken, in.InstanceId)
	if err != nil {
		return nil, err
	}
	if _, lost := tx.Fault(world.HookTimeout, world.Subject{ID: m.ID, Name: *in.LifecycleHookName, Type: m.Type, Zone: m.Zone}); lost {
		return &asg.CompleteLifecycleActionOutput{}, nil // the completion is lost, and the action times out
	}
	if _, lost := tx.Fault(world.HookTimeout, world.Subject{ID: m.ID, Name: aws.ToString(in.LifecycleHookName)}); lost {
		return &asg.CompleteLifecycleActionOutput{}, nil // it is answered and never heard of: the action times out
	}
	m.Actions[k].Result = *in.LifecycleActionResult
	members(tx, g.name()).Put(m.ID, m)
	wake(tx, g.name(), tx.Now)
	return &asg.CompleteLifecycleActionOutput{}, nil
}

// RecordLifecycleActionHeartbeat begins an action's timeout anew, up to 48 hours or a
// hundred timeouts after its begin.
func (s *Service) RecordLifecycleActionHeartbeat(tx *world.Tx, in *asg.RecordLifecycleActionHeartbeatInput) (*asg.RecordLifecycleActionHeartbeatOutput, error) {
	g, m, k, err := pendingAction(tx, in.AutoScalingGroupName, in.LifecycleHookName, in.LifecycleActionToken, in.InstanceId)
	if err != nil {
		return nil, err
	}
	a := &m.Actions[k]
	if a.Due = tx.Now.Add(seconds(&a.Timeout)); a.Due.After(a.Limit) {
		a.Due = a.Limit
	}
	members(tx, g.name()).Put(m.ID, m)
	wake(tx, g.name(), tx.Now)
	return &asg.RecordLifecycleActionHeartbeatOutput{}, nil
}
