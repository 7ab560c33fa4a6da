package ec2

import (
	"fmt"
	"net/netip"
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
	case len(name) > 255 || len(*in.Description) > 255:
		return nil, badValue("Group name and description are limited to 255 characters")
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
	id := aws.ToString(in.GroupId)
	if id == "" {
		return nil, missingParameter("GroupId")
	}
	g, ok := groups(tx).Get(id)
	if !ok {
		return nil, noGroup(id)
	}
	perms := in.IpPermissions
	if len(perms) == 0 {
		if aws.ToString(in.CidrIp) == "" {
			return nil, missingParameter("IpPermissions")
		}
		perms = []types.IpPermission{{FromPort: in.FromPort, ToPort: in.ToPort, IpProtocol: in.IpProtocol, IpRanges: []types.IpRange{{CidrIp: in.CidrIp}}}}
	}
	out := &ec2.AuthorizeSecurityGroupIngressOutput{Return: aws.Bool(true)}
	rules := slices.Clone(g.Rules)
	for _, p := range perms {
		add, err := readRules(tx, p)
		if err != nil {
			return nil, err
		}
		for _, r := range add {
			for _, have := range rules {
				if have.Protocol == r.Protocol && have.From == r.From && have.To == r.To && have.CIDR == r.CIDR && have.Group == r.Group {
					return nil, wire.Errorf("InvalidPermission.Duplicate", "the specified rule \"peer: %s, %s, from port: %d, to port: %d, ALLOW\" already exists", r.CIDR+r.Group, r.Protocol, r.From, r.To)
				}
			}
			rules = append(rules, r)
			out.SecurityGroupRules = append(out.SecurityGroupRules, types.SecurityGroupRule{
				SecurityGroupRuleId: &r.ID, GroupId: &id, GroupOwnerId: &tx.Account, IsEgress: aws.Bool(false),
				IpProtocol: &r.Protocol, FromPort: &r.From, ToPort: &r.To, CidrIpv4: some(r.CIDR),
			})
		}
	}
	g.Rules = rules
	groups(tx).Put(id, g)
	return out, nil
}

func readRules(tx *world.Tx, p types.IpPermission) ([]Rule, error) {
	base := Rule{Protocol: aws.ToString(p.IpProtocol), From: -1, To: -1}
	switch base.Protocol {
	case "-1":
	case "tcp", "udp", "icmp", "6", "17", "1":
		if p.FromPort == nil || p.ToPort == nil {
			return nil, badValue("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
		}
		base.From, base.To = *p.FromPort, *p.ToPort
		if base.From > base.To || base.From < -1 || base.To > 65535 {
			return nil, badValue("Invalid TCP/UDP port range (%d:%d)", base.From, base.To)
		}
	default:
		return nil, badValue("Invalid value '%s' for IP protocol. Unknown protocol.", base.Protocol)
	}
	if len(p.Ipv6Ranges)+len(p.PrefixListIds) > 0 {
		return nil, unmodelled("AuthorizeSecurityGroupIngress", "IPv6 ranges or prefix lists")
	}
	var out []Rule
	for _, r := range p.IpRanges {
		cidr := aws.ToString(r.CidrIp)
		if n, err := netip.ParsePrefix(cidr); err != nil || !n.Addr().Is4() {
			return nil, badValue("CIDR block %s is malformed", cidr)
		}
		rule := base
		rule.ID, rule.CIDR, rule.Description = tx.ID("sgr-"), cidr, aws.ToString(r.Description)
		out = append(out, rule)
	}
	for _, pair := range p.UserIdGroupPairs {
		id := aws.ToString(pair.GroupId)
		if _, ok := groups(tx).Get(id); !ok {
			return nil, noGroup(id)
		}
		rule := base
		rule.ID, rule.Group, rule.Description = tx.ID("sgr-"), id, aws.ToString(pair.Description)
		out = append(out, rule)
	}
	if len(out) == 0 {
		return nil, missingParameter("IpRanges")
	}
	return out, nil
}
