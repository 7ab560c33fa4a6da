package ec2

import "github.com/goldenami/rehydrate/internal/twin/world"

// instanceFields are the filters of DescribeInstances.
func instanceFields(tx *world.Tx, i Instance) fields {
	state, zone := i.State, i.Zone
	f := fields{
		"instance-id": {i.ID}, "image-id": {i.Image}, "instance-type": {i.Type}, "instance-state-name": {state},
		"instance-state-code": {itoa(stateCode(state))}, "architecture": {i.Architecture}, "reservation-id": {i.Reservation},
		"owner-id": {tx.Account}, "availability-zone": {zone}, "availability-zone-id": {zoneID(tx, zone)}, "subnet-id": one(i.Subnet), "vpc-id": one(i.VPC), "key-name": one(i.Key),
		"private-ip-address": one(i.Address), "ip-address": one(i.Address), "dns-name": one(i.Address), "private-dns-name": one(i.Address),
		"client-token": one(i.ClientToken), "instance.group-id": i.Groups, "group-id": i.Groups, "root-device-name": {i.RootDevice},
		"launch-index": {itoa(i.Index)}, "hypervisor": {"xen"}, "ena-support": {"true"}, "ebs-optimized": {text(i.Optimized)}, "source-dest-check": {"true"},
		"monitoring-state": {i.monitoring()}, "tenancy": {i.tenancy()}, "placement-group-name": one(i.PlacementGroup), "platform-details": {platformDetails(i.Platform)},
		"usage-operation": {usageOperation(i.Platform)}, "operator.managed": {"false"}, "enclave-options.enabled": {"false"},
		"hibernation-options.configured": {"false"}, "maintenance-options.auto-recovery": {"default"},
		"capacity-reservation-specification.capacity-reservation-preference": {"open"},
		"network-performance-options.bandwidth-weighting":                    {"default"},
		"reason": one(i.TransitionReason), "state-reason-code": one(i.Reason.Code), "state-reason-message": one(i.Reason.Message),
		"metadata-options.http-endpoint": one(i.Metadata.Endpoint), "metadata-options.http-put-response-hop-limit": {itoa(i.Metadata.Hops)},
		"metadata-options.instance-metadata-tags": one(i.Metadata.Tags), "metadata-options.state": {"applied"},
		"metadata-options.http-protocol-ipv4": {"enabled"}, "metadata-options.http-protocol-ipv6": {"disabled"},
		"root-device-type": {"ebs"}, "virtualization-type": {"hvm"}, "iam-instance-profile.arn": one(i.Profile),
		"launch-time": {stamp(i.Launched)}, "metadata-options.http-tokens": {i.Metadata.Tokens}, "platform": one(i.Platform),
		"block-device-mapping.volume-id": i.Volumes, "block-device-mapping.attach-time": nil, "block-device-mapping.delete-on-termination": nil,
		"block-device-mapping.device-name": nil, "block-device-mapping.status": nil, "instance.group-name": nil, "group-name": nil,
	}
	for _, id := range i.Volumes {
		if v, ok := volumes(tx).Get(id); ok {
			for name, have := range map[string]string{"attach-time": stamp(v.Created), "delete-on-termination": text(!v.Keep), "device-name": v.Device, "status": "attached"} {
				f["block-device-mapping."+name] = append(f["block-device-mapping."+name], have)
			}
		}
	}
	for _, id := range i.Groups {
		if g, ok := groups(tx).Get(id); ok {
			f["instance.group-name"] = append(f["instance.group-name"], g.Name)
		}
	}
	f["group-name"] = f["instance.group-name"]
	interfaceFields(tx, i, f)
	return f
}

// interfaceFields are those of the one network interface, which lasts as long as the
// instance has an address.
func interfaceFields(tx *world.Tx, i Instance, f fields) {
	up := func(have ...string) []string {
		if i.Interface == "" {
			return nil
		}
		return have
	}
	more := fields{
		"network-interface-id": up(i.Interface), "subnet-id": one(i.Subnet), "vpc-id": one(i.VPC), "availability-zone": up(i.Zone), "owner-id": up(tx.Account),
		"status": up("in-use"), "private-ip-address": one(i.Address), "private-dns-name": one(i.Address), "group-id": i.Groups,
		"group-name": f["instance.group-name"], "addresses.private-ip-address": one(i.Address), "addresses.private-dns-name": one(i.Address),
		"addresses.primary": up("true"), "attachment.attach-time": up(stamp(i.Launched)), "attachment.delete-on-termination": up("true"),
		"attachment.device-index": up("0"), "attachment.instance-id": up(i.ID), "attachment.instance-owner-id": up(tx.Account),
		"attachment.network-card-index": up("0"), "attachment.status": up("attached"), "source-dest-check": up("true"), "requester-managed": up("false"),
		"deny-all-igw-traffic": up("false"), "ipv6-native": up("false"), "operator.managed": up("false"),
	}
	for name, have := range more {
		f["network-interface."+name] = have
	}
}
