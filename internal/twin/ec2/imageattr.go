package ec2

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// ownImage is an image that the caller may change: its own. One of another account
// that it can see is an AuthFailure, one it cannot see is unknown.
func ownImage(tx *world.Tx, id string) (Image, error) {
	if err := checkID(id, "ami-", "InvalidAMIID.Malformed"); err != nil {
		return Image{}, err
	}
	i, _, ok := image(tx, id)
	switch {
	case !ok:
		if o, had := owners(tx).Get(id); had && o.Gone && o.Account == tx.Account {
			return Image{}, wire.Errorf("InvalidAMIID.Unavailable", "The image ID '%s' is no longer available", id)
		}
		return Image{}, noImage(id)
	case i.Owner == tx.Account:
		return i, nil
	case i.visible(tx):
		return Image{}, wire.Errorf("AuthFailure", "Not authorized for image:%s", id)
	}
	return Image{}, noImage(id)
}

// DescribeImageAttribute handles the operation of that name.
func (s *Service) DescribeImageAttribute(tx *world.Tx, in *ec2.DescribeImageAttributeInput) (*ec2.DescribeImageAttributeOutput, error) {
	i, err := ownImage(tx, aws.ToString(in.ImageId))
	if err != nil {
		return nil, err
	}
	out := &ec2.DescribeImageAttributeOutput{ImageId: &i.ID}
	switch in.Attribute {
	case types.ImageAttributeNameDescription:
		out.Description = &types.AttributeValue{Value: some(i.Description)}
	case types.ImageAttributeNameImdsSupport:
		out.ImdsSupport = &types.AttributeValue{Value: some(i.IMDS)}
	case types.ImageAttributeNameBootMode:
		out.BootMode = &types.AttributeValue{Value: some(i.BootMode)}
	case types.ImageAttributeNameDeregistrationProtection:
		out.DeregistrationProtection = &types.AttributeValue{Value: aws.String(i.protection())}
	case types.ImageAttributeNameLastLaunchedTime:
		out.LastLaunchedTime = &types.AttributeValue{}
		if !i.LastLaunched.IsZero() {
			out.LastLaunchedTime.Value = aws.String(stamp(i.LastLaunched))
		}
	case types.ImageAttributeNameKernel, types.ImageAttributeNameRamdisk, types.ImageAttributeNameProductCodes, types.ImageAttributeNameSriovNetSupport,
		types.ImageAttributeNameTpmSupport, types.ImageAttributeNameUefiData: // no image here has any
	case types.ImageAttributeNameBlockDeviceMapping:
		// "The blockDeviceMapping attribute is deprecated. Using this attribute returns the
		// Client.AuthFailure error", API Reference.
		return nil, wire.Errorf("AuthFailure", "Unauthorized attempt to access restricted resource")
	case types.ImageAttributeNameLaunchPermission:
		if i.Public {
			out.LaunchPermissions = append(out.LaunchPermissions, types.LaunchPermission{Group: types.PermissionGroupAll})
		}
		for _, u := range i.Users {
			out.LaunchPermissions = append(out.LaunchPermissions, types.LaunchPermission{UserId: aws.String(u)})
		}
		for _, arn := range i.Orgs {
			p := types.LaunchPermission{OrganizationArn: aws.String(arn)}
			if strings.Contains(arn, ":ou/") {
				p = types.LaunchPermission{OrganizationalUnitArn: aws.String(arn)}
			}
			out.LaunchPermissions = append(out.LaunchPermissions, p)
		}
	default:
		return nil, unmodelled("DescribeImageAttribute", "attribute "+string(in.Attribute))
	}
	return out, nil
}

// ModifyImageAttribute handles the operation of that name for launch permissions,
// description and IMDS support.
func (s *Service) ModifyImageAttribute(tx *world.Tx, in *ec2.ModifyImageAttributeInput) (*ec2.ModifyImageAttributeOutput, error) {
	i, err := ownImage(tx, aws.ToString(in.ImageId))
	if err != nil {
		return nil, err
	}
	if len(in.ProductCodes) > 0 {
		return nil, unmodelled("ModifyImageAttribute", "product codes")
	}
	add, remove, err := permissions(in)
	if err != nil {
		return nil, err
	}
	value := func(v *types.AttributeValue, name string) *string {
		if v != nil {
			return v.Value
		}
		if aws.ToString(in.Attribute) == name {
			return in.Value
		}
		return nil
	}
	touched := !add.empty() || !remove.empty()
	if d := value(in.Description, "description"); d != nil {
		i.Description, touched = *d, true
	}
	if v := value(in.ImdsSupport, "imdsSupport"); v != nil {
		if *v != "v2.0" {
			return nil, badValue("Invalid value '%s' for imdsSupport", *v) // it can only be set, never unset
		}
		i.IMDS, touched = *v, true
	}
	if !touched {
		return nil, badCombination("No attributes specified.")
	}
	if err := s.share(tx, &i, add, remove); err != nil {
		return nil, err
	}
	putImage(tx, i)
	return &ec2.ModifyImageAttributeOutput{}, nil
}

// share changes who may launch an image; its snapshots follow for launches, and for
// nothing else ("Share an AMI", EC2 User Guide).
func (s *Service) share(tx *world.Tx, i *Image, add, remove grant) error {
	if add.empty() && remove.empty() {
		return nil
	}
	if i.State == imageDisabled && !add.empty() {
		return wire.Errorf("IncorrectState", "The image '%s' is disabled and cannot be shared", i.ID)
	}
	for _, d := range i.Disks {
		if err := s.shareable(tx, d.Encrypted, d.Key, append(slices.Clone(add.who), add.orgs...)); err != nil {
			return err
		}
	}
	i.Users, i.Public = permit(i.Users, i.Public, add.who, remove.who)
	i.Orgs, _ = permit(i.Orgs, false, add.orgs, remove.orgs)
	return nil
}

// ResetImageAttribute handles the operation of that name: launch permissions are the
// only attribute that it knows, and go back to the owner's alone.
func (s *Service) ResetImageAttribute(tx *world.Tx, in *ec2.ResetImageAttributeInput) (*ec2.ResetImageAttributeOutput, error) {
	i, err := ownImage(tx, aws.ToString(in.ImageId))
	if err != nil {
		return nil, err
	}
	i.Public, i.Users, i.Orgs = false, nil, nil
	putImage(tx, i)
	return &ec2.ResetImageAttributeOutput{}, nil
}
