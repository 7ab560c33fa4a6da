package ec2_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func (b *bench) group(name string) string {
	b.t.Helper()
	return *must[*sdk.CreateSecurityGroupOutput](b.t)(b.api.CreateSecurityGroup(ctx, &sdk.CreateSecurityGroupInput{GroupName: &name, Description: aws.String("test")})).GroupId
}

func port(protocol string, from, to int32, cidrs ...string) types.IpPermission {
	p := types.IpPermission{IpProtocol: &protocol, FromPort: &from, ToPort: &to}
	for _, c := range cidrs {
		p.IpRanges = append(p.IpRanges, types.IpRange{CidrIp: &c})
	}
	return p
}

// "CidrIp" and "IpPermission", API Reference: ranges are canonical, protocols have
// names, what is of one protocol and port range is shown together.
func TestRulesAreKeptAsAWSShowsThem(t *testing.T) {
	b := newBench(t)
	id, other := b.group("web"), b.group("lb")
	p := port("6", 443, 443, "10.1.2.3/8")
	p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: aws.String("2001:DB8::1/32"), Description: aws.String("our network")}}
	p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupName: aws.String("lb")}}
	made := must[*sdk.AuthorizeSecurityGroupIngressOutput](t)(b.api.AuthorizeSecurityGroupIngress(ctx, &sdk.AuthorizeSecurityGroupIngressInput{
		GroupName: aws.String("web"), IpPermissions: []types.IpPermission{p},
		TagSpecifications: tagged("security-group-rule", "app", "web")})).SecurityGroupRules
	if len(made) != 3 || *made[2].ReferencedGroupInfo.GroupId != other || *made[1].CidrIpv6 != "2001:db8::/32" || *made[0].Tags[0].Value != "web" || *made[0].GroupId != id {
		t.Errorf("rules made: %+v", made)
	}
	shown := must[*sdk.DescribeSecurityGroupsOutput](t)(b.api.DescribeSecurityGroups(ctx, &sdk.DescribeSecurityGroupsInput{GroupIds: []string{id, id}})).SecurityGroups
	if len(shown) != 1 || len(shown[0].IpPermissions) != 1 {
		t.Fatalf("groups shown: %+v", shown)
	}
	got := shown[0].IpPermissions[0]
	if *got.IpProtocol != "tcp" || *got.FromPort != 443 || *got.IpRanges[0].CidrIp != "10.0.0.0/8" || *got.Ipv6Ranges[0].CidrIpv6 != "2001:db8::/32" || *got.UserIdGroupPairs[0].GroupId != other {
		t.Errorf("shown: %+v", got)
	}
	for filter, want := range map[string]int{"cidr": 1, "ipv6-cidr": 1, "group-id": 2, "group-name": 2, "user-id": 2, "protocol": 2, "from-port": 1, "to-port": 1, "prefix-list-id": 0} {
		out := must[*sdk.DescribeSecurityGroupsOutput](t)(b.api.DescribeSecurityGroups(ctx, &sdk.DescribeSecurityGroupsInput{
			Filters: []types.Filter{{Name: aws.String("ip-permission." + filter), Values: []string{"*"}}}}))
		if len(out.SecurityGroups) != want { // the default group's only rule is for itself
			t.Errorf("%d groups with any %s, want %d", len(out.SecurityGroups), filter, want)
		}
	}
	_, err := b.api.DeleteSecurityGroup(ctx, &sdk.DeleteSecurityGroupInput{GroupName: aws.String("lb")})
	wantCode(t, err, "DependencyViolation")
}

