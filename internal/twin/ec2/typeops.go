package ec2

import (
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// DescribeInstanceTypes handles the operation of that name.
func (s *Service) DescribeInstanceTypes(tx *world.Tx, in *ec2.DescribeInstanceTypesInput) (*ec2.DescribeInstanceTypesOutput, error) {
	if err := known("DescribeInstanceTypes", in.Filters, typeFields(typeInfo{}), nil); err != nil {
		return nil, err
	}
	for _, t := range in.InstanceTypes {
		if _, ok := lookType(string(t)); !ok {
			return nil, wire.Errorf("InvalidInstanceType", "The following supplied instance types do not exist: [%s]", t)
		}
	}
	var all []types.InstanceTypeInfo
	for _, t := range allTypes() {
		if len(in.InstanceTypes) > 0 && !slices.Contains(in.InstanceTypes, types.InstanceType(t.Name)) {
			continue
		}
		if match(in.Filters, typeFields(t), nil) {
			all = append(all, types.InstanceTypeInfo{
				InstanceType: types.InstanceType(t.Name), CurrentGeneration: aws.Bool(true), BareMetal: aws.Bool(false),
				BurstablePerformanceSupported: aws.Bool(t.Burst), Hypervisor: t.hypervisor(),
				InstanceStorageSupported: aws.Bool(false), MemoryInfo: &types.MemoryInfo{SizeInMiB: aws.Int64(t.Memory)},
				ProcessorInfo:                &types.ProcessorInfo{SupportedArchitectures: []types.ArchitectureType{types.ArchitectureType(t.Arch)}},
				SupportedRootDeviceTypes:     []types.RootDeviceType{types.RootDeviceTypeEbs},
				SupportedUsageClasses:        []types.UsageClassType{types.UsageClassTypeOnDemand},
				SupportedVirtualizationTypes: []types.VirtualizationType{types.VirtualizationTypeHvm},
				VCpuInfo: &types.VCpuInfo{
					DefaultVCpus: aws.Int32(t.VCPUs), DefaultCores: aws.Int32(t.cores()), DefaultThreadsPerCore: aws.Int32(t.threads()),
				},
			})
		}
	}
	out, next, err := page(tx, in, all, func(i types.InstanceTypeInfo) string { return string(i.InstanceType) }, 5, 100)
	return &ec2.DescribeInstanceTypesOutput{InstanceTypes: out, NextToken: next}, err
}

// DescribeInstanceTypeOfferings handles the operation of that name: every modelled
// type is offered everywhere.
func (s *Service) DescribeInstanceTypeOfferings(tx *world.Tx, in *ec2.DescribeInstanceTypeOfferingsInput) (*ec2.DescribeInstanceTypeOfferingsOutput, error) {
	if err := known("DescribeInstanceTypeOfferings", in.Filters, offeringFields("", ""), nil); err != nil {
		return nil, err
	}
	kind := in.LocationType
	if kind == "" {
		kind = types.LocationTypeRegion
	}
	var locations []string
	for k, sub := range s.place(tx).Subnets {
		switch kind {
		case types.LocationTypeAvailabilityZone:
			locations = append(locations, sub.Zone)
		case types.LocationTypeAvailabilityZoneId:
			locations = append(locations, tx.Region+"-az"+strconv.Itoa(k+1))
		case types.LocationTypeRegion:
			locations = []string{tx.Region}
		default:
			return nil, badValue("Invalid value '%s' for LocationType", kind)
		}
	}
	var all []types.InstanceTypeOffering
	for _, t := range allTypes() {
		for _, l := range locations {
			if match(in.Filters, offeringFields(t.Name, l), nil) {
				all = append(all, types.InstanceTypeOffering{InstanceType: types.InstanceType(t.Name), Location: &l, LocationType: kind})
			}
		}
	}
	out, next, err := page(tx, in, all, func(o types.InstanceTypeOffering) string { return string(o.InstanceType) + "/" + *o.Location }, 5, 1000)
	return &ec2.DescribeInstanceTypeOfferingsOutput{InstanceTypeOfferings: out, NextToken: next}, err
}

func offeringFields(name, location string) fields {
	return fields{"instance-type": {name}, "location": {location}}
}

func typeFields(t typeInfo) fields {
	f := fields{
		"instance-type": {t.Name}, "processor-info.supported-architecture": {t.Arch}, "current-generation": {"true"},
		"vcpu-info.default-vcpus": {itoa(t.VCPUs)}, "vcpu-info.default-cores": {itoa(t.cores())},
		"vcpu-info.default-threads-per-core": {itoa(t.threads())}, "memory-info.size-in-mib": {strconv.FormatInt(t.Memory, 10)},
		"supported-virtualization-type": {"hvm"}, "supported-root-device-type": {"ebs"}, "burstable-performance-supported": {text(t.Burst)},
		"supported-usage-class": {"on-demand"}, "bare-metal": {"false"}, "hypervisor": {string(t.hypervisor())}, "instance-storage-supported": {"false"},
		"free-tier-eligible": {text(t.Name == "t2.micro" || t.Name == "t3.micro")}, "ebs-info.encryption-support": {"supported"},
		"ebs-info.nvme-support": {"required"}, "ebs-info.ebs-optimized-support": {"default"}, "supported-boot-mode": {"legacy-bios", "uefi"},
		"network-info.ena-support": {"required"}, "network-info.efa-supported": {"false"}, "network-info.ipv6-supported": {"true"},
		"auto-recovery-supported": {"true"}, "dedicated-hosts-supported": {"true"}, "hibernation-supported": {"true"},
		"nitro-enclaves-support": {"unsupported"}, "nitro-tpm-support": {"unsupported"}, "reboot-migration-support": {"supported"},
	}
	if t.Arch == "arm64" {
		f["supported-boot-mode"] = []string{"uefi"}
	}
	if !t.nitro() {
		f["ebs-info.nvme-support"], f["network-info.ena-support"] = []string{"unsupported"}, []string{"unsupported"}
		f["ebs-info.ebs-optimized-support"], f["supported-boot-mode"] = []string{"unsupported"}, []string{"legacy-bios"}
	}
	return f
}
