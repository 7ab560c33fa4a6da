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

// DescribeRouteTables handles the operation of that name: the default VPC has its main
// table, with a way to the internet, that all subnets use without being associated with it
// ("Default VPC components", VPC User Guide).
func (s *Service) DescribeRouteTables(tx *world.Tx, in *ec2.DescribeRouteTablesInput) (*ec2.DescribeRouteTablesOutput, error) {
	p := s.place(tx)
	suffix := strings.TrimPrefix(p.VPC, "vpc-")
	id, gateway, association := "rtb-"+suffix, "igw-"+suffix, "rtbassoc-"+suffix
	f, none := fields{
		"route-table-id": {id}, "vpc-id": {p.VPC}, "owner-id": {tx.Account},
		"association.main": {"true"}, "association.route-table-association-id": {association}, "association.route-table-id": {id},
		"association.subnet-id": nil, "association.gateway-id": nil,
		"route.destination-cidr-block": {p.CIDR, "0.0.0.0/0"}, "route.gateway-id": {"local", gateway}, "route.origin": {"CreateRouteTable", "CreateRoute"}, "route.state": {"active"},
	}, map[string]string{}
	for _, name := range []string{"destination-ipv6-cidr-block", "destination-prefix-list-id", "egress-only-internet-gateway-id", "instance-id", "nat-gateway-id", "transit-gateway-id", "vpc-peering-connection-id"} {
		f["route."+name] = nil
	}
	if err := known("DescribeRouteTables", in.Filters, f, none); err != nil {
		return nil, err
	}
	for _, asked := range in.RouteTableIds {
		if err := checkID(asked, "rtb-", "InvalidRouteTableId.Malformed"); err != nil {
			return nil, err
		}
		if asked != id {
			return nil, missing("InvalidRouteTableID.NotFound", "routeTable ID", asked)
		}
	}
	var all []types.RouteTable
	if match(in.Filters, f, none) {
		all = []types.RouteTable{{
			RouteTableId: &id, VpcId: &p.VPC, OwnerId: &tx.Account, Tags: []types.Tag{},
			Associations: []types.RouteTableAssociation{{Main: aws.Bool(true), RouteTableAssociationId: &association, RouteTableId: &id,
				AssociationState: &types.RouteTableAssociationState{State: types.RouteTableAssociationStateCodeAssociated}}},
			Routes: []types.Route{
				{DestinationCidrBlock: &p.CIDR, GatewayId: aws.String("local"), Origin: types.RouteOriginCreateRouteTable, State: types.RouteStateActive},
				{DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: &gateway, Origin: types.RouteOriginCreateRoute, State: types.RouteStateActive},
			},
		}}
	}
	out, next, err := page(tx, in, all, func(t types.RouteTable) string { return *t.RouteTableId }, 5, 100)
	return &ec2.DescribeRouteTablesOutput{RouteTables: out, NextToken: next}, err
}

// RevokeSecurityGroupIngress handles the operation of that name: all the rules that it
// names go, by id or by what they say, or none does. What a rule's description says does
// not matter.
func (s *Service) RevokeSecurityGroupIngress(tx *world.Tx, in *ec2.RevokeSecurityGroupIngressInput) (*ec2.RevokeSecurityGroupIngressOutput, error) {
	s.place(tx)
	g, err := s.oneGroup(tx, in.GroupId, in.GroupName)
	if err != nil {
		return nil, err
	}
	if in.SourceSecurityGroupName != nil || in.SourceSecurityGroupOwnerId != nil {
		return nil, unmodelled("RevokeSecurityGroupIngress", "SourceSecurityGroupName")
	}
	perms := in.IpPermissions
	if len(perms) == 0 && in.CidrIp != nil {
		perms = []types.IpPermission{{FromPort: in.FromPort, ToPort: in.ToPort, IpProtocol: in.IpProtocol, IpRanges: []types.IpRange{{CidrIp: in.CidrIp}}}}
	}
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
		gone := types.RevokedSecurityGroupRule{GroupId: &g.ID, SecurityGroupRuleId: &r.ID, IsEgress: aws.Bool(false), IpProtocol: &r.Protocol, FromPort: &r.From, ToPort: &r.To}
		for to, from := range map[**string]string{&gone.CidrIpv4: r.CIDR, &gone.CidrIpv6: r.CIDR6, &gone.ReferencedGroupId: r.Group, &gone.Description: r.Description} {
			if from != "" {
				*to = &from
			}
		}
		out.RevokedSecurityGroupRules = append(out.RevokedSecurityGroupRules, gone)
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
