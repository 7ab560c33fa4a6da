package wire_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// echo returns a service whose one operation notes its input and answers out.
func echo[I, O any](name, op string, got *I, out *O) *wire.Service {
	s := wire.NewService(name)
	wire.Op(s, op, func(_ *world.Tx, in *I) (*O, error) {
		*got = *in
		return out, nil
	})
	return s
}

var ignore = cmpopts.IgnoreUnexported

func TestEC2RequestsAndAnswersPassThroughTheSDK(t *testing.T) {
	t.Parallel()
	launched := wiretest.Start.Add(-time.Hour)
	want := &ec2.DescribeInstancesOutput{NextToken: aws.String("more & <more>"), Reservations: []types.Reservation{{
		ReservationId: aws.String("r-1"), OwnerId: aws.String("111122223333"),
		Instances: []types.Instance{{
			InstanceId: aws.String("i-1"), LaunchTime: &launched, AmiLaunchIndex: aws.Int32(0),
			State: &types.InstanceState{Code: aws.Int32(16), Name: types.InstanceStateNameRunning},
			Tags:  []types.Tag{{Key: aws.String("Name"), Value: aws.String("line\none\ttwo \"ä\" ☃")}, {Key: aws.String("empty"), Value: aws.String("")}},
			BlockDeviceMappings: []types.InstanceBlockDeviceMapping{{DeviceName: aws.String("/dev/xvda"), Ebs: &types.EbsInstanceBlockDevice{
				VolumeId: aws.String("vol-1"), DeleteOnTermination: aws.Bool(true)}}},
		}},
	}}}
	var got ec2.DescribeInstancesInput
	cfg := wiretest.Client(t, wiretest.World(t), echo("ec2", "DescribeInstances", &got, want))
	in := &ec2.DescribeInstancesInput{MaxResults: aws.Int32(5), InstanceIds: []string{"i-1", "i-2"}, DryRun: aws.Bool(false),
		Filters: []types.Filter{{Name: aws.String("tag:Name"), Values: []string{"a b", "c&d"}}}}
	out, err := ec2.NewFromConfig(cfg).DescribeInstances(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	opts := cmp.Options{cmpopts.IgnoreFields(ec2.DescribeInstancesOutput{}, "ResultMetadata"), cmpopts.IgnoreUnexported(
		ec2.DescribeInstancesInput{}, ec2.DescribeInstancesOutput{}, types.Reservation{}, types.Instance{}, types.InstanceState{}, types.Tag{},
		types.InstanceBlockDeviceMapping{}, types.EbsInstanceBlockDevice{}, types.Filter{})}
	if d := cmp.Diff(in, &got, opts); d != "" {
		t.Errorf("input (-sent +got):\n%s", d)
	}
	if d := cmp.Diff(want, out, opts); d != "" {
		t.Errorf("output (-sent +got):\n%s", d)
	}
}

func TestSSMRequestsAndAnswersPassThroughTheSDK(t *testing.T) {
	t.Parallel()
	when := wiretest.Start.Add(1500 * time.Millisecond)
	want := &ssm.GetParameterOutput{Parameter: &ssmtypes.Parameter{Name: aws.String("/golden/demo/latest"), Value: aws.String("ami-1 <&> \"q\" ☃"),
		Version: 3, LastModifiedDate: &when, Type: ssmtypes.ParameterTypeString}}
	var got ssm.GetParameterInput
	cfg := wiretest.Client(t, wiretest.World(t), echo("ssm", "GetParameter", &got, want))
	out, err := ssm.NewFromConfig(cfg).GetParameter(context.Background(), &ssm.GetParameterInput{Name: aws.String("/golden/demo/latest")})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(got.Name) != "/golden/demo/latest" {
		t.Errorf("name = %q", aws.ToString(got.Name))
	}
	if d := cmp.Diff(want.Parameter, out.Parameter, ignore(ssmtypes.Parameter{})); d != "" {
		t.Error(d)
	}
}

func TestAutoScalingRequestsAndAnswersPassThroughTheSDK(t *testing.T) {
	t.Parallel()
	when := wiretest.Start
	want := &autoscaling.DescribeAutoScalingGroupsOutput{AutoScalingGroups: []astypes.AutoScalingGroup{{
		AutoScalingGroupName: aws.String("web"), AvailabilityZones: []string{"eu-west-1a"}, CreatedTime: &when, DefaultCooldown: aws.Int32(300),
		DesiredCapacity: aws.Int32(2), MinSize: aws.Int32(0), MaxSize: aws.Int32(4), HealthCheckType: aws.String("EC2"),
		Instances: []astypes.Instance{{InstanceId: aws.String("i-1"), AvailabilityZone: aws.String("eu-west-1a"), HealthStatus: aws.String("Healthy"),
			LifecycleState: astypes.LifecycleStateInService, ProtectedFromScaleIn: aws.Bool(false)}},
	}}}
	var got autoscaling.DescribeAutoScalingGroupsInput
	cfg := wiretest.Client(t, wiretest.World(t), echo("autoscaling", "DescribeAutoScalingGroups", &got, want))
	out, err := autoscaling.NewFromConfig(cfg).DescribeAutoScalingGroups(context.Background(), &autoscaling.DescribeAutoScalingGroupsInput{
		AutoScalingGroupNames: []string{"web"}, Filters: []astypes.Filter{{Name: aws.String("tag:a"), Values: []string{"b"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.AutoScalingGroupNames) != 1 || len(got.Filters) != 1 || got.Filters[0].Values[0] != "b" {
		t.Errorf("input = %+v", got)
	}
	if d := cmp.Diff(want.AutoScalingGroups, out.AutoScalingGroups, ignore(astypes.AutoScalingGroup{}, astypes.Instance{})); d != "" {
		t.Error(d)
	}
}

// code is the AWS error code that a client saw.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return "not an API error: " + err.Error()
	}
	return ""
}

func TestErrorsReachTheSDKWithTheirCode(t *testing.T) {
	t.Parallel()
	e := wire.NewService("ec2")
	wire.Op(e, "DescribeImages", func(*world.Tx, *ec2.DescribeImagesInput) (*ec2.DescribeImagesOutput, error) {
		return nil, wire.Errorf("InvalidAMIID.NotFound", "The image id '[ami-<1>]' does not exist")
	})
	s := wire.NewService("ssm")
	wire.Op(s, "GetParameter", func(*world.Tx, *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
		return nil, wire.Errorf("ParameterNotFound", "no /x")
	})
	a := wire.NewService("autoscaling")
	wire.Op(a, "StartInstanceRefresh", func(*world.Tx, *autoscaling.StartInstanceRefreshInput) (*autoscaling.StartInstanceRefreshOutput, error) {
		return nil, wire.Errorf("InstanceRefreshInProgressFault", "one is running")
	})
	cfg := wiretest.Client(t, wiretest.World(t), e, s, a)
	ctx := context.Background()

	_, err := ec2.NewFromConfig(cfg).DescribeImages(ctx, &ec2.DescribeImagesInput{})
	if code(err) != "InvalidAMIID.NotFound" {
		t.Errorf("ec2: %v", err)
	}
	_, err = ssm.NewFromConfig(cfg).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/x")})
	var typed *ssmtypes.ParameterNotFound
	if !errors.As(err, &typed) {
		t.Errorf("ssm: %v", err)
	}
	_, err = autoscaling.NewFromConfig(cfg).StartInstanceRefresh(ctx, &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
	var fault *astypes.InstanceRefreshInProgressFault
	if !errors.As(err, &fault) {
		t.Errorf("autoscaling: the shape's name must go out as its wire code: %v", err)
	}
	_, err = ec2.NewFromConfig(cfg).DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
	if code(err) != "UnsupportedOperation" {
		t.Errorf("ec2 unmodelled: %v", err)
	}
	_, err = ssm.NewFromConfig(cfg).DescribeParameters(ctx, &ssm.DescribeParametersInput{})
	if code(err) != "UnsupportedOperation" {
		t.Errorf("ssm unmodelled: %v", err)
	}
	_, err = autoscaling.NewFromConfig(cfg).DescribePolicies(ctx, &autoscaling.DescribePoliciesInput{})
	if code(err) != "UnsupportedOperation" {
		t.Errorf("autoscaling unmodelled: %v", err)
	}
}
