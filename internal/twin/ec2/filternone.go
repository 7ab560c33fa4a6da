package ec2

import "strings"

// valueless are filters that an operation's reference documents ("Filters", API
// Reference) and that no modelled resource has a value for: they are taken, and
// nothing passes them.
func valueless(op string) []string {
	switch op {
	case "DescribeImages":
		return strings.Fields("free-tier-eligible kernel-id product-code product-code.type ramdisk-id sriov-net-support")
	case "DescribeInstanceStatus":
		return strings.Fields(`event.code event.description event.instance-event-id event.not-after event.not-before
			event.not-before-deadline operator.principal`)
	case "DescribeInstances":
		return strings.Fields(`affinity boot-mode capacity-reservation-id
			capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id
			capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn
			current-instance-boot-mode host-id iam-instance-profile.id instance-lifecycle ipv6-address kernel-id
			network-interface.addresses.association.allocation-id network-interface.addresses.association.association-id
			network-interface.addresses.association.carrier-ip network-interface.addresses.association.customer-owned-ip
			network-interface.addresses.association.ip-owner-id network-interface.addresses.association.public-dns-name
			network-interface.addresses.association.public-ip network-interface.association.allocation-id
			network-interface.association.association-id network-interface.association.carrier-ip
			network-interface.association.customer-owned-ip network-interface.association.ip-owner-id
			network-interface.association.public-dns-name network-interface.association.public-ip
			network-interface.attachment.attachment-id network-interface.description
			network-interface.ipv4-prefixes.ipv4-prefix network-interface.ipv6-address
			network-interface.ipv6-addresses.ipv6-address network-interface.ipv6-addresses.is-primary-ipv6
			network-interface.ipv6-prefixes.ipv6-prefix network-interface.mac-address network-interface.operator.principal
			network-interface.outpost-arn network-interface.public-dns-name network-interface.requester-id
			network-interface.tag-key network-interface.tag-value operator.principal outpost-arn
			placement-partition-number private-dns-name-options.enable-resource-name-dns-a-record
			private-dns-name-options.enable-resource-name-dns-aaaa-record private-dns-name-options.hostname-type
			product-code product-code.type ramdisk-id requester-id spot-instance-request-id tpm-support
			usage-operation-update-time`)
	case "DescribeInstanceTypes":
		return strings.Fields(`ebs-info.attachment-limit-type ebs-info.maximum-ebs-attachments
			ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps ebs-info.ebs-optimized-info.baseline-iops
			ebs-info.ebs-optimized-info.baseline-throughput-in-mbps ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps
			ebs-info.ebs-optimized-info.maximum-iops ebs-info.ebs-optimized-info.maximum-throughput-in-mbps
			instance-storage-info.disk.count instance-storage-info.disk.size-in-gb instance-storage-info.disk.type
			instance-storage-info.encryption-support instance-storage-info.nvme-support
			instance-storage-info.total-size-in-gb network-info.bandwidth-weightings
			network-info.efa-info.maximum-efa-interfaces network-info.flexible-ena-queues-support
			network-info.encryption-in-transit-supported network-info.ipv4-addresses-per-interface
			network-info.ipv6-addresses-per-interface network-info.maximum-network-cards
			network-info.maximum-network-interfaces network-info.network-performance nitro-tpm-info.supported-versions
			processor-info.sustained-clock-speed-in-ghz processor-info.supported-features vcpu-info.valid-cores
			vcpu-info.valid-threads-per-core`)
	case "DescribeAvailabilityZones":
		return strings.Fields("message parent-zone-id parent-zone-name")
	case "DescribeSecurityGroups":
		return strings.Fields(`egress.ip-permission.from-port egress.ip-permission.group-id egress.ip-permission.group-name
			egress.ip-permission.ipv6-cidr egress.ip-permission.prefix-list-id egress.ip-permission.to-port
			egress.ip-permission.user-id`)
	case "DescribeSnapshots":
		return strings.Fields("transfer-type")
	case "DescribeSubnets":
		return strings.Fields(`customer-owned-ipv4-pool enable-lni-at-device-index ipv6-cidr-block-association.ipv6-cidr-block
			ipv6-cidr-block-association.association-id ipv6-cidr-block-association.state outpost-arn
			private-dns-name-options-on-launch.hostname-type
			private-dns-name-options-on-launch.enable-resource-name-dns-a-record
			private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record`)
	case "DescribeVolumes":
		return strings.Fields("operator.principal")
	case "DescribeVpcs":
		return strings.Fields(`cidr-block-association.association-id dhcp-options-id ipv6-cidr-block-association.ipv6-cidr-block
			ipv6-cidr-block-association.ipv6-pool ipv6-cidr-block-association.association-id
			ipv6-cidr-block-association.state`)
	}
	return nil
}
