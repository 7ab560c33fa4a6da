package elbv2

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// target is a registered instance. One instance is one target of a group: the ports
// of a registration are not kept apart.
type target struct {
	ID    string                      `json:"id"`
	Port  int32                       `json:"port"`
	State types.TargetHealthStateEnum `json:"state"`
	// Failing is what its checks said last; Due is when they have said so often
	// enough for another state, or when its draining ends.
	Failing bool      `json:"failing,omitempty"`
	Due     time.Time `json:"due,omitzero"`
	Timer   string    `json:"timer,omitempty"`
}

// targets of one group, by instance.
func targets(tx *world.Tx, arn string) *world.Rows[target] {
	return world.Table[target](tx, "elasticloadbalancing/targets/"+arn)
}

// memberships are the groups of each instance.
func memberships(tx *world.Tx) *world.Rows[[]string] {
	return world.Table[[]string](tx, "elasticloadbalancing/memberships")
}

// RegisterTargets registers running instances.
func (s *Service) RegisterTargets(tx *world.Tx, in *elb.RegisterTargetsInput) (*elb.RegisterTargetsOutput, error) {
	if _, err := find(tx, in.TargetGroupArn); err != nil {
		return nil, err
	}
	for _, t := range in.Targets {
		if err := s.Register(tx, *in.TargetGroupArn, *t.Id, t.Port); err != nil {
			return nil, err
		}
	}
	return &elb.RegisterTargetsOutput{}, nil
}

// Register registers an instance, at the group's port unless told otherwise. One that
// is registered already stays as it is; one that drains begins anew.
func (s *Service) Register(tx *world.Tx, arn, instance string, port *int32) error {
	g, err := find(tx, &arn)
	if err != nil {
		return err
	}
	if t, ok := targets(tx, arn).Get(instance); ok && t.State != types.TargetHealthStateEnumDraining {
		return nil
	}
	if i, ok := s.ec2.InstanceByID(tx, instance); !ok || i.State != "running" {
		return wire.Errorf("InvalidTarget", "The following targets are not in a running state and cannot be registered: '%s'", instance)
	}
	s.drop(tx, arn, instance)
	t := target{ID: instance, Port: *orInt(port, *g.Spec.Port), State: types.TargetHealthStateEnumInitial, Failing: s.failing(tx, instance)}
	wait := g.passes()
	if t.Failing {
		wait = g.fails()
	}
	s.set(tx, arn, t, tx.Now.Add(wait))
	have, _ := memberships(tx).Get(instance)
	memberships(tx).Put(instance, append(slices.Clone(have), arn))
	s.event(tx, arn, t)
	return nil
}

// DeregisterTargets begins to drain targets; unknown ones are no error.
func (s *Service) DeregisterTargets(tx *world.Tx, in *elb.DeregisterTargetsInput) (*elb.DeregisterTargetsOutput, error) {
	if _, err := find(tx, in.TargetGroupArn); err != nil {
		return nil, err
	}
	for _, t := range in.Targets {
		s.Deregister(tx, *in.TargetGroupArn, *t.Id)
	}
	return &elb.DeregisterTargetsOutput{}, nil
}

// Deregister begins to drain a target and says when that ends; a target that is not
// there, or not running, has drained already. The whole delay passes: the twin has no
// connections that could end before ("Deregistration delay", Application Load
// Balancers guide).
func (s *Service) Deregister(tx *world.Tx, arn, instance string) time.Time {
	t, ok := targets(tx, arn).Get(instance)
	if !ok {
		return tx.Now
	}
	if t.State == types.TargetHealthStateEnumDraining {
		return t.Due
	}
	g, _ := groups(tx).Get(arn)
	if i, ok := s.ec2.InstanceByID(tx, instance); !ok || i.State != "running" || g.Drain == 0 {
		s.drop(tx, arn, instance)
		return tx.Now
	}
	end := tx.Now.Add(time.Duration(g.Drain) * time.Second)
	t.State = types.TargetHealthStateEnumDraining
	s.set(tx, arn, t, end)
	s.event(tx, arn, t)
	return end
}

// Exists says whether there is a target group with the ARN.
func (s *Service) Exists(tx *world.Tx, arn string) bool {
	_, ok := groups(tx).Get(arn)
	return ok
}

// Unhealthy says whether any target group that the instance is registered with finds
// it unhealthy.
func (s *Service) Unhealthy(tx *world.Tx, instance string) bool {
	have, _ := memberships(tx).Get(instance)
	return slices.ContainsFunc(have, func(arn string) bool {
		t, ok := s.look(tx, arn, instance)
		return ok && t.State == types.TargetHealthStateEnumUnhealthy
	})
}

// DescribeTargetHealth tells the health of the targets of a group, or of those asked
// for, of which unknown ones are unused.
func (s *Service) DescribeTargetHealth(tx *world.Tx, in *elb.DescribeTargetHealthInput) (*elb.DescribeTargetHealthOutput, error) {
	g, err := find(tx, in.TargetGroupArn)
	if err != nil {
		return nil, err
	}
	out := &elb.DescribeTargetHealthOutput{TargetHealthDescriptions: []types.TargetHealthDescription{}}
	wanted := in.Targets
	if len(wanted) == 0 {
		for id := range targets(tx, g.arn()).All() {
			wanted = append(wanted, types.TargetDescription{Id: &id})
		}
	}
	for _, want := range wanted {
		t, ok := s.look(tx, g.arn(), *want.Id)
		if !ok {
			t = target{ID: *want.Id, Port: *orInt(want.Port, *g.Spec.Port), State: types.TargetHealthStateEnumUnused}
		}
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, types.TargetHealthDescription{
			Target: &types.TargetDescription{Id: aws.String(t.ID), Port: aws.Int32(t.Port)}, TargetHealth: s.health(tx, t, ok), HealthCheckPort: checkPort(g, t.Port),
		})
	}
	return out, nil
}
