package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// instanceReaders are the filters of DescribeInstances, each with what reads an
// instance's values for it. There are ninety of them and a request asks for two or
// three, of up to thousands of instances: only those are read.
type instanceReaders map[string]func(Instance) []string

// names are all filters, without values.
func (r instanceReaders) names() fields {
	f := make(fields, len(r))
	for name := range r {
		f[name] = nil
	}
	return f
}

// fields are an instance's values for the filters that were asked for.
func (r instanceReaders) fields(i Instance, asked []types.Filter) fields {
	f := make(fields, len(asked))
	for _, filter := range asked {
		name := aws.ToString(filter.Name)
		if read, ok := r[name]; ok {
			f[name] = read(i)
		}
	}
	return f
}

// always reads the same of every instance.
func always(value string) func(Instance) []string {
	return func(Instance) []string { return []string{value} }
}

func instanceFilters(tx *world.Tx) instanceReaders {
	r := instanceReaders{
		"architecture":         func(i Instance) []string { return []string{i.Architecture} },
		"availability-zone":    func(i Instance) []string { return []string{i.Zone} },
		"availability-zone-id": func(i Instance) []string { return []string{zoneID(tx, i.Zone)} },
		"client-token":         func(i Instance) []string { return one(i.ClientToken) },
		"dns-name":             func(i Instance) []string { return one(i.Address) },
		"ebs-optimized":        func(i Instance) []string { return []string{text(i.Optimized)} },
		"group-id":             func(i Instance) []string { return i.Groups },
		"group-name":           func(i Instance) []string { return groupNames(tx, i) },
		"image-id":             func(i Instance) []string { return []string{i.Image} },
		"instance-id":          func(i Instance) []string { return []string{i.ID} },
		"instance-state-code":  func(i Instance) []string { return []string{itoa(stateCode(i.State))} },
		"instance-state-name":  func(i Instance) []string { return []string{i.State} },
		"instance-type":        func(i Instance) []string { return []string{i.Type} },
		"instance.group-id":    func(i Instance) []string { return i.Groups },
		"instance.group-name":  func(i Instance) []string { return groupNames(tx, i) },
		"ip-address":           func(i Instance) []string { return one(i.Address) },
		"key-name":             func(i Instance) []string { return one(i.Key) },
		"launch-index":         func(i Instance) []string { return []string{itoa(i.Index)} },
		"launch-time":          func(i Instance) []string { return []string{stamp(i.Launched)} },
		"monitoring-state":     func(i Instance) []string { return []string{i.monitoring()} },
		"owner-id":             always(tx.Account),
		"placement-group-name": func(i Instance) []string { return one(i.PlacementGroup) },
		"platform":             func(i Instance) []string { return one(i.Platform) },
		"platform-details":     func(i Instance) []string { return []string{platformDetails(i.Platform)} },
		"private-dns-name":     func(i Instance) []string { return one(i.Address) },
		"private-ip-address":   func(i Instance) []string { return one(i.Address) },
		"reason":               func(i Instance) []string { return one(i.TransitionReason) },
		"reservation-id":       func(i Instance) []string { return []string{i.Reservation} },
		"root-device-name":     func(i Instance) []string { return []string{i.RootDevice} },
		"state-reason-code":    func(i Instance) []string { return one(i.Reason.Code) },
		"state-reason-message": func(i Instance) []string { return one(i.Reason.Message) },
		"subnet-id":            func(i Instance) []string { return one(i.Subnet) },
		"tenancy":              func(i Instance) []string { return []string{i.tenancy()} },
		"usage-operation":      func(i Instance) []string { return []string{usageOperation(i.Platform)} },
		"vpc-id":               func(i Instance) []string { return one(i.VPC) },

		"iam-instance-profile.arn": func(i Instance) []string { return one(i.Profile) },

		"block-device-mapping.attach-time":           ofVolumes(tx, func(v Volume) string { return stamp(v.Created) }),
		"block-device-mapping.delete-on-termination": ofVolumes(tx, func(v Volume) string { return text(!v.Keep) }),
		"block-device-mapping.device-name":           ofVolumes(tx, func(v Volume) string { return v.Device }),
		"block-device-mapping.status":                ofVolumes(tx, func(Volume) string { return "attached" }),
		"block-device-mapping.volume-id":             func(i Instance) []string { return i.Volumes },

		"metadata-options.http-endpoint":               func(i Instance) []string { return one(i.Metadata.Endpoint) },
		"metadata-options.http-put-response-hop-limit": func(i Instance) []string { return []string{itoa(i.Metadata.Hops)} },
		"metadata-options.http-tokens":                 func(i Instance) []string { return []string{i.Metadata.Tokens} },
		"metadata-options.instance-metadata-tags":      func(i Instance) []string { return one(i.Metadata.Tags) },

		"capacity-reservation-specification.capacity-reservation-preference": always("open"),

		"ena-support": always("true"), "enclave-options.enabled": always("false"), "hibernation-options.configured": always("false"),
		"hypervisor": always("xen"), "maintenance-options.auto-recovery": always("default"), "metadata-options.http-protocol-ipv4": always("enabled"),
		"metadata-options.http-protocol-ipv6": always("disabled"), "metadata-options.state": always("applied"),
		"network-performance-options.bandwidth-weighting": always("default"), "operator.managed": always("false"), "root-device-type": always("ebs"),
		"source-dest-check": always("true"), "virtualization-type": always("hvm"),
	}
	for name, read := range interfaceFilters(tx) {
		r["network-interface."+name] = read
	}
	return r
}

