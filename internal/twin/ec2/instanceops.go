package ec2

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// RunInstances handles the operation of that name. A token that has been used
// answers with the instances of then ("ClientToken", RunInstances).
func (s *Service) RunInstances(tx *world.Tx, in *ec2.RunInstancesInput) (*ec2.RunInstancesOutput, error) {
	low, high := aws.ToInt32(in.MinCount), aws.ToInt32(in.MaxCount)
	if low < 1 || high < low {
		return nil, badValue("Value (%d) for parameter minCount is invalid. Must be at least 1 and not more than maxCount (%d)", low, high)
	}
	bare := *in
	bare.ClientToken = nil
	id, remember, err := once(tx, "RunInstances", aws.ToString(in.ClientToken), bare)
	if err != nil {
		return nil, err
	}
	if id == "" {
		spec, err := runSpec(tx, in)
		if err != nil {
			return nil, err
		}
		made, err := s.launch(tx, spec, int(high))
		if err != nil {
			return nil, err
		}
		id = made[0].Reservation
		remember(id)
	}
	out := &ec2.RunInstancesOutput{ReservationId: &id, OwnerId: &tx.Account}
	for _, i := range instances(tx).All() {
		if i.Reservation == id {
			out.Instances = append(out.Instances, s.sdkInstance(tx, i))
		}
	}
	return out, nil
}

func runSpec(tx *world.Tx, in *ec2.RunInstancesInput) (LaunchSpec, error) {
	if _, err := tagSpec(in.TagSpecifications, types.ResourceTypeInstance, types.ResourceTypeVolume,
		types.ResourceTypeNetworkInterface, types.ResourceTypeSpotInstancesRequest); err != nil {
		return LaunchSpec{}, err
	}
	if aws.ToString(in.PrivateIpAddress) != "" {
		return LaunchSpec{}, unmodelled("RunInstances", "PrivateIpAddress: machines have loopback addresses of the twin's choice")
	}
	if aws.ToInt32(in.Ipv6AddressCount) > 0 || len(in.Ipv6Addresses) > 0 || aws.ToBool(in.EnablePrimaryIpv6) || len(in.SecondaryInterfaces) > 0 {
		return LaunchSpec{}, unmodelled("RunInstances", "IPv6 addresses and secondary interfaces")
	}
	spec := LaunchSpec{
		Image: aws.ToString(in.ImageId), Type: string(in.InstanceType), Subnet: aws.ToString(in.SubnetId),
		By: tx.Caller, ClientToken: aws.ToString(in.ClientToken),
	}
	if t := in.LaunchTemplate; t != nil {
		if (t.LaunchTemplateId == nil) == (t.LaunchTemplateName == nil) {
			return LaunchSpec{}, badCombination("Exactly one of launch template ID and launch template name must be specified")
		}
		spec.Template, spec.Version = aws.ToString(t.LaunchTemplateId)+aws.ToString(t.LaunchTemplateName), aws.ToString(t.Version)
	}
	// The request's own parameters have the shape and the names of template data.
	bare := *in
	bare.ImageId, bare.InstanceType, bare.LaunchTemplate, bare.ClientToken = nil, "", nil, nil
	if bare.IamInstanceProfile != nil && aws.ToString(bare.IamInstanceProfile.Name)+aws.ToString(bare.IamInstanceProfile.Arn) == "" {
		bare.IamInstanceProfile = nil // Packer sends an empty one
	}
	convert(bare, &spec.Data)
	return spec, nil
}
