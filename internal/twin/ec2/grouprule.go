package ec2

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// maxRules is how many inbound rules a group may have ("Amazon VPC quotas", VPC User
// Guide): for IPv4 and for IPv6 each.
const maxRules = 60

// readRules are the rules of one permission: one for each source ("IpPermission", API
// Reference).
func readRules(tx *world.Tx, p types.IpPermission) ([]Rule, error) {
	base, err := readPorts(p)
	if err != nil {
		return nil, err
	}
	var out []Rule
	add := func(r Rule, description *string) error {
		r.ID, r.Description = tx.ID("sgr-"), aws.ToString(description)
		out = append(out, r)
		return checkRuleText(r.Description)
	}
	for _, r := range p.IpRanges {
		rule := base
		if rule.CIDR, err = canonical(aws.ToString(r.CidrIp), true); err != nil {
			return nil, err
		}
		if err := add(rule, r.Description); err != nil {
			return nil, err
		}
	}
	for _, r := range p.Ipv6Ranges {
		rule := base
		if rule.CIDR6, err = canonical(aws.ToString(r.CidrIpv6), false); err != nil {
			return nil, err
		}
		if err := add(rule, r.Description); err != nil {
			return nil, err
		}
	}
	if len(p.PrefixListIds) > 0 {
		return nil, noPrefixList(aws.ToString(p.PrefixListIds[0].PrefixListId))
	}
	for _, pair := range p.UserIdGroupPairs {
		rule := base
		if rule.Group, err = pairGroup(tx, pair); err != nil {
			return nil, err
		}
		if err := add(rule, pair.Description); err != nil {
			return nil, err
		}
	}
	if len(out) == 0 {
		return nil, missingParameter("IpRanges")
	}
	return out, nil
}

// noPrefixList: there are none here.
func noPrefixList(id string) error {
	if err := checkID(id, "pl-", "InvalidPrefixListId.Malformed"); err != nil {
		return err
	}
	return missing("InvalidPrefixListID.NotFound", "prefix list ID", id)
}

// pairGroup is the source group: by id, or in the default VPC by name. Groups of other
// accounts need peered networks, which are not here.
func pairGroup(tx *world.Tx, pair types.UserIdGroupPair) (string, error) {
	id, name := aws.ToString(pair.GroupId), aws.ToString(pair.GroupName)
	if who := aws.ToString(pair.UserId); who != "" && who != tx.Account {
		return "", noGroup(id + name)
	}
	if id != "" {
		if _, ok := groups(tx).Get(id); !ok {
			return "", noGroup(id)
		}
		return id, nil
	}
	for id, g := range groups(tx).All() {
		if g.Name == name {
			return id, nil
		}
	}
	return "", noGroup(name)
}

// readPorts are protocol and ports. Protocols other than the four allow all ports,
// whatever range is given.
func readPorts(p types.IpPermission) (Rule, error) {
	r := Rule{Protocol: protocolName(aws.ToString(p.IpProtocol)), From: -1, To: -1}
	switch r.Protocol {
	case "tcp", "udp":
		if p.FromPort == nil || p.ToPort == nil {
			return r, badValue("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
		}
		r.From, r.To = *p.FromPort, *p.ToPort
		if r.From == -1 && r.To == -1 {
			r.From, r.To = 0, 65535
		}
		if r.From > r.To || r.From < 0 || r.To > 65535 {
			return r, badValue("Invalid TCP/UDP port range (%d:%d)", *p.FromPort, *p.ToPort)
		}
	case "icmp", "icmpv6":
		if r.Protocol == "icmp" && (p.FromPort == nil || p.ToPort == nil) {
			return r, badValue("Invalid value 'Must specify both type and code with ICMP.' for portRange.")
		}
		if p.FromPort != nil && p.ToPort != nil {
			r.From, r.To = *p.FromPort, *p.ToPort
		}
		// "If the start port is -1 (all ICMP types), then the end port must be -1"
		if r.From < -1 || r.From > 255 || r.To < -1 || r.To > 255 || r.From == -1 && r.To != -1 {
			return r, badValue("ICMP type (%d) and code (%d) are not valid", r.From, r.To)
		}
	case "-1":
	default:
		if n, err := strconv.Atoi(r.Protocol); err != nil || n < 0 || n > 255 {
			return r, badValue("Invalid value '%s' for IP protocol. Unknown protocol.", aws.ToString(p.IpProtocol))
		}
	}
	return r, nil
}

// protocolName is the name that the four protocols are shown by, though given by number.
func protocolName(p string) string {
	switch p = strings.ToLower(p); p {
	case "6":
		return "tcp"
	case "17":
		return "udp"
	case "1":
		return "icmp"
	case "58":
		return "icmpv6"
	}
	return p
}

// canonical is a range as AWS keeps and compares it: without bits behind the prefix
// ("CidrIp", API Reference).
func canonical(cidr string, four bool) (string, error) {
	n, err := netip.ParsePrefix(cidr)
	if err != nil || n.Addr().Is4() != four {
		return "", badValue("CIDR block %s is malformed", cidr)
	}
	return n.Masked().String(), nil
}

// checkRuleText: up to 255 characters of a small set ("IpRange", API Reference).
func checkRuleText(s string) error {
	if !groupText(s) {
		return badValue("Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*")
	}
	return nil
}

// groupText is what names and descriptions of groups and rules in a VPC may be
// ("GroupName" and "Description", CreateSecurityGroup).
func groupText(s string) bool {
	return len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune(" ._-:/()#,@[]+=&;{}!$*", r)
	})
}

