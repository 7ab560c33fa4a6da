package ec2

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// DisableImage handles the operation of that name: no launches, no shares, and out of
// listings; instances and templates are left alone ("Disable an Amazon EC2 AMI", EC2
// User Guide). To disable it again changes nothing.
func (s *Service) DisableImage(tx *world.Tx, in *ec2.DisableImageInput) (*ec2.DisableImageOutput, error) {
	i, err := ownImage(tx, aws.ToString(in.ImageId))
	if err != nil {
		return nil, err
	}
	switch i.State {
	case imageAvailable:
		i.State, i.Public, i.Users, i.Orgs = imageDisabled, false, nil, nil
		s.turned(tx, i)
	case imageDisabled:
	default:
		return nil, wire.Errorf("IncorrectState", "The image '%s' is %s; only an available image can be disabled", i.ID, i.State)
	}
	return &ec2.DisableImageOutput{Return: aws.Bool(true)}, nil
}

// EnableImage handles the operation of that name. Who lost the image does not get it
// back ("Disable an Amazon EC2 AMI", EC2 User Guide).
func (s *Service) EnableImage(tx *world.Tx, in *ec2.EnableImageInput) (*ec2.EnableImageOutput, error) {
	i, err := ownImage(tx, aws.ToString(in.ImageId))
	if err != nil {
		return nil, err
	}
	switch i.State {
	case imageDisabled:
		i.State = imageAvailable
		s.turned(tx, i)
	case imageAvailable:
	default:
		return nil, wire.Errorf("IncorrectState", "The image '%s' is %s; only a disabled image can be enabled", i.ID, i.State)
	}
	return &ec2.EnableImageOutput{Return: aws.Bool(true)}, nil
}

func (s *Service) turned(tx *world.Tx, i Image) {
	putImage(tx, i)
	tx.Event("ec2.image.state", map[string]any{"image": i.ID, "name": i.Name, "state": i.State})
}

// EnableImageDeprecation handles the operation of that name. The time is rounded to
// the minute, lies ahead, and at most ten years, for public images two years from
// their creation ("DeprecateAt", API Reference).
func (s *Service) EnableImageDeprecation(tx *world.Tx, in *ec2.EnableImageDeprecationInput) (*ec2.EnableImageDeprecationOutput, error) {
	i, err := ownImage(tx, aws.ToString(in.ImageId))
	if err != nil {
		return nil, err
	}
	if in.DeprecateAt == nil {
		return nil, missingParameter("DeprecateAt")
	}
	at, last := in.DeprecateAt.UTC().Round(time.Minute), tx.Now.AddDate(10, 0, 0)
	if i.Public {
		last = i.Created.AddDate(2, 0, 0)
	}
	if in.DeprecateAt.Before(tx.Now) || at.After(last) {
		return nil, badValue("The deprecation time %s is in the past or after %s", stamp(*in.DeprecateAt), stamp(last))
	}
	i.Deprecation = at
	putImage(tx, i)
	return &ec2.EnableImageDeprecationOutput{Return: aws.Bool(true)}, nil
}

// DisableImageDeprecation handles the operation of that name.
func (s *Service) DisableImageDeprecation(tx *world.Tx, in *ec2.DisableImageDeprecationInput) (*ec2.DisableImageDeprecationOutput, error) {
	i, err := ownImage(tx, aws.ToString(in.ImageId))
	if err != nil {
		return nil, err
	}
	i.Deprecation = time.Time{}
	putImage(tx, i)
	return &ec2.DisableImageDeprecationOutput{Return: aws.Bool(true)}, nil
}
