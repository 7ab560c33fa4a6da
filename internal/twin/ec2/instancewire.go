package ec2

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// platformDetails and usageOperation are what is billed ("AMI billing information
// fields", EC2 User Guide): plain Linux and Windows are known.
func platformDetails(platform string) string {
	if platform == "windows" {
		return "Windows"
	}
	return "Linux/UNIX"
}

func usageOperation(platform string) string {
	if platform == "windows" {
		return "RunInstances:0002"
	}
	return "RunInstances"
}

func (i Instance) monitoring() string {
	if i.Monitored {
		return "enabled"
	}
	return "disabled"
}

func (i Instance) tenancy() string {
	if i.Tenancy == "" {
		return "default"
	}
	return i.Tenancy
}

func itoa(n int32) string { return strconv.Itoa(int(n)) }

// sdkInstance is the wire form. Addresses and names are all the machine's loopback
// address, so that whatever an SSH client asks for leads to it.
func (s *Service) sdkInstance(tx *world.Tx, i Instance) types.Instance {
	out := types.Instance{
		InstanceId: &i.ID, ImageId: &i.Image, InstanceType: types.InstanceType(i.Type), State: sdkState(i.State),
		Architecture: types.ArchitectureValues(i.Architecture), AmiLaunchIndex: &i.Index, LaunchTime: &i.Launched,
		Placement:      &types.Placement{AvailabilityZone: &i.Zone, Tenancy: types.Tenancy(i.tenancy()), GroupName: some(i.PlacementGroup)},
		RootDeviceName: &i.RootDevice, RootDeviceType: types.DeviceTypeEbs, VirtualizationType: types.VirtualizationTypeHvm,
		Hypervisor: types.HypervisorTypeXen, EnaSupport: aws.Bool(true), EbsOptimized: &i.Optimized, SourceDestCheck: aws.Bool(true),
		Monitoring: &types.Monitoring{State: types.MonitoringState(i.monitoring())}, Platform: types.PlatformValues(i.Platform),
		ClientToken: some(i.ClientToken), KeyName: some(i.Key), SubnetId: some(i.Subnet), VpcId: some(i.VPC),
		PrivateIpAddress: some(i.Address), PublicIpAddress: some(i.Address), PrivateDnsName: some(i.Address), PublicDnsName: some(i.Address),
		PlatformDetails: aws.String(platformDetails(i.Platform)), UsageOperation: aws.String(usageOperation(i.Platform)),
		StateTransitionReason: aws.String(i.TransitionReason), Tags: sdkTags(i.Tags),
		MetadataOptions: &types.InstanceMetadataOptionsResponse{
			State: types.InstanceMetadataOptionsStateApplied, HttpTokens: types.HttpTokensState(i.Metadata.Tokens),
			HttpEndpoint:            types.InstanceMetadataEndpointState(i.Metadata.Endpoint),
			HttpPutResponseHopLimit: &i.Metadata.Hops, InstanceMetadataTags: types.InstanceMetadataTagsState(i.Metadata.Tags),
		},
	}
	if i.Reason.Code != "" {
		out.StateReason = &types.StateReason{Code: &i.Reason.Code, Message: &i.Reason.Message}
	}
	if i.Profile != "" {
		out.IamInstanceProfile = &types.IamInstanceProfile{Arn: &i.Profile}
	}
	for _, id := range i.Groups {
		g, _ := groups(tx).Get(id)
		out.SecurityGroups = append(out.SecurityGroups, types.GroupIdentifier{GroupId: aws.String(id), GroupName: aws.String(g.Name)})
	}
	for _, id := range i.Volumes {
		v, ok := volumes(tx).Get(id)
		if !ok {
			continue
		}
		out.BlockDeviceMappings = append(out.BlockDeviceMappings, types.InstanceBlockDeviceMapping{
			DeviceName: &v.Device,
			Ebs: &types.EbsInstanceBlockDevice{
				VolumeId: &v.ID, Status: types.AttachmentStatusAttached, AttachTime: &v.Created, DeleteOnTermination: aws.Bool(!v.Keep),
			},
		})
	}
	if i.Interface != "" {
		out.NetworkInterfaces = []types.InstanceNetworkInterface{{
			NetworkInterfaceId: &i.Interface, PrivateIpAddress: some(i.Address), SubnetId: some(i.Subnet), VpcId: some(i.VPC),
			OwnerId: &tx.Account, Status: types.NetworkInterfaceStatusInUse, Groups: out.SecurityGroups,
			Attachment: &types.InstanceNetworkInterfaceAttachment{
				DeviceIndex: aws.Int32(0), DeleteOnTermination: aws.Bool(true), Status: types.AttachmentStatusAttached,
			},
		}}
	}
	return out
}
