package ec2

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
)

// permissions reads both forms of the request: the structure and the flat lists.
func permissions(in *ec2.ModifyImageAttributeInput) (add, remove grant, err error) {
	if p := in.LaunchPermission; p != nil {
		for _, a := range p.Add {
			add.add(a)
		}
		for _, r := range p.Remove {
			remove.add(r)
		}
	}
	flat := &add
	if in.OperationType == types.OperationTypeRemove {
		flat = &remove
	}
	flat.who = append(append(flat.who, in.UserIds...), in.UserGroups...)
	flat.orgs = append(append(flat.orgs, in.OrganizationArns...), in.OrganizationalUnitArns...)
	if err := add.check(); err != nil {
		return add, remove, err
	}
	return add, remove, remove.check()
}

// checkGrantees takes account ids of twelve digits and the group all.
func checkGrantees(list []string) ([]string, error) {
	for _, who := range list {
		if who != "all" && !accountID(who) {
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
