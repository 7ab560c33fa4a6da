package ec2

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
)

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
