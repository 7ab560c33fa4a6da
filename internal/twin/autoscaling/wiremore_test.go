package autoscaling_test

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	sdkelb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"
)

func refusal(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return ""
}

func TestHooksAndTargetGroupsThroughTheSDK(t *testing.T) {
	a := open(t)
	ctx, name := t.Context(), aws.String("web")
	vpcs, err := a.ec2.DescribeVpcs(ctx, &sdkec2.DescribeVpcsInput{})
	if err != nil {
		t.Fatal(err)
	}
	tg, err := a.elb.CreateTargetGroup(ctx, &sdkelb.CreateTargetGroupInput{Name: name, Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: vpcs.Vpcs[0].VpcId, HealthCheckIntervalSeconds: aws.Int32(10), HealthyThresholdCount: aws.Int32(2)})
	if err != nil {
		t.Fatal(err)
	}
	arn := tg.TargetGroups[0].TargetGroupArn
	in := &sdk.CreateAutoScalingGroupInput{
		AutoScalingGroupName: name, MinSize: aws.Int32(0), MaxSize: aws.Int32(10), DesiredCapacity: aws.Int32(1), VPCZoneIdentifier: aws.String(a.subnet()),
		LaunchTemplate:  &types.LaunchTemplateSpecification{LaunchTemplateName: name, Version: aws.String("1")},
		TargetGroupARNs: []string{*arn}, HealthCheckType: aws.String("ELB"), HealthCheckGracePeriod: aws.Int32(60),
		LifecycleHookSpecificationList: []types.LifecycleHookSpecification{{LifecycleHookName: aws.String("up"), LifecycleTransition: aws.String("autoscaling:EC2_INSTANCE_LAUNCHING")}},
	}
	if _, err := a.asg.CreateAutoScalingGroup(ctx, in); err != nil {
		t.Fatal(err)
	}
	a.w.Clock().Step(time.Minute)
	i := a.group("web").Instances[0]
	if i.LifecycleState != types.LifecycleStatePendingWait {
		t.Fatal(i.LifecycleState)
	}
	if _, err := a.asg.RecordLifecycleActionHeartbeat(ctx, &sdk.RecordLifecycleActionHeartbeatInput{AutoScalingGroupName: name, LifecycleHookName: aws.String("up"), InstanceId: i.InstanceId}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.asg.CompleteLifecycleAction(ctx, &sdk.CompleteLifecycleActionInput{AutoScalingGroupName: name, LifecycleHookName: aws.String("up"), InstanceId: i.InstanceId, LifecycleActionResult: aws.String("CONTINUE")}); err != nil {
		t.Fatal(err)
	}
	a.w.Clock().Step(30 * time.Second)
	h, err := a.elb.DescribeTargetHealth(ctx, &sdkelb.DescribeTargetHealthInput{TargetGroupArn: arn})
	if err != nil || len(h.TargetHealthDescriptions) != 1 || h.TargetHealthDescriptions[0].TargetHealth.State != elbtypes.TargetHealthStateEnumHealthy {
		t.Fatalf("%+v %v", h, err)
	}
	hooks, err := a.asg.DescribeLifecycleHooks(ctx, &sdk.DescribeLifecycleHooksInput{AutoScalingGroupName: name})
	if err != nil || *hooks.LifecycleHooks[0].GlobalTimeout != 172800 {
		t.Fatalf("%+v %v", hooks, err)
	}
	if _, err := a.asg.PutLifecycleHook(ctx, &sdk.PutLifecycleHookInput{AutoScalingGroupName: name, LifecycleHookName: aws.String("down"), LifecycleTransition: aws.String("autoscaling:EC2_INSTANCE_TERMINATING"), HeartbeatTimeout: aws.Int32(30)}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.asg.DeleteLifecycleHook(ctx, &sdk.DeleteLifecycleHookInput{AutoScalingGroupName: name, LifecycleHookName: aws.String("up")}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.asg.SetDesiredCapacity(ctx, &sdk.SetDesiredCapacityInput{AutoScalingGroupName: name, DesiredCapacity: aws.Int32(0)}); err != nil {
		t.Fatal(err)
	}
	a.w.Clock().Step(10 * time.Minute)
	if n := len(a.group("web").Instances); n != 0 {
		t.Fatalf("%d instances", n)
	}
	_, err = a.asg.CompleteLifecycleAction(ctx, &sdk.CompleteLifecycleActionInput{AutoScalingGroupName: name, LifecycleHookName: aws.String("down"), InstanceId: i.InstanceId, LifecycleActionResult: aws.String("CONTINUE")})
	if refusal(err) != "ValidationError" {
		t.Error(err)
	}
}

func TestWhatIsOnlyKeptThroughTheSDK(t *testing.T) {
	a := open(t)
	ctx, name := t.Context(), aws.String("web")
	a.create("web", 0)
	if _, err := a.asg.CreateLaunchConfiguration(ctx, &sdk.CreateLaunchConfigurationInput{LaunchConfigurationName: name, ImageId: aws.String(oldImage), InstanceType: aws.String("t3.micro"), UserData: aws.String("IyEvYmluL3NoCg==")}); err != nil {
		t.Fatal(err)
	}
	lcs, err := a.asg.DescribeLaunchConfigurations(ctx, &sdk.DescribeLaunchConfigurationsInput{})
	if err != nil || len(lcs.LaunchConfigurations) != 1 {
		t.Fatalf("%+v %v", lcs, err)
	}
	if _, err := a.asg.UpdateAutoScalingGroup(ctx, &sdk.UpdateAutoScalingGroupInput{AutoScalingGroupName: name, LaunchConfigurationName: name, DesiredCapacity: aws.Int32(1)}); err != nil {
		t.Fatal(err)
	}
	a.w.Clock().Step(time.Minute)
	if i := a.group("web").Instances[0]; aws.ToString(i.LaunchConfigurationName) != "web" || i.LaunchTemplate != nil || i.LifecycleState != types.LifecycleStateInService {
		t.Fatalf("%+v", i)
	}
	if _, err := a.asg.PutScheduledUpdateGroupAction(ctx, &sdk.PutScheduledUpdateGroupActionInput{AutoScalingGroupName: name, ScheduledActionName: name, Recurrence: aws.String("0 2 * * 2"), MinSize: aws.Int32(1)}); err != nil {
		t.Fatal(err)
	}
	actions, err := a.asg.DescribeScheduledActions(ctx, &sdk.DescribeScheduledActionsInput{AutoScalingGroupName: name})
	if err != nil || len(actions.ScheduledUpdateGroupActions) != 1 {
		t.Fatalf("%+v %v", actions, err)
	}
	gone := &sdk.DeleteScheduledActionInput{AutoScalingGroupName: name, ScheduledActionName: name}
	if _, err := a.asg.DeleteScheduledAction(ctx, gone); err != nil {
		t.Fatal(err)
	}
	if _, err := a.asg.DeleteScheduledAction(ctx, gone); refusal(err) != "ValidationError" {
		t.Fatal(err)
	}
	if _, err := a.asg.PutScalingPolicy(ctx, &sdk.PutScalingPolicyInput{AutoScalingGroupName: name, PolicyName: name, AdjustmentType: aws.String("ChangeInCapacity"), ScalingAdjustment: aws.Int32(1)}); err != nil {
		t.Fatal(err)
	}
	policies, err := a.asg.DescribePolicies(ctx, &sdk.DescribePoliciesInput{})
	if err != nil || len(policies.ScalingPolicies) != 1 {
		t.Fatalf("%+v %v", policies, err)
	}
	if _, err := a.asg.PutWarmPool(ctx, &sdk.PutWarmPoolInput{AutoScalingGroupName: name}); err != nil {
		t.Fatal(err)
	}
	pool, err := a.asg.DescribeWarmPool(ctx, &sdk.DescribeWarmPoolInput{AutoScalingGroupName: name})
	if err != nil || pool.WarmPoolConfiguration == nil || len(pool.Instances) != 0 {
		t.Fatalf("%+v %v", pool, err)
	}
}

func TestGroupOnAParameterLaunchesWhatItStandsForAtEachLaunch(t *testing.T) {
	a := open(t)
	ctx := t.Context()
	lt, err := a.ec2.CreateLaunchTemplate(ctx, &sdkec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("alias"), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{
		ImageId: aws.String("resolve:ssm:/golden"), InstanceType: ec2types.InstanceTypeT3Micro}})
	if err != nil {
		t.Fatal(err)
	}
	in := &sdk.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(0), MaxSize: aws.Int32(10), DesiredCapacity: aws.Int32(1), VPCZoneIdentifier: aws.String(a.subnet()),
		LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: lt.LaunchTemplate.LaunchTemplateId, Version: aws.String("1")},
		Tags:           []types.Tag{{Key: aws.String("ring"), Value: aws.String("dev"), PropagateAtLaunch: aws.Bool(true)}},
	}
	if _, err := a.asg.CreateAutoScalingGroup(ctx, in); refusal(err) != "ValidationError" {
		t.Fatalf("without the parameter: %v", err)
	}
	a.parameter = oldImage
	if _, err := a.asg.CreateAutoScalingGroup(ctx, in); err != nil {
		t.Fatal(err)
	}
	a.w.Clock().Step(time.Minute)
	a.parameter = newImage
	scale := &sdk.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("web"), DesiredCapacity: aws.Int32(2)}
	if _, err := a.asg.SetDesiredCapacity(ctx, scale); err != nil {
		t.Fatal(err)
	}
	a.w.Clock().Step(time.Minute)
	if n := a.images("web"); n[oldImage] != 1 || n[newImage] != 1 {
		t.Fatalf("%v", n)
	}
	a.parameter = "" // launches fail now, and the history says why
	scale.DesiredCapacity = aws.Int32(3)
	if _, err := a.asg.SetDesiredCapacity(ctx, scale); err != nil {
		t.Fatal(err)
	}
	a.w.Clock().Step(time.Minute)
	acts, err := a.asg.DescribeScalingActivities(ctx, &sdk.DescribeScalingActivitiesInput{AutoScalingGroupName: aws.String("web")})
	if err != nil || acts.Activities[0].StatusCode != types.ScalingActivityStatusCodeFailed || aws.ToString(acts.Activities[0].StatusMessage) == "" {
		t.Fatalf("%+v %v", acts.Activities[0], err)
	}
}
