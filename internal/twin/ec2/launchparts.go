package ec2

import (
	"encoding/base64"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// placeInstance finds subnet, zone and security groups: from the first network
// interface if there is one, else from the request, else the defaults.
func (s *Service) placeInstance(tx *world.Tx, i *Instance, spec LaunchSpec, d types.RequestLaunchTemplateData) error {
	p := s.place(tx)
	subnet, zone, ids, names := spec.Subnet, spec.Zone, d.SecurityGroupIds, d.SecurityGroups
	if zone == "" && d.Placement != nil {
		zone = aws.ToString(d.Placement.AvailabilityZone)
	}
	if len(d.NetworkInterfaces) > 1 {
		return unmodelled("RunInstances", "more than one network interface")
	}
	if len(d.NetworkInterfaces) == 1 {
		n := d.NetworkInterfaces[0]
		if len(ids)+len(names) > 0 || subnet != "" && n.SubnetId != nil {
			return badCombination("Network interfaces and an instance-level subnet ID or security groups may not be specified on the same request")
		}
		if id := aws.ToString(n.NetworkInterfaceId); id != "" {
			return missing("InvalidNetworkInterfaceID.NotFound", "networkInterface ID", id) // none is without an instance here
		}
		if n.PrivateIpAddress != nil || len(n.PrivateIpAddresses) > 0 || aws.ToInt32(n.SecondaryPrivateIpAddressCount) > 0 ||
			aws.ToInt32(n.Ipv6AddressCount) > 0 || len(n.Ipv6Addresses) > 0 {
			return unmodelled("RunInstances", "network interfaces with addresses of choice")
		}
		ids = n.Groups
		if n.SubnetId != nil {
			subnet = *n.SubnetId
		}
	}
	i.VPC = p.VPC
	switch {
	case subnet != "":
		if err := checkID(subnet, "subnet-", "InvalidSubnetID.Malformed"); err != nil {
			return err
		}
		sub, ok := p.subnet(subnet)
		if !ok {
			return missing("InvalidSubnetID.NotFound", "subnet ID", subnet)
		}
		if zone != "" && zone != sub.Zone {
			return badValue("The availability zone %s does not match the subnet %s in %s", zone, subnet, sub.Zone)
		}
		i.Subnet, i.Zone = sub.ID, sub.Zone
	case zone != "":
		sub, _, ok := p.zone(zone)
		if !ok {
			return badValue("Invalid availability zone: [%s]", zone)
		}
		i.Subnet, i.Zone = sub.ID, sub.Zone
	default:
		i.Subnet, i.Zone = p.Subnets[0].ID, p.Subnets[0].Zone
	}
	return s.chooseGroups(tx, i, p, ids, names)
}

func (s *Service) chooseGroups(tx *world.Tx, i *Instance, p Place, ids, names []string) error {
	for _, id := range ids {
		if err := checkID(id, "sg-", "InvalidGroupId.Malformed"); err != nil {
			return err
		}
		if _, ok := groups(tx).Get(id); !ok {
			return noGroup(id)
		}
		i.Groups = append(i.Groups, id)
	}
	for _, name := range names {
		found := ""
		for id, g := range groups(tx).All() {
			if g.Name == name {
				found = id
			}
		}
		if found == "" {
			return noGroup(name)
		}
		i.Groups = append(i.Groups, found)
	}
	if len(i.Groups) == 0 {
		i.Groups = []string{p.Group}
	}
	slices.Sort(i.Groups)
	i.Groups = slices.Compact(i.Groups)
	return nil
}

// maxUserData is in bytes before encoding ("Instance user data", EC2 User Guide).
const maxUserData = 16384

// configure takes over key pair, user data, profile, metadata options and the rest.
func configure(tx *world.Tx, i *Instance, d types.RequestLaunchTemplateData, img Image) error {
	if name := aws.ToString(d.KeyName); name != "" {
		k, ok := keyByName(tx, name)
		if !ok {
			return noKeyPair(name)
		}
		i.Key, i.PublicKey = name, k.PublicKey
	}
	i.UserData = aws.ToString(d.UserData)
	raw, err := base64.StdEncoding.DecodeString(i.UserData)
	if err != nil {
		return badValue("Invalid BASE64 encoding of user data.")
	}
	if len(raw) > maxUserData {
		return badValue("User data is limited to %d bytes", maxUserData)
	}
	if i.Profile, err = profileARN(tx.Account, d.IamInstanceProfile); err != nil {
		return err
	}
	i.Shutdown = string(d.InstanceInitiatedShutdownBehavior)
	if i.Shutdown == "" {
		i.Shutdown = string(types.ShutdownBehaviorStop)
	}
	i.Protected, i.Optimized = aws.ToBool(d.DisableApiTermination), aws.ToBool(d.EbsOptimized)
	i.Monitored = d.Monitoring != nil && aws.ToBool(d.Monitoring.Enabled)
	if p := d.Placement; p != nil { // nothing here depends on them
		i.Tenancy, i.PlacementGroup = string(p.Tenancy), aws.ToString(p.GroupName)
	}
	if d.InstanceMarketOptions != nil {
		return unmodelled("RunInstances", "InstanceMarketOptions")
	}
	if d.InstanceRequirements != nil {
		return wire.Errorf("UnsupportedOperation", "the twin does not choose instance types by InstanceRequirements")
	}
	return options(i, d.MetadataOptions, img)
}

// options are the IMDS options; an image registered with imds-support v2.0 makes
// tokens required by default ("Configure the AMI", EC2 User Guide, IMDS).
func options(i *Instance, o *types.LaunchTemplateInstanceMetadataOptionsRequest, img Image) error {
	i.Metadata = Metadata{Tokens: "optional", Endpoint: "enabled", Hops: 1}
	if img.IMDS == "v2.0" {
		i.Metadata.Tokens, i.Metadata.Hops = "required", 2
	}
	if o == nil {
		return nil
	}
	if o.HttpTokens != "" {
		i.Metadata.Tokens = string(o.HttpTokens)
	}
	if o.HttpEndpoint != "" {
		i.Metadata.Endpoint = string(o.HttpEndpoint)
	}
	if o.HttpPutResponseHopLimit != nil {
		i.Metadata.Hops = *o.HttpPutResponseHopLimit
	}
	if i.Metadata.Hops < 1 || i.Metadata.Hops > 64 {
		return badValue("Value (%d) for parameter HttpPutResponseHopLimit is invalid. Expecting a value between 1 and 64", i.Metadata.Hops)
	}
	i.Metadata.Tags = string(o.InstanceMetadataTags)
	return nil
}
