package autoscaling_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	sdkelb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// targets makes a target group and says which instances it has, without those that drain.
func (a *account) targets(name string) (arn string, has func() map[string]bool) {
	a.t.Helper()
	vpcs, err := a.ec2.DescribeVpcs(a.t.Context(), &sdkec2.DescribeVpcsInput{})
	if err != nil {
		a.t.Fatal(err)
	}
	tg, err := a.elb.CreateTargetGroup(a.t.Context(), &sdkelb.CreateTargetGroupInput{Name: &name, Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: vpcs.Vpcs[0].VpcId})
	if err != nil {
		a.t.Fatal(err)
	}
	arn = *tg.TargetGroups[0].TargetGroupArn
	return arn, func() map[string]bool {
		h, err := a.elb.DescribeTargetHealth(a.t.Context(), &sdkelb.DescribeTargetHealthInput{TargetGroupArn: &arn})
		if err != nil {
			a.t.Fatal(err)
		}
		ids := map[string]bool{}
		for _, d := range h.TargetHealthDescriptions {
			if d.TargetHealth.State != elbtypes.TargetHealthStateEnumDraining {
				ids[*d.Target.Id] = true
			}
		}
		return ids
	}
}

func TestADetachedInstanceRunsOnAndIsReplacedUnlessTheCapacityGoesDown(t *testing.T) {
	a := open(t)
	ctx, name := t.Context(), aws.String("web")
	a.create("web", 3)
	arn, has := a.targets("web")
	if _, err := a.asg.AttachLoadBalancerTargetGroups(ctx, &sdk.AttachLoadBalancerTargetGroupsInput{AutoScalingGroupName: name, TargetGroupARNs: []string{arn}}); err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, i := range a.group("web").Instances {
		ids = append(ids, *i.InstanceId)
	}
	detach := func(id string, decrement bool) (*sdk.DetachInstancesOutput, error) {
		return a.asg.DetachInstances(ctx, &sdk.DetachInstancesInput{AutoScalingGroupName: name, InstanceIds: []string{id}, ShouldDecrementDesiredCapacity: &decrement})
	}
	out, err := detach(ids[0], true)
	if err != nil || len(out.Activities) != 1 || *out.Activities[0].Description != "Detaching EC2 instance: "+ids[0] {
		t.Fatalf("%+v %v", out, err)
	}
	if _, err := detach(ids[1], false); err != nil {
		t.Fatal(err)
	}
	a.w.Clock().Step(time.Minute)
	leaving := map[string]bool{}
	for _, i := range a.group("web").Instances {
		if i.LifecycleState == types.LifecycleStateDetaching {
			leaving[*i.InstanceId] = true
		}
	}
	if len(leaving) != 2 || !leaving[ids[0]] || !leaving[ids[1]] || len(has()) != 2 {
		t.Errorf("while they drain %v are leaving, and %v are targets", leaving, has())
	}
	if _, err := a.asg.TerminateInstanceInAutoScalingGroup(ctx, &sdk.TerminateInstanceInAutoScalingGroupInput{InstanceId: &ids[0], ShouldDecrementDesiredCapacity: aws.Bool(false)}); refusal(err) != "ValidationError" {
		t.Errorf("one that leaves is ended: %v", err)
	}
	a.w.Clock().Step(5 * time.Minute)
	acts, err := a.asg.DescribeScalingActivities(ctx, &sdk.DescribeScalingActivitiesInput{AutoScalingGroupName: name})
	if err != nil {
		t.Fatal(err)
	}
	for _, did := range acts.Activities {
		if strings.HasPrefix(*did.Description, "Detaching") && did.StatusCode != types.ScalingActivityStatusCodeSuccessful {
			t.Errorf("%s is %s", *did.Description, did.StatusCode)
		}
	}
	g := a.group("web")
	if *g.DesiredCapacity != 2 || len(g.Instances) != 2 {
		t.Errorf("%d instances of %d", len(g.Instances), *g.DesiredCapacity)
	}
	left := map[string]bool{}
	for _, i := range g.Instances {
		left[*i.InstanceId] = true
	}
	now := has()
	for n, id := range ids {
		if left[id] != (n == 2) || now[id] != (n == 2) {
			t.Errorf("instance %d: in the group %t, in the target group %t", n, left[id], now[id])
		}
	}
	run, err := a.ec2.DescribeInstances(ctx, &sdkec2.DescribeInstancesInput{InstanceIds: ids[:2]})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range run.Reservations {
		if s := r.Instances[0].State.Name; s != "running" {
			t.Errorf("a detached instance is %s", s)
		}
	}
	if _, err := detach(ids[0], true); refusal(err) != "ValidationError" {
		t.Errorf("again: %v", err)
	}
	if _, err := a.asg.UpdateAutoScalingGroup(ctx, &sdk.UpdateAutoScalingGroupInput{AutoScalingGroupName: name, MinSize: aws.Int32(2)}); err != nil {
		t.Fatal(err)
	}
	if _, err := detach(ids[2], true); refusal(err) != "ValidationError" {
		t.Errorf("below the minimum: %v", err)
	}
	if _, err := a.asg.DetachInstances(ctx, &sdk.DetachInstancesInput{AutoScalingGroupName: name, InstanceIds: []string{ids[2], ids[2]}, ShouldDecrementDesiredCapacity: aws.Bool(false)}); refusal(err) != "ValidationError" {
		t.Errorf("twice: %v", err)
	}
	if _, err := a.asg.EnterStandby(ctx, &sdk.EnterStandbyInput{AutoScalingGroupName: name, InstanceIds: []string{ids[2], ids[2]}, ShouldDecrementDesiredCapacity: aws.Bool(false)}); refusal(err) != "ValidationError" {
		t.Errorf("into Standby twice: %v", err)
	}
}

