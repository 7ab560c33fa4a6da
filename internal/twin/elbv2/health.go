package elbv2

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

const checkKind = "elasticloadbalancing/check"

// due is the payload of a target's timer.
type due struct{ Group, Instance string }

// set writes a target whose next change is due then; the zero time is never.
func (s *Service) set(tx *world.Tx, arn string, t target, then time.Time) {
	if t.Timer != "" {
		tx.Cancel(t.Timer)
		t.Timer = ""
	}
	if t.Due = then; !then.IsZero() {
		t.Timer = tx.At(then, checkKind, due{arn, t.ID})
	}
	targets(tx, arn).Put(t.ID, t)
}

// drop forgets a target.
func (s *Service) drop(tx *world.Tx, arn, instance string) {
	t, ok := targets(tx, arn).Get(instance)
	if !ok {
		return
	}
	if t.Timer != "" {
		tx.Cancel(t.Timer)
	}
	targets(tx, arn).Delete(instance)
	have, _ := memberships(tx).Get(instance)
	left := slices.DeleteFunc(slices.Clone(have), func(a string) bool { return a == arn })
	if len(left) == 0 {
		memberships(tx).Delete(instance)
		return
	}
	memberships(tx).Put(instance, left)
}

// onTimer brings a target to the state that its checks have led to.
func (s *Service) onTimer(tx *world.Tx, payload json.RawMessage) error {
	var d due
	if err := json.Unmarshal(payload, &d); err != nil {
		return err
	}
	t, ok := targets(tx, d.Group).Get(d.Instance)
	if !ok {
		return nil
	}
	t.Timer = ""
	if t.State == types.TargetHealthStateEnumDraining {
		s.drop(tx, d.Group, d.Instance)
		return nil
	}
	t.State = types.TargetHealthStateEnumHealthy
	if t.Failing {
		t.State = types.TargetHealthStateEnumUnhealthy
	}
	s.set(tx, d.Group, t, time.Time{})
	s.event(tx, d.Group, t)
	for _, f := range s.changed {
		f(tx, t.ID)
	}
	return nil
}

// look is a target after a look at what its checks find now: where that is something
// else than before, a series of checks begins, which leads to another state.
func (s *Service) look(tx *world.Tx, arn, instance string) (target, bool) {
	t, ok := targets(tx, arn).Get(instance)
	if !ok || t.State == types.TargetHealthStateEnumDraining {
		return t, ok
	}
	fails := s.failing(tx, instance)
	if fails == t.Failing {
		return t, true
	}
	g, _ := groups(tx).Get(arn)
	then := tx.Now.Add(g.passes())
	if fails {
		then = tx.Now.Add(g.fails())
	}
	if fails == (t.State == types.TargetHealthStateEnumUnhealthy) && t.State != types.TargetHealthStateEnumInitial {
		then = time.Time{} // back before the series was long enough
	}
	t.Failing = fails
	s.set(tx, arn, t, then)
	t, _ = targets(tx, arn).Get(instance)
	return t, true
}

// Check looks at an instance's targets, for somebody who has changed its tags.
func (s *Service) Check(tx *world.Tx, instance string) {
	have, _ := memberships(tx).Get(instance)
	for _, arn := range have {
		s.look(tx, arn, instance)
	}
}

// failing says whether an instance does not answer its checks.
func (s *Service) failing(tx *world.Tx, instance string) bool {
	i, ok := s.ec2.InstanceByID(tx, instance)
	if !ok || i.State != "running" || bad(i.Tags) {
		return true
	}
	img, err := s.ec2.ImageByID(tx, i.Image)
	return err == nil && bad(img.Tags)
}

func bad(tags map[string]string) bool { v := tags[FaultTag]; return v != "" && v != "false" }

// onState follows instances that stop, which fail their checks, and those that end,
// which leave their groups at once.
func (s *Service) onState(tx *world.Tx, id, state string) {
	have, _ := memberships(tx).Get(id)
	for _, arn := range have {
		if state == "terminated" {
			s.drop(tx, arn, id)
			continue
		}
		s.look(tx, arn, id)
	}
}

func (s *Service) event(tx *world.Tx, arn string, t target) {
	g, _ := groups(tx).Get(arn)
	tx.Event("target.health", map[string]any{"targetGroup": aws.ToString(g.Spec.TargetGroupName), "instance": t.ID, "state": string(t.State)})
}

// health words a target's state with the reasons of TargetHealth (API reference).
func (s *Service) health(tx *world.Tx, t target, registered bool) *types.TargetHealth {
	h := &types.TargetHealth{State: t.State}
	switch t.State {
	case types.TargetHealthStateEnumInitial:
		h.Reason, h.Description = types.TargetHealthReasonEnumInitialHealthChecking, aws.String("Initial health checks in progress")
	case types.TargetHealthStateEnumUnhealthy:
		h.Reason, h.Description = types.TargetHealthReasonEnumFailedHealthChecks, aws.String("Health checks failed")
	case types.TargetHealthStateEnumDraining:
		h.Reason, h.Description = types.TargetHealthReasonEnumDeregistrationInProgress, aws.String("Target deregistration is in progress")
	}
	if !registered {
		h.Reason, h.Description = types.TargetHealthReasonEnumNotRegistered, aws.String("Target is not registered to the target group")
		return h
	}
	if i, ok := s.ec2.InstanceByID(tx, t.ID); ok && i.State != "running" && t.State != types.TargetHealthStateEnumDraining {
		h.State, h.Reason, h.Description = types.TargetHealthStateEnumUnused, types.TargetHealthReasonEnumInvalidState, aws.String("Target is in the "+i.State+" state")
	}
	return h
}

func checkPort(g group, port int32) *string {
	if p := aws.ToString(g.Spec.HealthCheckPort); p != "traffic-port" {
		return &p
	}
	return aws.String(strconv.Itoa(int(port)))
}
