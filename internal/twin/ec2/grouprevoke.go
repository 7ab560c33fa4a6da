package ec2

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// ruleSpecs are those that a request names in a list or, as one of IPv4, by itself.
func ruleSpecs(list []types.IpPermission, cidr, protocol *string, from, to *int32) []types.IpPermission {
	if len(list) > 0 || aws.ToString(cidr) == "" {
		return list
	}
	return []types.IpPermission{{FromPort: from, ToPort: to, IpProtocol: protocol, IpRanges: []types.IpRange{{CidrIp: cidr}}}}
}

// RevokeSecurityGroupIngress handles the operation of that name: all the rules that it
// names go, by id or by what they say, or none does. What a rule's description says does
// not matter ("RevokeSecurityGroupIngress", EC2 API Reference).
func (s *Service) RevokeSecurityGroupIngress(tx *world.Tx, in *ec2.RevokeSecurityGroupIngressInput) (*ec2.RevokeSecurityGroupIngressOutput, error) {
	s.place(tx)
	g, err := s.oneGroup(tx, in.GroupId, in.GroupName)
	if err != nil {
		return nil, err
	}
	if in.SourceSecurityGroupName != nil || in.SourceSecurityGroupOwnerId != nil {
		return nil, unmodelled("RevokeSecurityGroupIngress", "SourceSecurityGroupName")
	}
	perms := ruleSpecs(in.IpPermissions, in.CidrIp, in.IpProtocol, in.FromPort, in.ToPort)
	if len(perms) == 0 && len(in.SecurityGroupRuleIds) == 0 {
		return nil, missingParameter("IpPermissions")
	}
	out := &ec2.RevokeSecurityGroupIngressOutput{Return: aws.Bool(true)}
	rules := slices.Clone(g.Rules)
	drop := func(is func(Rule) bool) bool {
		k := slices.IndexFunc(rules, is)
		if k < 0 {
			return false
		}
		r := rules[k]
		out.RevokedSecurityGroupRules = append(out.RevokedSecurityGroupRules, types.RevokedSecurityGroupRule{
			SecurityGroupRuleId: &r.ID, GroupId: &g.ID, IsEgress: aws.Bool(false), IpProtocol: &r.Protocol, FromPort: &r.From, ToPort: &r.To,
			CidrIpv4: some(r.CIDR), CidrIpv6: some(r.CIDR6), ReferencedGroupId: some(r.Group), Description: some(r.Description),
		})
		rules = slices.Delete(rules, k, k+1)
		return true
	}
	for _, id := range in.SecurityGroupRuleIds {
		if err := checkID(id, "sgr-", "InvalidSecurityGroupRuleId.Malformed"); err != nil {
			return nil, err
		}
		if !drop(func(r Rule) bool { return r.ID == id }) {
			return nil, missing("InvalidSecurityGroupRuleId.NotFound", "security group rule ID", id)
		}
	}
	for _, p := range perms {
		named, err := readRules(tx, p)
		if err != nil {
			return nil, err
		}
		for _, n := range named {
			if !drop(func(r Rule) bool {
				return r.Protocol == n.Protocol && r.From == n.From && r.To == n.To && r.CIDR == n.CIDR && r.CIDR6 == n.CIDR6 && r.Group == n.Group
			}) {
				return nil, wire.Errorf("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
			}
		}
	}
	g.Rules = rules
	groups(tx).Put(g.ID, g)
	return out, nil
}
