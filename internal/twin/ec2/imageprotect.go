package ec2

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// Deregistration protection as DescribeImages shows it.
const (
	protectCooldown = "enabled-with-cooldown"
	protectPlain    = "enabled-without-cooldown"
	protectOff      = "disabled"
)

// cooldown is how long protection outlives its end ("WithCooldown", API Reference).
const cooldown = 24 * time.Hour

func (i Image) protection() string {
	if i.Protection == "" {
		return protectOff
	}
	return i.Protection
}

// protected is the refusal to deregister a protected image. AWS does not document its
// code; this is the one of protected instances.
func (i Image) protected(now time.Time) error {
	switch {
	case i.protection() != protectOff:
		return wire.Errorf("OperationNotPermitted", "The image '%s' is protected from deregistration. Disable deregistration protection and try again.", i.ID)
	case now.Before(i.Cooldown):
		return wire.Errorf("OperationNotPermitted", "The image '%s' is protected from deregistration until %s.", i.ID, stamp(i.Cooldown))
	}
	return nil
}

// EnableImageDeregistrationProtection handles the operation of that name ("Protect an
// Amazon EC2 AMI from deregistration", EC2 User Guide).
func (s *Service) EnableImageDeregistrationProtection(tx *world.Tx, in *ec2.EnableImageDeregistrationProtectionInput) (*ec2.EnableImageDeregistrationProtectionOutput, error) {
	i, err := ownImage(tx, aws.ToString(in.ImageId))
	if err != nil {
		return nil, err
	}
	i.Protection, i.Cooldown = protectPlain, time.Time{}
	if aws.ToBool(in.WithCooldown) {
		i.Protection = protectCooldown
	}
	putImage(tx, i)
	return &ec2.EnableImageDeregistrationProtectionOutput{Return: aws.String("true")}, nil
}

// DisableImageDeregistrationProtection handles the operation of that name. With a
// cooldown the image stays protected for another day.
func (s *Service) DisableImageDeregistrationProtection(tx *world.Tx, in *ec2.DisableImageDeregistrationProtectionInput) (*ec2.DisableImageDeregistrationProtectionOutput, error) {
	i, err := ownImage(tx, aws.ToString(in.ImageId))
	if err != nil {
		return nil, err
	}
	if i.Protection == protectCooldown {
		i.Cooldown = tx.Now.Add(cooldown)
	}
	i.Protection = protectOff
	putImage(tx, i)
	return &ec2.DisableImageDeregistrationProtectionOutput{Return: aws.String("true")}, nil
}
