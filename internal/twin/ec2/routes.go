package ec2

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
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