func TestAGroupThatIsDeletedLeavesWhatIsBeingDetachedAlone(t *testing.T) {
	a := open(t)
	ctx, name := t.Context(), aws.String("web")
	a.create("web", 2)
	arn, _ := a.targets("web")
	if _, err := a.asg.AttachLoadBalancerTargetGroups(ctx, &sdk.AttachLoadBalancerTargetGroupsInput{AutoScalingGroupName: name, TargetGroupARNs: []string{arn}}); err != nil {
		t.Fatal(err)
	}
	id := *a.group("web").Instances[0].InstanceId
	if _, err := a.asg.DetachInstances(ctx, &sdk.DetachInstancesInput{AutoScalingGroupName: name, InstanceIds: []string{id}, ShouldDecrementDesiredCapacity: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.asg.DeleteAutoScalingGroup(ctx, &sdk.DeleteAutoScalingGroupInput{AutoScalingGroupName: name}); refusal(err) != "ScalingActivityInProgress" {
		t.Errorf("not forced: %v", err)
	}
	if _, err := a.asg.DeleteAutoScalingGroup(ctx, &sdk.DeleteAutoScalingGroupInput{AutoScalingGroupName: name, ForceDelete: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	a.w.Clock().Step(time.Hour)
	run, err := a.ec2.DescribeInstances(ctx, &sdkec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil || run.Reservations[0].Instances[0].State.Name != "running" {
		t.Errorf("%+v, %v", run, err)
	}
	if left, err := a.asg.DescribeAutoScalingGroups(ctx, &sdk.DescribeAutoScalingGroupsInput{}); err != nil || len(left.AutoScalingGroups) != 0 {
		t.Errorf("%+v, %v", left, err)
	}
}

func TestTargetGroupsComeAndGoWithTheirInstances(t *testing.T) {
	a := open(t)
	ctx, name := t.Context(), aws.String("web")
	a.create("web", 2)
	arn, has := a.targets("web")
	attach := func(arn string) error {
		_, err := a.asg.AttachLoadBalancerTargetGroups(ctx, &sdk.AttachLoadBalancerTargetGroupsInput{AutoScalingGroupName: name, TargetGroupARNs: []string{arn}})
		return err
	}
	detach := func() error {
		_, err := a.asg.DetachLoadBalancerTargetGroups(ctx, &sdk.DetachLoadBalancerTargetGroupsInput{AutoScalingGroupName: name, TargetGroupARNs: []string{arn}})
		return err
	}
	if err := attach(arn + "x"); refusal(err) != "ValidationError" {
		t.Errorf("a target group that there is not: %v", err)
	}
	if err := detach(); refusal(err) != "ValidationError" {
		t.Errorf("one that the group does not have: %v", err)
	}
	for range 2 { // the second time it is there
		if err := attach(arn); err != nil {
			t.Fatal(err)
		}
		if g := a.group("web"); len(g.TargetGroupARNs) != 1 || len(has()) != 2 {
			t.Fatalf("%v has %d", g.TargetGroupARNs, len(has()))
		}
	}
	if err := detach(); err != nil {
		t.Fatal(err)
	}
	if g := a.group("web"); len(g.TargetGroupARNs) != 0 || len(has()) != 0 {
		t.Errorf("%v has %d", g.TargetGroupARNs, len(has()))
	}
}

func TestWhatIsKeptGoesAgain(t *testing.T) {
	a := open(t)
	ctx, name := t.Context(), aws.String("web")
	a.create("web", 0)
	removeConfiguration := func() error {
		_, err := a.asg.DeleteLaunchConfiguration(ctx, &sdk.DeleteLaunchConfigurationInput{LaunchConfigurationName: name})
		return err
	}
	if err := removeConfiguration(); refusal(err) != "ValidationError" {
		t.Errorf("no such launch configuration: %v", err)
	}
	if _, err := a.asg.CreateLaunchConfiguration(ctx, &sdk.CreateLaunchConfigurationInput{LaunchConfigurationName: name, ImageId: aws.String(oldImage), InstanceType: aws.String("t3.micro")}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.asg.UpdateAutoScalingGroup(ctx, &sdk.UpdateAutoScalingGroupInput{AutoScalingGroupName: name, LaunchConfigurationName: name}); err != nil {
		t.Fatal(err)
	}
	if err := removeConfiguration(); refusal(err) != "ResourceInUse" {
		t.Errorf("a launch configuration in use: %v", err)
	}
	if _, err := a.asg.UpdateAutoScalingGroup(ctx, &sdk.UpdateAutoScalingGroupInput{AutoScalingGroupName: name, LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateName: name, Version: aws.String("1")}}); err != nil {
		t.Fatal(err)
	}
	if err := removeConfiguration(); err != nil {
		t.Error(err)
	}
	removePool := func() error {
		_, err := a.asg.DeleteWarmPool(ctx, &sdk.DeleteWarmPoolInput{AutoScalingGroupName: name})
		return err
	}
	if err := removePool(); refusal(err) != "ValidationError" {
		t.Errorf("no warm pool: %v", err)
	}
	if _, err := a.asg.PutWarmPool(ctx, &sdk.PutWarmPoolInput{AutoScalingGroupName: name}); err != nil {
		t.Fatal(err)
	}
	if err := removePool(); err != nil {
		t.Error(err)
	}
	if pool, err := a.asg.DescribeWarmPool(ctx, &sdk.DescribeWarmPoolInput{AutoScalingGroupName: name}); err != nil || pool.WarmPoolConfiguration != nil {
		t.Errorf("%+v %v", pool, err)
	}
	made := []string{}
	for _, policy := range []string{"p", "q"} {
		out, err := a.asg.PutScalingPolicy(ctx, &sdk.PutScalingPolicyInput{AutoScalingGroupName: name, PolicyName: &policy, AdjustmentType: aws.String("ChangeInCapacity"), ScalingAdjustment: aws.Int32(1)})
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, *out.PolicyARN)
	}
	removePolicy := func(group *string, policy string) error {
		_, err := a.asg.DeletePolicy(ctx, &sdk.DeletePolicyInput{AutoScalingGroupName: group, PolicyName: &policy})
		return err
	}
	if err := removePolicy(nil, "p"); refusal(err) != "ValidationError" {
		t.Errorf("a name without its group: %v", err)
	}
	for group, policy := range map[*string]string{name: "p", nil: made[1]} {
		if err := removePolicy(group, policy); err != nil {
			t.Error(err)
		}
	}
	if left, err := a.asg.DescribePolicies(ctx, &sdk.DescribePoliciesInput{AutoScalingGroupName: name}); err != nil || len(left.ScalingPolicies) != 0 {
		t.Errorf("%+v %v", left, err)
	}
	if err := removePolicy(name, "p"); refusal(err) != "ValidationError" {
		t.Errorf("a policy that is gone: %v", err)
	}
}
