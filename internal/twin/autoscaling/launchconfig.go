package autoscaling

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func configurations(tx *world.Tx) *world.Rows[types.LaunchConfiguration] {
	return world.Table[types.LaunchConfiguration](tx, "autoscaling/launchConfigurations")
}

// configured is what a launch configuration launches.
func configured(tx *world.Tx, name string) ([]option, error) {
	c, ok := configurations(tx).Get(name)
	if !ok {
		return nil, invalid("Launch configuration name not found - Launch configuration %s not found", name)
	}
	return []option{{configuration: name, Launch: Launch{
		Image: aws.ToString(c.ImageId), Type: aws.ToString(c.InstanceType),
		Settings: Settings{Key: aws.ToString(c.KeyName), UserData: aws.ToString(c.UserData), Profile: aws.ToString(c.IamInstanceProfile), SecurityGroups: c.SecurityGroups},
	}}}, nil
}

// CreateLaunchConfiguration makes a launch configuration, which can never be changed.
// What would change a launch and is not modelled is refused.
func (s *Service) CreateLaunchConfiguration(tx *world.Tx, in *asg.CreateLaunchConfigurationInput) (*asg.CreateLaunchConfigurationOutput, error) {
	name := *in.LaunchConfigurationName
	switch {
	case in.InstanceId != nil, in.ClassicLinkVPCId != nil, len(in.BlockDeviceMappings) > 0, in.SpotPrice != nil, in.MetadataOptions != nil, in.PlacementTenancy != nil, in.KernelId != nil, in.RamdiskId != nil:
		return nil, unmodelled("launch configurations with more than image, type, key pair, security groups, user data, instance profile, monitoring, EBS optimization and public address")
	case in.ImageId == nil:
		return nil, invalid("Valid requests must contain the ImageId parameter when creating a Launch Configuration.")
	case in.InstanceType == nil:
		return nil, invalid("Valid requests must contain either the InstanceId parameter or both the ImageId and InstanceType parameters.")
	}
	if _, ok := configurations(tx).Get(name); ok {
		return nil, wire.Errorf("AlreadyExists", "Launch Configuration by this name already exists - A launch configuration already exists with the name %s", name)
	}
	if _, ok := s.ec2.Image(tx, *in.ImageId); !ok {
		return nil, invalid("AMI %s is invalid: The image id '[%s]' does not exist", *in.ImageId, *in.ImageId)
	}
	if configurations(tx).Len() >= maxConfigurations {
		return nil, exceeded("You've exceeded your AWS resource limit. You already have %d launch configurations.", maxConfigurations)
	}
	monitoring := in.InstanceMonitoring
	if monitoring == nil {
		monitoring = &types.InstanceMonitoring{Enabled: aws.Bool(true)} // "detailed monitoring is enabled by default"
	}
	configurations(tx).Put(name, types.LaunchConfiguration{
		LaunchConfigurationName: &name, CreatedTime: aws.Time(tx.Now), ImageId: in.ImageId, InstanceType: in.InstanceType, KeyName: in.KeyName,
		LaunchConfigurationARN: aws.String(fmt.Sprintf("arn:aws:autoscaling:%s:%s:launchConfiguration:%s:launchConfigurationName/%s", tx.Region, tx.Account, tx.UUID(), name)),
		SecurityGroups:         in.SecurityGroups, UserData: in.UserData, IamInstanceProfile: in.IamInstanceProfile, InstanceMonitoring: monitoring,
		EbsOptimized: aws.Bool(aws.ToBool(in.EbsOptimized)), AssociatePublicIpAddress: in.AssociatePublicIpAddress,
		BlockDeviceMappings: []types.BlockDeviceMapping{}, KernelId: aws.String(""), RamdiskId: aws.String(""),
	})
	return &asg.CreateLaunchConfigurationOutput{}, nil
}

// DescribeLaunchConfigurations lists launch configurations by name; unknown names are
// left out.
func (s *Service) DescribeLaunchConfigurations(tx *world.Tx, in *asg.DescribeLaunchConfigurationsInput) (*asg.DescribeLaunchConfigurationsOutput, error) {
	var all []types.LaunchConfiguration
	for name, c := range configurations(tx).All() {
		if len(in.LaunchConfigurationNames) == 0 || slices.Contains(in.LaunchConfigurationNames, name) {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b types.LaunchConfiguration) int {
		return strings.Compare(*a.LaunchConfigurationName, *b.LaunchConfigurationName)
	})
	cut, next, err := page(all, in.NextToken, in.MaxRecords, 50, 100)
	return &asg.DescribeLaunchConfigurationsOutput{LaunchConfigurations: cut, NextToken: next}, err
}
