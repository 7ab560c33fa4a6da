package ec2

import (
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
	case i.visible(tx.Account):
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
	case types.ImageAttributeNameLaunchPermission:
		if i.Public {
			out.LaunchPermissions = append(out.LaunchPermissions, types.LaunchPermission{Group: types.PermissionGroupAll})
		}
		for _, u := range i.Users {
			out.LaunchPermissions = append(out.LaunchPermissions, types.LaunchPermission{UserId: aws.String(u)})
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
	if len(in.OrganizationArns)+len(in.OrganizationalUnitArns)+len(in.ProductCodes) > 0 {
		return nil, unmodelled("ModifyImageAttribute", "organizations or product codes")
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
	touched := len(add)+len(remove) > 0
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
	i.Users, i.Public = permit(i.Users, i.Public, add, remove)
	putImage(tx, i)
	return &ec2.ModifyImageAttributeOutput{}, nil
}
