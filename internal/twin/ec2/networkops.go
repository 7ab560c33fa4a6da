package ec2

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// regions are those that an account has without opting in ("Regions", EC2 User Guide).
func regions() []string {
	return []string{
		"ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
		"eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
	}
}

// DescribeRegions handles the operation of that name.
func (s *Service) DescribeRegions(tx *world.Tx, in *ec2.DescribeRegionsInput) (*ec2.DescribeRegionsOutput, error) {
	if err := known("DescribeRegions", in.Filters, regionFields("", ""), nil); err != nil {
		return nil, err
	}
	out := &ec2.DescribeRegionsOutput{}
	for _, name := range in.RegionNames {
		if !slices.Contains(regions(), name) {
			return nil, badValue("Invalid region provided: %s", name)
		}
	}
	for _, name := range regions() {
		if len(in.RegionNames) > 0 && !slices.Contains(in.RegionNames, name) {
			continue
		}
		endpoint := "ec2." + name + ".amazonaws.com"
		if match(in.Filters, regionFields(name, endpoint), nil) {
			out.Regions = append(out.Regions, types.Region{RegionName: &name, Endpoint: &endpoint, OptInStatus: aws.String("opt-in-not-required")})
		}
	}
	return out, nil
}

// DescribeAvailabilityZones handles the operation of that name.
func (s *Service) DescribeAvailabilityZones(tx *world.Tx, in *ec2.DescribeAvailabilityZonesInput) (*ec2.DescribeAvailabilityZonesOutput, error) {
	if err := known("DescribeAvailabilityZones", in.Filters, zoneFields(tx, "", ""), nil); err != nil {
		return nil, err
	}
	out := &ec2.DescribeAvailabilityZonesOutput{}
	for _, id := range in.ZoneIds {
		if !slices.ContainsFunc(s.place(tx).Subnets, func(n Subnet) bool { return zoneID(tx, n.Zone) == id }) {
			return nil, badValue("Invalid availability zone-id: [%s]", id)
		}
	}
	for _, name := range in.ZoneNames {
		if _, _, ok := s.place(tx).zone(name); !ok {
			return nil, badValue("Invalid availability zone: [%s]", name)
		}
	}
	for _, sub := range s.place(tx).Subnets {
		id := zoneID(tx, sub.Zone)
		if len(in.ZoneNames) > 0 && !slices.Contains(in.ZoneNames, sub.Zone) || len(in.ZoneIds) > 0 && !slices.Contains(in.ZoneIds, id) {
			continue
		}
		if match(in.Filters, zoneFields(tx, sub.Zone, id), nil) {
			out.AvailabilityZones = append(out.AvailabilityZones, types.AvailabilityZone{
				ZoneName: &sub.Zone, ZoneId: &id, RegionName: &tx.Region, GroupName: &tx.Region, State: types.AvailabilityZoneStateAvailable,
				ZoneType: aws.String("availability-zone"), OptInStatus: types.AvailabilityZoneOptInStatusOptInNotRequired,
			})
		}
	}
	return out, nil
}

// DescribeVpcs handles the operation of that name: there is the default VPC.
func (s *Service) DescribeVpcs(tx *world.Tx, in *ec2.DescribeVpcsInput) (*ec2.DescribeVpcsOutput, error) {
	p := s.place(tx)
	f, none := fields{
		"vpc-id": {p.VPC}, "cidr": {p.CIDR}, "is-default": {"true"}, "isDefault": {"true"}, "state": {"available"}, "owner-id": {tx.Account},
		"cidr-block-association.cidr-block": {p.CIDR}, "cidr-block-association.state": {"associated"},
	}, map[string]string{}
	if err := known("DescribeVpcs", in.Filters, f, none); err != nil {
		return nil, err
	}
	for _, id := range in.VpcIds {
		if err := checkID(id, "vpc-", "InvalidVpcID.Malformed"); err != nil {
			return nil, err
		}
		if id != p.VPC {
			return nil, missing("InvalidVpcID.NotFound", "vpc ID", id)
		}
	}
	var all []types.Vpc
	if match(in.Filters, f, orNone(p.Tags)) {
		all = []types.Vpc{{
			VpcId: &p.VPC, CidrBlock: &p.CIDR, IsDefault: aws.Bool(true), State: types.VpcStateAvailable, OwnerId: &tx.Account,
			InstanceTenancy: types.TenancyDefault, Tags: sdkTags(p.Tags),
		}}
	}
	out, next, err := page(tx, in, all, func(v types.Vpc) string { return *v.VpcId }, 5, 1000)
	return &ec2.DescribeVpcsOutput{Vpcs: out, NextToken: next}, err
}

