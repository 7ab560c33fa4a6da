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
	if err := known(in.Filters, groupFields(tx, SecurityGroup{}), map[string]string{}); err != nil {
		return nil, err
	}
	s.place(tx)
	for _, id := range in.GroupIds {
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
		ok, err := match(in.Filters, groupFields(tx, g), orNone(g.Tags))
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, sdkGroup(tx, g))
		}
	}
	for _, name := range in.GroupNames {
		if !named[name] {
			return nil, noGroup(name)
		}
	}
	out, next, err := page(all, in.MaxResults, in.NextToken, 5, 1000)
	return &ec2.DescribeSecurityGroupsOutput{SecurityGroups: out, NextToken: next}, err
}

func sdkGroup(tx *world.Tx, g SecurityGroup) types.SecurityGroup {
	out := types.SecurityGroup{
		GroupId: &g.ID, GroupName: &g.Name, Description: &g.Description, VpcId: &g.VPC, OwnerId: &tx.Account,
		SecurityGroupArn: aws.String(groupARN(tx, g.ID)), Tags: sdkTags(g.Tags),
		IpPermissionsEgress: []types.IpPermission{{IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}},
	}
	for _, r := range g.Rules {
		p := types.IpPermission{IpProtocol: &r.Protocol}
		if r.Protocol != "-1" {
			p.FromPort, p.ToPort = &r.From, &r.To
		}
		if r.CIDR != "" {
			p.IpRanges = []types.IpRange{{CidrIp: &r.CIDR, Description: some(r.Description)}}
		} else {
			p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: &r.Group, UserId: &tx.Account, Description: some(r.Description)}}
		}
		out.IpPermissions = append(out.IpPermissions, p)
	}
	return out
}

// DeleteSecurityGroup handles the operation of that name. A group that an instance
// or another group's rule uses stays ("DeleteSecurityGroup": DependencyViolation).
func (s *Service) DeleteSecurityGroup(tx *world.Tx, in *ec2.DeleteSecurityGroupInput) (*ec2.DeleteSecurityGroupOutput, error) {
	p := s.place(tx)
	id := aws.ToString(in.GroupId)
	if id == "" {
		for k, g := range groups(tx).All() {
			if in.GroupName != nil && g.Name == *in.GroupName {
				id = k
			}
		}
		if id == "" && in.GroupName != nil {
			return nil, noGroup(*in.GroupName)
		}
	}
	if id == "" {
		return nil, missingParameter("GroupId")
	}
	if _, ok := groups(tx).Get(id); !ok {
		return nil, noGroup(id)
	}
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
	return fields{"group-id": {g.ID}, "group-name": {g.Name}, "vpc-id": {g.VPC}, "description": {g.Description}, "owner-id": {tx.Account}}
}
