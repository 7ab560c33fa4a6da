package ec2

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// CreateSecurityGroup handles the operation of that name. An empty VPC id, as
// Packer sends, is the default VPC.
func (s *Service) CreateSecurityGroup(tx *world.Tx, in *ec2.CreateSecurityGroupInput) (*ec2.CreateSecurityGroupOutput, error) {
	tags, err := tagSpec(in.TagSpecifications, types.ResourceTypeSecurityGroup)
	if err != nil {
		return nil, err
	}
	p := s.place(tx)
	name, vpc := aws.ToString(in.GroupName), aws.ToString(in.VpcId)
	switch {
	case name == "":
		return nil, missingParameter("GroupName")
	case aws.ToString(in.Description) == "":
		return nil, missingParameter("GroupDescription")
	case !groupText(name) || !groupText(*in.Description):
		return nil, badValue("Invalid security group name or description. Valid ones are strings of up to 255 characters from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*")
	case len(name) >= 3 && name[:3] == "sg-":
		return nil, badValue("Group names may not be in the format sg-*")
	case vpc != "" && vpc != p.VPC:
		return nil, missing("InvalidVpcID.NotFound", "vpc ID", vpc)
	}
	for _, g := range groups(tx).All() {
		if g.Name == name {
			return nil, wire.Errorf("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, p.VPC)
		}
	}
	g := SecurityGroup{ID: tx.ID("sg-"), Name: name, Description: *in.Description, VPC: p.VPC, Tags: tags[types.ResourceTypeSecurityGroup]}
	groups(tx).Put(g.ID, g)
	return &ec2.CreateSecurityGroupOutput{GroupId: &g.ID, SecurityGroupArn: aws.String(groupARN(tx, g.ID)), Tags: sdkTags(g.Tags)}, nil
}

func groupARN(tx *world.Tx, id string) string {
	return fmt.Sprintf("arn:aws:ec2:%s:%s:security-group/%s", tx.Region, tx.Account, id)
}

// AuthorizeSecurityGroupIngress handles the operation of that name. Rules are kept
// and shown; the twin's machines listen on loopback whatever the rules say.
func (s *Service) AuthorizeSecurityGroupIngress(tx *world.Tx, in *ec2.AuthorizeSecurityGroupIngressInput) (*ec2.AuthorizeSecurityGroupIngressOutput, error) {
	s.place(tx)
	g, err := s.oneGroup(tx, in.GroupId, in.GroupName)
	if err != nil {
		return nil, err
	}
	tags, err := tagSpec(in.TagSpecifications, types.ResourceTypeSecurityGroupRule)
	if err != nil {
		return nil, err
	}
	if in.SourceSecurityGroupName != nil || in.SourceSecurityGroupOwnerId != nil {
		return nil, unmodelled("AuthorizeSecurityGroupIngress", "SourceSecurityGroupName")
	}
	perms := ruleSpecs(in.IpPermissions, in.CidrIp, in.IpProtocol, in.FromPort, in.ToPort)
	if len(perms) == 0 {
		return nil, missingParameter("IpPermissions")
	}
	out := &ec2.AuthorizeSecurityGroupIngressOutput{Return: aws.Bool(true)}
	rules := slices.Clone(g.Rules)
	for _, p := range perms {
		add, err := readRules(tx, p)
		if err != nil {
			return nil, err
		}
		for k := range add {
			add[k].Tags = tags[types.ResourceTypeSecurityGroupRule]
			out.SecurityGroupRules = append(out.SecurityGroupRules, sdkRule(tx, g.ID, add[k]))
		}
		if rules, err = addRules(rules, add); err != nil {
			return nil, err
		}
	}
	g.Rules = rules
	groups(tx).Put(g.ID, g)
	return out, nil
}

// oneGroup is the group that a request names by id or, in the default VPC, by name.
func (s *Service) oneGroup(tx *world.Tx, id, name *string) (SecurityGroup, error) {
	switch {
	case aws.ToString(id) != "":
		if err := checkID(*id, "sg-", "InvalidGroupId.Malformed"); err != nil {
			return SecurityGroup{}, err
		}
		g, ok := groups(tx).Get(*id)
		if !ok {
			return g, noGroup(*id)
		}
		return g, nil
	case aws.ToString(name) != "":
		for _, g := range groups(tx).All() {
			if g.Name == *name {
				return g, nil
			}
		}
		return SecurityGroup{}, noGroup(*name)
	}
	return SecurityGroup{}, missingParameter("GroupId")
}
