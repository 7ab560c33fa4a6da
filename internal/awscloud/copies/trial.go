package copies

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/awscloud"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/publish/spread"
)

// silent are the codes by which EC2 refuses a dry run for what has nothing to do with
// the image: the account has no default network, or the zone not that type.
func silent(code string) bool {
	switch code {
	case "VPCIdNotSpecified", "MissingInput", "Unsupported", "InstanceLimitExceeded", "VcpuLimitExceeded", "InsufficientInstanceCapacity", "PendingVerification":
		return true
	}
	return strings.HasPrefix(code, "InvalidSubnet")
}

// DryRun implements spread.Trial.
func (c Copies) DryRun(ctx context.Context, image, instanceType string) error {
	_, err := c.API.RunInstances(ctx, &ec2.RunInstancesInput{ImageId: &image, InstanceType: types.InstanceType(instanceType),
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), DryRun: aws.Bool(true)})
	switch code := awscloud.Code(err); {
	case code == "DryRunOperation":
		return nil
	case silent(code):
		return fault.As(awscloud.Wrap(err, "dry run of a launch"), fault.Unsupported, "")
	case err == nil:
		return fault.New(fault.Failed, "", "a dry run launched an instance")
	}
	return awscloud.Wrap(err, "dry run of a launch")
}

// Launch implements spread.Trial. The canary is in the default network, and ends for
// good if it shuts itself down.
func (c Copies) Launch(ctx context.Context, in spread.Canary) (string, error) {
	out, err := c.API.RunInstances(ctx, &ec2.RunInstancesInput{ImageId: &in.Image, InstanceType: types.InstanceType(in.Type), ClientToken: &in.Token,
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), InstanceInitiatedShutdownBehavior: types.ShutdownBehaviorTerminate,
		TagSpecifications: []types.TagSpecification{
			{ResourceType: types.ResourceTypeInstance, Tags: awscloud.Tags(in.Tags)},
			{ResourceType: types.ResourceTypeVolume, Tags: awscloud.Tags(in.Tags)},
		}})
	if err != nil {
		return "", awscloud.Wrap(err, "launch an instance of %s", in.Image)
	}
	if len(out.Instances) != 1 {
		return "", fault.New(fault.Failed, "", "launch an instance of %s: %d were", in.Image, len(out.Instances))
	}
	return aws.ToString(out.Instances[0].InstanceId), nil
}

// State implements spread.Trial.
func (c Copies) State(ctx context.Context, instance string) (state, reason string, err error) {
	out, err := c.API.DescribeInstances(ctx, &ec2.DescribeInstancesInput{Filters: []types.Filter{awscloud.Filter("instance-id", instance)}})
	if err != nil {
		return "", "", awscloud.Wrap(err, "describe instance %s", instance)
	}
	if len(out.Reservations) == 0 || len(out.Reservations[0].Instances) == 0 {
		return "", "", fault.New(fault.NotFound, "", "there is no instance %s", instance)
	}
	i := out.Reservations[0].Instances[0]
	if i.State != nil {
		state = string(i.State.Name)
	}
	if i.StateReason != nil {
		reason = aws.ToString(i.StateReason.Message)
	}
	return state, reason, nil
}

// Terminate implements spread.Trial.
func (c Copies) Terminate(ctx context.Context, instance string) error {
	_, err := c.API.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{instance}})
	return awscloud.Wrap(err, "terminate instance %s", instance)
}
