package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// TestAFilterFindsAnInstanceByWhatTheAnswerShowsOfIt: also what a request left to EC2.
func TestAFilterFindsAnInstanceByWhatTheAnswerShowsOfIt(t *testing.T) {
	b := newBench(t)
	i := b.instance(b.running())
	face := i.NetworkInterfaces[0]
	for name, value := range map[string]string{
		"tenancy": string(i.Placement.Tenancy), "monitoring-state": string(i.Monitoring.State), "platform-details": *i.PlatformDetails,
		"usage-operation": *i.UsageOperation, "root-device-type": string(i.RootDeviceType), "root-device-name": *i.RootDeviceName,
		"virtualization-type": string(i.VirtualizationType), "hypervisor": string(i.Hypervisor), "architecture": string(i.Architecture),
		"vpc-id": *i.VpcId, "subnet-id": *i.SubnetId, "private-ip-address": *i.PrivateIpAddress, "key-name": *i.KeyName, "image-id": *i.ImageId,
		"instance-type": string(i.InstanceType), "availability-zone": *i.Placement.AvailabilityZone, "instance-state-name": string(i.State.Name),
		"metadata-options.http-tokens": string(i.MetadataOptions.HttpTokens), "metadata-options.http-endpoint": string(i.MetadataOptions.HttpEndpoint),
		"block-device-mapping.volume-id": *i.BlockDeviceMappings[0].Ebs.VolumeId, "block-device-mapping.device-name": *i.BlockDeviceMappings[0].DeviceName,
		"instance.group-id": *i.SecurityGroups[0].GroupId, "instance.group-name": *i.SecurityGroups[0].GroupName,
		"network-interface.network-interface-id": *face.NetworkInterfaceId, "network-interface.private-ip-address": *face.PrivateIpAddress,
		"network-interface.status": string(face.Status), "network-interface.vpc-id": *face.VpcId,
	} {
		for want, v := range map[int]string{1: value, 0: value + "x"} {
			out, err := b.api.DescribeInstances(ctx, &sdk.DescribeInstancesInput{Filters: []types.Filter{{Name: aws.String(name), Values: []string{v}}}})
			if err != nil || len(out.Reservations) != want {
				t.Errorf("%s = %q: %d, %v, want %d", name, v, len(out.Reservations), err, want)
			}
		}
	}
}