// DescribeSubnets handles the operation of that name: a default subnet a zone.
func (s *Service) DescribeSubnets(tx *world.Tx, in *ec2.DescribeSubnetsInput) (*ec2.DescribeSubnetsOutput, error) {
	if err := known("DescribeSubnets", in.Filters, subnetFields(tx, Place{}, Subnet{}), map[string]string{}); err != nil {
		return nil, err
	}
	p := s.place(tx)
	for _, id := range in.SubnetIds {
		if err := checkID(id, "subnet-", "InvalidSubnetID.Malformed"); err != nil {
			return nil, err
		}
		if _, ok := p.subnet(id); !ok {
			return nil, missing("InvalidSubnetID.NotFound", "subnet ID", id)
		}
	}
	var all []types.Subnet
	for _, sub := range p.Subnets {
		if len(in.SubnetIds) > 0 && !slices.Contains(in.SubnetIds, sub.ID) {
			continue
		}
		if match(in.Filters, subnetFields(tx, p, sub), orNone(sub.Tags)) {
			all = append(all, types.Subnet{
				SubnetId: &sub.ID, VpcId: &p.VPC, AvailabilityZone: &sub.Zone, AvailabilityZoneId: aws.String(zoneID(tx, sub.Zone)),
				CidrBlock: &sub.CIDR, State: types.SubnetStateAvailable, DefaultForAz: aws.Bool(true), MapPublicIpOnLaunch: aws.Bool(true),
				OwnerId: &tx.Account, AvailableIpAddressCount: aws.Int32(freeAddresses(tx)),
				SubnetArn: aws.String(subnetARN(tx, sub.ID)), Tags: sdkTags(sub.Tags),
			})
		}
	}
	out, next, err := page(tx, in, all, func(n types.Subnet) string { return *n.SubnetId }, 5, 1000)
	return &ec2.DescribeSubnetsOutput{Subnets: out, NextToken: next}, err
}

// regionShape says whether a name could be a Region's, also one that wants opting in.
func regionShape(name string) bool {
	parts := strings.Split(name, "-")
	return len(parts) >= 3 && len(parts[0]) == 2 && strings.Trim(parts[len(parts)-1], "0123456789") == "" && parts[len(parts)-1] != ""
}

// zoneID is a zone's id: here the same in every account.
func zoneID(tx *world.Tx, zone string) string {
	if letter, ok := strings.CutPrefix(zone, tx.Region); ok && len(letter) == 1 {
		return fmt.Sprintf("%s-az%d", tx.Region, letter[0]-'a'+1)
	}
	return ""
}

func regionFields(name, endpoint string) fields {
	return fields{"region-name": {name}, "endpoint": {endpoint}, "opt-in-status": {"opt-in-not-required"}}
}

func zoneFields(tx *world.Tx, name, id string) fields {
	return fields{
		"zone-name": {name}, "zone-id": {id}, "region-name": {tx.Region}, "state": {"available"},
		"zone-type": {"availability-zone"}, "opt-in-status": {"opt-in-not-required"}, "group-name": {tx.Region},
		"group-long-name": {tx.Region},
	}
}

func freeAddresses(tx *world.Tx) int32 { return 64*250 - int32(instances(tx).Len()) }

func subnetARN(tx *world.Tx, id string) string {
	return fmt.Sprintf("arn:aws:ec2:%s:%s:subnet/%s", tx.Region, tx.Account, id)
}

func subnetFields(tx *world.Tx, p Place, sub Subnet) fields {
	return fields{
		"subnet-id": {sub.ID}, "vpc-id": {p.VPC}, "state": {"available"}, "availability-zone": {sub.Zone}, "availabilityZone": {sub.Zone},
		"cidr": {sub.CIDR}, "cidr-block": {sub.CIDR}, "default-for-az": {"true"}, "defaultForAz": {"true"}, "owner-id": {tx.Account},
		"map-public-ip-on-launch": {"true"}, "availability-zone-id": {zoneID(tx, sub.Zone)}, "subnet-arn": {subnetARN(tx, sub.ID)},
		"available-ip-address-count": {itoa(freeAddresses(tx))}, "enable-dns64": {"false"}, "ipv6-native": {"false"},
		"map-customer-owned-ip-on-launch": {"false"},
	}
}