func TestRulesRefuse(t *testing.T) {
	b := newBench(t)
	id := b.group("web")
	add := func(p ...types.IpPermission) error {
		_, err := b.api.AuthorizeSecurityGroupIngress(ctx, &sdk.AuthorizeSecurityGroupIngressInput{GroupId: &id, IpPermissions: p})
		return err
	}
	with := func(f func(*types.IpPermission)) types.IpPermission {
		p := types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22)}
		f(&p)
		return p
	}
	for name, c := range map[string]struct {
		p    types.IpPermission
		code string
	}{
		"no source":          {port("tcp", 22, 22), "MissingParameter"},
		"ports upside down":  {port("tcp", 23, 22, "10.0.0.0/8"), "InvalidParameterValue"},
		"a port too high":    {port("udp", 1, 65536, "10.0.0.0/8"), "InvalidParameterValue"},
		"all types, a code":  {port("icmp", -1, 0, "10.0.0.0/8"), "InvalidParameterValue"},
		"a strange protocol": {port("sctpx", 1, 1, "10.0.0.0/8"), "InvalidParameterValue"},
		"protocol 256":       {port("256", 1, 1, "10.0.0.0/8"), "InvalidParameterValue"},
		"a v6 range as v4":   {port("tcp", 1, 1, "2001:db8::/32"), "InvalidParameterValue"},
		"a v4 range as v6":   {with(func(p *types.IpPermission) { p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: aws.String("10.0.0.0/8")}} }), "InvalidParameterValue"},
		"an address":         {port("tcp", 1, 1, "10.0.0.1"), "InvalidParameterValue"},
		"a description": {with(func(p *types.IpPermission) {
			p.IpRanges = []types.IpRange{{CidrIp: aws.String("10.0.0.0/8"), Description: aws.String("für uns")}}
		}), "InvalidParameterValue"},
		"no prefix list": {with(func(p *types.IpPermission) {
			p.PrefixListIds = []types.PrefixListId{{PrefixListId: aws.String("pl-0123456789abcdef0")}}
		}), "InvalidPrefixListID.NotFound"},
		"a bad prefix list": {with(func(p *types.IpPermission) {
			p.PrefixListIds = []types.PrefixListId{{PrefixListId: aws.String("com.amazonaws.s3")}}
		}), "InvalidPrefixListId.Malformed"},
		"no group": {with(func(p *types.IpPermission) {
			p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupName: aws.String("nobody")}}
		}), "InvalidGroup.NotFound"},
		"another's group": {with(func(p *types.IpPermission) {
			p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: &id, UserId: aws.String(foreign)}}
		}), "InvalidGroup.NotFound"},
	} {
		err := add(c.p)
		t.Run(name, func(t *testing.T) { wantCode(t, err, c.code) })
	}
	if err := add(port("tcp", 22, 22, "100.68.0.18/18")); err != nil {
		t.Fatal(err)
	}
	// "if you attempt to add another rule with the non-canonical form", API Reference.
	wantCode(t, add(port("6", 22, 22, "100.68.0.0/18")), "InvalidPermission.Duplicate")
	wantCode(t, add(port("tcp", 80, 80, "10.0.0.0/8", "10.0.0.0/8")), "InvalidPermission.Duplicate")
	var many []string
	for k := range 59 {
		many = append(many, fmt.Sprintf("10.%d.0.0/16", k))
	}
	if err := add(port("tcp", 22, 22, many...)); err != nil {
		t.Fatal(err)
	}
	wantCode(t, add(port("tcp", 22, 22, "172.16.0.0/12")), "RulesPerSecurityGroupLimitExceeded")
	if err := add(with(func(p *types.IpPermission) { p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: aws.String("2001:db8::/32")}} })); err != nil {
		t.Errorf("IPv6 has a limit of its own: %v", err)
	}
	_, err := b.foreign.AuthorizeSecurityGroupIngress(ctx, &sdk.AuthorizeSecurityGroupIngressInput{GroupId: &id, IpPermissions: []types.IpPermission{port("tcp", 1, 1, "10.0.0.0/8")}})
	wantCode(t, err, "InvalidGroup.NotFound")
	_, err = b.api.AuthorizeSecurityGroupIngress(ctx, &sdk.AuthorizeSecurityGroupIngressInput{GroupId: &id, SourceSecurityGroupName: aws.String("default")})
	wantCode(t, err, "UnsupportedOperation")
}

func TestARuleForAGroupCountsForBothKindsOfAddresses(t *testing.T) {
	b := newBench(t)
	id := b.group("web")
	add := func(p types.IpPermission) error {
		_, err := b.api.AuthorizeSecurityGroupIngress(ctx, &sdk.AuthorizeSecurityGroupIngressInput{GroupId: &id, IpPermissions: []types.IpPermission{p}})
		return err
	}
	for k := range int32(59) {
		p := port("tcp", k, k)
		p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: &id}}
		if err := add(p); err != nil {
			t.Fatal(err)
		}
	}
	six := port("tcp", 80, 80)
	six.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: aws.String("2001:db8::/32")}}
	if err := add(six); err != nil {
		t.Errorf("the sixtieth for IPv6: %v", err)
	}
	if err := add(port("tcp", 80, 80, "10.0.0.0/8")); err != nil {
		t.Errorf("the sixtieth for IPv4: %v", err)
	}
	six.Ipv6Ranges[0].CidrIpv6 = aws.String("2001:db9::/32")
	wantCode(t, add(six), "RulesPerSecurityGroupLimitExceeded")
	wantCode(t, add(port("tcp", 80, 80, "172.16.0.0/12")), "RulesPerSecurityGroupLimitExceeded")
}