// addRules puts rules into a group: none that is there already, and not too many.
func addRules(have, add []Rule) ([]Rule, error) {
	for _, r := range add {
		four, six := 0, 0
		for _, h := range have {
			if h.Protocol == r.Protocol && h.From == r.From && h.To == r.To && h.source() == r.source() {
				return nil, wire.Errorf("InvalidPermission.Duplicate",
					"the specified rule \"peer: %s, %s, from port: %d, to port: %d, ALLOW\" already exists", r.source(), r.Protocol, r.From, r.To)
			}
			if h.CIDR6 == "" {
				four++
			}
			if h.CIDR == "" { // another group counts for both
				six++
			}
		}
		if r.CIDR6 == "" && four >= maxRules || r.CIDR == "" && six >= maxRules {
			return nil, wire.Errorf("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
		}
		have = append(have, r)
	}
	return have, nil
}

// source is where a rule lets traffic come from.
func (r Rule) source() string { return r.CIDR + r.CIDR6 + r.Group }

// sdkRule is one rule as the answer of its making shows it.
func sdkRule(tx *world.Tx, group string, r Rule) types.SecurityGroupRule {
	out := types.SecurityGroupRule{
		SecurityGroupRuleId: &r.ID, GroupId: &group, GroupOwnerId: &tx.Account, IsEgress: aws.Bool(false), IpProtocol: &r.Protocol,
		FromPort: &r.From, ToPort: &r.To, CidrIpv4: some(r.CIDR), CidrIpv6: some(r.CIDR6), Description: some(r.Description), Tags: sdkTags(r.Tags),
	}
	if r.Group != "" {
		out.ReferencedGroupInfo = &types.ReferencedSecurityGroup{GroupId: &r.Group, UserId: &tx.Account}
	}
	return out
}

// sdkPermissions are rules as DescribeSecurityGroups shows them: those of the same
// protocol and ports together.
func sdkPermissions(tx *world.Tx, rules []Rule) []types.IpPermission {
	var out []types.IpPermission
	at := map[string]int{}
	for _, r := range rules {
		key := r.Protocol + "/" + itoa(r.From) + "/" + itoa(r.To)
		k, ok := at[key]
		if !ok {
			k = len(out)
			at[key] = k
			p := types.IpPermission{IpProtocol: aws.String(r.Protocol)}
			if strings.Trim(r.Protocol, "-0123456789") != "" { // numbers have no ports
				p.FromPort, p.ToPort = aws.Int32(r.From), aws.Int32(r.To)
			}
			out = append(out, p)
		}
		switch p := &out[k]; {
		case r.CIDR != "":
			p.IpRanges = append(p.IpRanges, types.IpRange{CidrIp: aws.String(r.CIDR), Description: some(r.Description)})
		case r.CIDR6 != "":
			p.Ipv6Ranges = append(p.Ipv6Ranges, types.Ipv6Range{CidrIpv6: aws.String(r.CIDR6), Description: some(r.Description)})
		default:
			p.UserIdGroupPairs = append(p.UserIdGroupPairs, types.UserIdGroupPair{GroupId: aws.String(r.Group), UserId: &tx.Account, Description: some(r.Description)})
		}
	}
	return out
}
