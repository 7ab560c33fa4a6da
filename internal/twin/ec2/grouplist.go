package ec2

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// DescribeSecurityGroups handles the operation of that name.
func (s *Service) DescribeSecurityGroups(tx *world.Tx, in *ec2.DescribeSecurityGroupsInput) (*ec2.DescribeSecurityGroupsOutput, error) {
	if err := known("DescribeSecurityGroups", in.Filters, groupFields(tx, SecurityGroup{}), map[string]string{}); err != nil {
		return nil, err
	}
	s.place(tx)
	for _, id := range in.GroupIds {
		if err := checkID(id, "sg-", "InvalidGroupId.Malformed"); err != nil {
			return nil, err
		}
		if _, ok := groups(tx).Get(id); !ok {
			return nil, noGroup(id)
		}
	}
	var all []types.SecurityGroup
	named := map[string]bool{}
	for id, g := range groups(tx).All() {
		named[g.Name] = true
		if len(in.GroupIds) > 0 && !slices.Contains(in.GroupIds, id) || len(in.GroupNames) > 0 && !slices.Contains(in.GroupNames, g.Name) {
			continue
		}
		if match(in.Filters, groupFields(tx, g), orNone(g.Tags)) {
			all = append(all, sdkGroup(tx, g))
		}
	}
	for _, name := range in.GroupNames {
		if !named[name] {
			return nil, noGroup(name)
		}
	}
	out, next, err := page(tx, in, all, func(g types.SecurityGroup) string { return *g.GroupId }, 5, 1000)
	return &ec2.DescribeSecurityGroupsOutput{SecurityGroups: out, NextToken: next}, err
}

func sdkGroup(tx *world.Tx, g SecurityGroup) types.SecurityGroup {
	out := types.SecurityGroup{
		GroupId: &g.ID, GroupName: &g.Name, Description: &g.Description, VpcId: &g.VPC, OwnerId: &tx.Account,
		SecurityGroupArn: aws.String(groupARN(tx, g.ID)), Tags: sdkTags(g.Tags), IpPermissions: sdkPermissions(tx, g.Rules),
		IpPermissionsEgress: []types.IpPermission{{IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}},
	}
	return out
}

// DeleteSecurityGroup handles the operation of that name. A group that an instance
// or another group's rule uses stays ("DeleteSecurityGroup": DependencyViolation).
func (s *Service) DeleteSecurityGroup(tx *world.Tx, in *ec2.DeleteSecurityGroupInput) (*ec2.DeleteSecurityGroupOutput, error) {
	p := s.place(tx)
	g, err := s.oneGroup(tx, in.GroupId, in.GroupName)
	if err != nil {
		return nil, err
	}
	id := g.ID
	if id == p.Group {
		return nil, wire.Errorf("CannotDelete", "the specified group: \"%s\" name: \"default\" cannot be deleted by a user", id)
	}
	used := wire.Errorf("DependencyViolation", "resource %s has a dependent object", id)
	for _, i := range instances(tx).All() {
		if slices.Contains(i.Groups, id) {
			return nil, used
		}
	}
	for other, g := range groups(tx).All() {
		if other != id && slices.ContainsFunc(g.Rules, func(r Rule) bool { return r.Group == id }) {
			return nil, used
		}
	}
	groups(tx).Delete(id)
	return &ec2.DeleteSecurityGroupOutput{GroupId: &id, Return: aws.Bool(true)}, nil
}

func groupFields(tx *world.Tx, g SecurityGroup) fields {
	f := fields{
		"group-id": {g.ID}, "group-name": {g.Name}, "vpc-id": {g.VPC}, "description": {g.Description}, "owner-id": {tx.Account},
		"egress.ip-permission.cidr": {"0.0.0.0/0"}, "egress.ip-permission.protocol": {"-1"},
	}
	for _, name := range []string{"cidr", "ipv6-cidr", "prefix-list-id", "group-id", "group-name", "user-id", "protocol", "from-port", "to-port"} {
		f["ip-permission."+name] = nil
	}
	add := func(name string, have ...string) {
		f["ip-permission."+name] = append(f["ip-permission."+name], have...)
	}
	for _, r := range g.Rules {
		add("cidr", one(r.CIDR)...)
		add("ipv6-cidr", one(r.CIDR6)...)
		add("protocol", r.Protocol)
		if r.Protocol != "-1" {
			add("from-port", itoa(r.From))
			add("to-port", itoa(r.To))
		}
		if from, ok := groups(tx).Get(r.Group); ok {
			add("group-id", from.ID)
			add("group-name", from.Name)
			add("user-id", tx.Account)
		}
	}
	return f
}