// interfaceFilters are those of the one network interface, which lasts as long as the
// instance has an address.
func interfaceFilters(tx *world.Tx) instanceReaders {
	up := func(read func(Instance) string) func(Instance) []string {
		return func(i Instance) []string {
			if i.Interface == "" {
				return nil
			}
			return []string{read(i)}
		}
	}
	is := func(value string) func(Instance) []string { return up(func(Instance) string { return value }) }
	return instanceReaders{
		"addresses.primary": is("true"), "addresses.private-dns-name": func(i Instance) []string { return one(i.Address) },
		"addresses.private-ip-address": func(i Instance) []string { return one(i.Address) },
		"attachment.attach-time":       up(func(i Instance) string { return stamp(i.Launched) }), "attachment.delete-on-termination": is("true"),
		"attachment.device-index": is("0"), "attachment.instance-id": up(func(i Instance) string { return i.ID }),
		"attachment.instance-owner-id": is(tx.Account), "attachment.network-card-index": is("0"), "attachment.status": is("attached"),
		"availability-zone": up(func(i Instance) string { return i.Zone }), "deny-all-igw-traffic": is("false"),
		"group-id": func(i Instance) []string { return i.Groups }, "group-name": func(i Instance) []string { return groupNames(tx, i) },
		"ipv6-native": is("false"), "network-interface-id": up(func(i Instance) string { return i.Interface }), "operator.managed": is("false"),
		"owner-id": is(tx.Account), "private-dns-name": func(i Instance) []string { return one(i.Address) },
		"private-ip-address": func(i Instance) []string { return one(i.Address) }, "requester-managed": is("false"), "source-dest-check": is("true"),
		"status": is("in-use"), "subnet-id": func(i Instance) []string { return one(i.Subnet) }, "vpc-id": func(i Instance) []string { return one(i.VPC) },
	}
}

func ofVolumes(tx *world.Tx, read func(Volume) string) func(Instance) []string {
	return func(i Instance) (have []string) {
		for _, id := range i.Volumes {
			if v, ok := volumes(tx).Get(id); ok {
				have = append(have, read(v))
			}
		}
		return have
	}
}

func groupNames(tx *world.Tx, i Instance) (have []string) {
	for _, id := range i.Groups {
		if g, ok := groups(tx).Get(id); ok {
			have = append(have, g.Name)
		}
	}
	return have
}
