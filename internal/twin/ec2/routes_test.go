package ec2_test

import (
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func TestTheDefaultNetworkLeadsToTheInternet(t *testing.T) {
	b := newBench(t)
	vpc := *must[*sdk.DescribeVpcsOutput](t)(b.api.DescribeVpcs(ctx, &sdk.DescribeVpcsInput{})).Vpcs[0].VpcId
	by := func(name, value string) []types.Filter {
		return []types.Filter{{Name: &name, Values: []string{value}}}
	}
	tables := must[*sdk.DescribeRouteTablesOutput](t)(b.api.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{Filters: append(by("association.main", "true"), by("vpc-id", vpc)...)})).RouteTables
	if len(tables) != 1 || !*tables[0].Associations[0].Main || len(tables[0].Routes) != 2 || !strings.HasPrefix(*tables[0].Routes[1].GatewayId, "igw-") {
		t.Fatalf("%+v", tables)
	}
	again := must[*sdk.DescribeRouteTablesOutput](t)(b.api.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{RouteTableIds: []string{*tables[0].RouteTableId}})).RouteTables
	if len(again) != 1 {
		t.Errorf("%d by id", len(again))
	}
	none := must[*sdk.DescribeRouteTablesOutput](t)(b.api.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{Filters: by("association.subnet-id", "*")})).RouteTables
	if len(none) != 0 {
		t.Errorf("%d with a subnet of their own", len(none))
	}
	for id, want := range map[string]string{"rtb-0123456789abcdef0": "InvalidRouteTableID.NotFound", "table": "InvalidRouteTableId.Malformed"} {
		_, err := b.api.DescribeRouteTables(ctx, &sdk.DescribeRouteTablesInput{RouteTableIds: []string{id}})
		wantCode(t, err, want)
	}
}
