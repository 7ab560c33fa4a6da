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
		if *v != "v2.0" || i.IMDS == "v2.0" && *v != i.IMDS {
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

// permissions reads both forms of the request: the structure and the flat lists.
func permissions(in *ec2.ModifyImageAttributeInput) (add, remove []string, err error) {
	if p := in.LaunchPermission; p != nil {
		if add, err = grantees(p.Add); err != nil {
			return nil, nil, err
		}
		if remove, err = grantees(p.Remove); err != nil {
			return nil, nil, err
		}
	}
	flat, err := checkGrantees(append(slices.Clone(in.UserIds), in.UserGroups...))
	if err != nil {
		return nil, nil, err
	}
	switch in.OperationType {
	case types.OperationTypeRemove:
		remove = append(remove, flat...)
	default:
		add = append(add, flat...)
	}
	return add, remove, nil
}

func grantees(list []types.LaunchPermission) ([]string, error) {
	var out []string
	for _, p := range list {
		if p.OrganizationArn != nil || p.OrganizationalUnitArn != nil {
			return nil, unmodelled("ModifyImageAttribute", "organizations")
		}
		out = append(out, aws.ToString(p.UserId)+string(p.Group))
	}
	return checkGrantees(out)
}

// checkGrantees takes account ids of twelve digits and the group all.
func checkGrantees(list []string) ([]string, error) {
	for _, who := range list {
		if who != "all" && (len(who) != 12 || strings.Trim(who, "0123456789") != "") {
			return nil, wire.Errorf("InvalidAMIAttributeItemValue", "Invalid attribute item value \"%s\" for userId item type.", who)
		}
	}
	return list, nil
}

// permit applies grants; the group all makes public.
func permit(users []string, public bool, add, remove []string) ([]string, bool) {
	users = slices.Clone(users)
	for _, who := range add {
		if who == "all" {
			public = true
		} else if !slices.Contains(users, who) {
			users = append(users, who)
		}
	}
	for _, who := range remove {
		if who == "all" {
			public = false
		} else {
			users = slices.DeleteFunc(users, func(u string) bool { return u == who })
		}
	}
	return users, public
}
