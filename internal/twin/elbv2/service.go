package elbv2

import (
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// FaultTag, on an instance or on its image, makes the instance fail the checks of
// its target groups. Any value but "" and "false" does; the value FaultELB makes it
// fail these checks only, and not those that Auto Scaling takes from EC2.
const (
	FaultTag = "twin:fails-health-check"
	FaultELB = "elb"
)

// Instances is what target groups need of EC2; *ec2.Service is one.
type Instances interface {
	InstanceByID(tx *world.Tx, id string) (ec2.Instance, bool)
	ImageByID(tx *world.Tx, id string) (ec2.Image, error)
	DescribeVpcs(tx *world.Tx, in *sdk.DescribeVpcsInput) (*sdk.DescribeVpcsOutput, error)
	// OnState has f called with the new state of any instance, in the transaction
	// that changes it.
	OnState(f func(tx *world.Tx, id, state string))
}

// Service is the twin's target groups in all accounts and regions of one world.
type Service struct {
	ec2     Instances
	changed []func(tx *world.Tx, instance string)
}

// New makes the service of a world that has not been started yet.
func New(w *world.World, i Instances) *Service {
	s := &Service{ec2: i}
	w.OnTimer(checkKind, s.onTimer)
	i.OnState(s.onState)
	return s
}

// OnHealth has f called in the transaction in which a target of the instance becomes
// healthy or unhealthy.
func (s *Service) OnHealth(f func(tx *world.Tx, instance string)) {
	s.changed = append(s.changed, f)
}

// Wire is the service's operations.
func (s *Service) Wire() *wire.Service {
	o := wire.NewService("elasticloadbalancing")
	wire.Op(o, "CreateTargetGroup", s.CreateTargetGroup)
	wire.Op(o, "DescribeTargetGroups", s.DescribeTargetGroups)
	wire.Op(o, "DeleteTargetGroup", s.DeleteTargetGroup)
	wire.Op(o, "ModifyTargetGroupAttributes", s.ModifyTargetGroupAttributes)
	wire.Op(o, "DescribeTargetGroupAttributes", s.DescribeTargetGroupAttributes)
	wire.Op(o, "RegisterTargets", s.RegisterTargets)
	wire.Op(o, "DeregisterTargets", s.DeregisterTargets)
	wire.Op(o, "DescribeTargetHealth", s.DescribeTargetHealth)
	return o
}

func invalid(format string, args ...any) error {
	return wire.Errorf("ValidationError", format, args...)
}
