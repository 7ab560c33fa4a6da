package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func TestRulesAreTakenAwayByIDAndByWhatTheySay(t *testing.T) {
	b := newBench(t)
	id := b.group("web")
	made := must[*sdk.AuthorizeSecurityGroupIngressOutput](t)(b.api.AuthorizeSecurityGroupIngress(ctx, &sdk.AuthorizeSecurityGroupIngressInput{
		GroupId: &id, IpPermissions: []types.IpPermission{port("tcp", 443, 443, "10.0.0.0/8", "192.168.0.0/16"), port("tcp", 22, 22, "10.0.0.0/8")}})).SecurityGroupRules
	revoke := func(in sdk.RevokeSecurityGroupIngressInput) (*sdk.RevokeSecurityGroupIngressOutput, error) {
		in.GroupId = &id
		return b.api.RevokeSecurityGroupIngress(ctx, &in)
	}
	for name, c := range map[string]struct {
		in   sdk.RevokeSecurityGroupIngressInput
		want string
	}{
		"nothing":                    {sdk.RevokeSecurityGroupIngressInput{}, "MissingParameter"},
		"a rule that there is not":   {sdk.RevokeSecurityGroupIngressInput{IpPermissions: []types.IpPermission{port("tcp", 443, 443, "10.0.0.0/8"), port("tcp", 80, 80, "10.0.0.0/8")}}, "InvalidPermission.NotFound"},
		"an id that there is not":    {sdk.RevokeSecurityGroupIngressInput{SecurityGroupRuleIds: []string{"sgr-0123456789abcdef0"}}, "InvalidSecurityGroupRuleId.NotFound"},
		"no id":                      {sdk.RevokeSecurityGroupIngressInput{SecurityGroupRuleIds: []string{"x"}}, "InvalidSecurityGroupRuleId.Malformed"},
		"the same twice in one call": {sdk.RevokeSecurityGroupIngressInput{SecurityGroupRuleIds: []string{*made[0].SecurityGroupRuleId, *made[0].SecurityGroupRuleId}}, "InvalidSecurityGroupRuleId.NotFound"},
		"by a group's name":          {sdk.RevokeSecurityGroupIngressInput{SourceSecurityGroupName: aws.String("lb")}, "UnsupportedOperation"},
	} {
		_, err := revoke(c.in)
		if got := codeOf(err); got != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	gone := must[*sdk.RevokeSecurityGroupIngressOutput](t)(revoke(sdk.RevokeSecurityGroupIngressInput{IpPermissions: []types.IpPermission{port("6", 443, 443, "10.9.9.9/8")}}))
	if len(gone.RevokedSecurityGroupRules) != 1 || *gone.RevokedSecurityGroupRules[0].SecurityGroupRuleId != *made[0].SecurityGroupRuleId || gone.RevokedSecurityGroupRules[0].CidrIpv6 != nil {
		t.Errorf("gone: %+v", gone.RevokedSecurityGroupRules)
	}
	must[*sdk.RevokeSecurityGroupIngressOutput](t)(revoke(sdk.RevokeSecurityGroupIngressInput{SecurityGroupRuleIds: []string{*made[2].SecurityGroupRuleId}}))
	left := must[*sdk.DescribeSecurityGroupsOutput](t)(b.api.DescribeSecurityGroups(ctx, &sdk.DescribeSecurityGroupsInput{GroupIds: []string{id}})).SecurityGroups[0].IpPermissions
	if len(left) != 1 || len(left[0].IpRanges) != 1 || *left[0].IpRanges[0].CidrIp != "192.168.0.0/16" {
		t.Errorf("left: %+v", left)
	}
}

func TestEncryptionByDefaultIsTurnedOffAgain(t *testing.T) {
	b := newBench(t)
	must[*sdk.EnableEbsEncryptionByDefaultOutput](t)(b.api.EnableEbsEncryptionByDefault(ctx, &sdk.EnableEbsEncryptionByDefaultInput{}))
	must[*sdk.DisableEbsEncryptionByDefaultOutput](t)(b.api.DisableEbsEncryptionByDefault(ctx, &sdk.DisableEbsEncryptionByDefaultInput{}))
	if on := must[*sdk.GetEbsEncryptionByDefaultOutput](t)(b.api.GetEbsEncryptionByDefault(ctx, &sdk.GetEbsEncryptionByDefaultInput{})); *on.EbsEncryptionByDefault {
		t.Error("it is still on")
	}
}
