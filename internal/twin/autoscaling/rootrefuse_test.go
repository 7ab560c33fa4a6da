package autoscaling_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestARefreshInPlaceThatMayNotStart(t *testing.T) {
	desired := func(p func(a *account) *types.MixedInstancesPolicy) func(*account) error {
		return func(a *account) error {
			return a.reroot(nil, func(in *sdk.StartInstanceRefreshInput) { in.DesiredConfiguration.MixedInstancesPolicy = p(a) })
		}
	}
	at := func(p *types.MixedInstancesPolicy, version string) *types.MixedInstancesPolicy {
		p.LaunchTemplate.LaunchTemplateSpecification.Version = &version
		return p
	}
	for name, c := range map[string]struct {
		group func(a *account, in *sdk.CreateAutoScalingGroupInput)
		start func(a *account) error
		want  string
	}{
		"an unknown strategy": {nil, func(a *account) error {
			return a.reroot(nil, func(in *sdk.StartInstanceRefreshInput) { in.Strategy = "Sideways" })
		}, "strateg"},
		"no desired configuration": {nil, func(a *account) error {
			return a.reroot(nil, func(in *sdk.StartInstanceRefreshInput) { in.DesiredConfiguration = nil })
		}, "desired configuration with a mixed instances policy"},
		"a desired launch template": {nil, func(a *account) error {
			return a.reroot(nil, func(in *sdk.StartInstanceRefreshInput) {
				in.DesiredConfiguration = &types.DesiredConfiguration{LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: &a.lt, Version: aws.String("1")}}
			})
		}, "desired configuration with a mixed instances policy"},
		"a group on a launch template": {func(a *account, in *sdk.CreateAutoScalingGroupInput) {
			in.MixedInstancesPolicy, in.LaunchTemplate = nil, &types.LaunchTemplateSpecification{LaunchTemplateId: &a.lt, Version: aws.String("1")}
		}, nil, "group with a mixed instances policy"},
		"a group whose overrides have no image": {func(a *account, in *sdk.CreateAutoScalingGroupInput) {
			in.MixedInstancesPolicy = a.rooted("t3.micro", "")
		}, nil, "every override"},
		"one override of two without an image": {nil, desired(func(a *account) *types.MixedInstancesPolicy { return a.rooted("t3.micro", newImage, "t3.small", "") }), "every override"},
		"no overrides":                         {nil, desired(func(a *account) *types.MixedInstancesPolicy { return a.rooted() }), "every override"},
		"a desired $Latest":                    {nil, desired(func(a *account) *types.MixedInstancesPolicy { return at(a.rooted("t3.micro", newImage), "$Latest") }), "$Latest or $Default"},
		"a group on $Default": {func(a *account, in *sdk.CreateAutoScalingGroupInput) {
			in.MixedInstancesPolicy = at(a.rooted("t3.micro", oldImage), "$Default")
		}, nil, "$Latest or $Default"},
		"an image that there is not": {nil, desired(func(a *account) *types.MixedInstancesPolicy { return a.rooted("t3.micro", "ami-0000000000000dead") }), "does not exist"},
		"an image with two volumes": {nil, desired(func(a *account) *types.MixedInstancesPolicy {
			return a.rooted("t3.micro", a.addImage(func(i *ec2.Image) {
				i.Disks = []ec2.Disk{{Device: "/dev/xvda", Size: 8, Type: "gp3"}, {Device: "/dev/sdf", Size: 8, Type: "gp3"}}
			}))
		}), "2 volumes"},
		"a type that the desired policy lacks": {nil, desired(func(a *account) *types.MixedInstancesPolicy { return a.rooted("t3.small", newImage) }), "instances of the launch template"},
		"another desired version":              {nil, desired(func(a *account) *types.MixedInstancesPolicy { return at(a.rooted("t3.micro", newImage), "2") }), "instances of the launch template"},
		"instances of an older version than the group's": {nil, func(a *account) error {
			if _, err := a.asg.UpdateAutoScalingGroup(a.t.Context(), &sdk.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MixedInstancesPolicy: at(a.rooted("t3.micro", newImage), "2")}); err != nil {
				a.t.Fatal(err)
			}
			return a.reroot(nil, nil)
		}, "instances of the launch template"},
		"a warm pool": {func(a *account, in *sdk.CreateAutoScalingGroupInput) {
			in.MixedInstancesPolicy, in.LaunchTemplate = nil, &types.LaunchTemplateSpecification{LaunchTemplateId: &a.lt, Version: aws.String("1")}
		}, func(a *account) error {
			ctx, name := a.t.Context(), aws.String("web")
			if _, err := a.asg.PutWarmPool(ctx, &sdk.PutWarmPoolInput{AutoScalingGroupName: name}); err != nil {
				a.t.Fatal(err)
			}
			if _, err := a.asg.UpdateAutoScalingGroup(ctx, &sdk.UpdateAutoScalingGroupInput{AutoScalingGroupName: name, MixedInstancesPolicy: a.rooted("t3.micro", oldImage)}); err != nil {
				return err
			}
			return a.reroot(nil, nil)
		}, "warm pool"},
		"a policy of its own rules": {nil, func(a *account) error {
			return a.reroot(&types.RefreshPreferences{CheckpointDelay: aws.Int32(60)}, nil)
		}, "CheckpointDelay"},
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t)
			a.policied(1, func(in *sdk.CreateAutoScalingGroupInput) {
				if c.group != nil {
					c.group(a, in)
				}
			})
			start := c.start
			if start == nil {
				start = func(a *account) error { return a.reroot(nil, nil) }
			}
			if err := start(a); refusal(err) != "ValidationError" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			out, err := a.asg.DescribeInstanceRefreshes(t.Context(), &sdk.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String("web")})
			if err != nil || len(out.InstanceRefreshes) != 0 {
				t.Errorf("a refused refresh is told: %+v %v", out, err)
			}
		})
	}
}

func TestDuringARefreshInPlaceTheGroupTakesNoOtherAndNoWarmPool(t *testing.T) {
	a := open(t)
	a.policied(1, nil)
	a.mustReroot(nil, nil)
	if err := a.reroot(nil, nil); refusal(err) != "InstanceRefreshInProgress" {
		t.Errorf("a second: %v", err)
	}
	if _, err := a.asg.PutWarmPool(t.Context(), &sdk.PutWarmPoolInput{AutoScalingGroupName: aws.String("web")}); refusal(err) != "ValidationError" {
		t.Errorf("a warm pool: %v", err)
	}
	if _, err := a.asg.UpdateAutoScalingGroup(t.Context(), &sdk.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MixedInstancesPolicy: a.rooted("t3.micro", oldImage)}); refusal(err) != "ValidationError" {
		t.Errorf("another policy: %v", err)
	}
	a.until("a replacement", func() bool { _, ok := a.in(types.LifecycleStateReplacingRootVolumeProceed); return ok })
	id := a.ids()
	if _, err := a.asg.EnterStandby(t.Context(), &sdk.EnterStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: id, ShouldDecrementDesiredCapacity: aws.Bool(true)}); refusal(err) != "ValidationError" {
		t.Errorf("Standby between two root volumes: %v", err)
	}
	if err := a.w.Do("999988887777", wiretest.Region, func(tx *world.Tx) error {
		_, err := a.twin.ReplaceRoot(tx, ec2.RootTask{Instance: id[0], Image: newImage})
		return err
	}); err == nil {
		t.Error("another account replaced the root volume")
	}
	if err := a.w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error {
		_, err := a.twin.ReplaceRoot(tx, ec2.RootTask{Instance: id[0], Image: oldImage})
		return err
	}); err == nil {
		t.Error("two replacements of one root volume at a time")
	}
	a.ended(types.InstanceRefreshStatusSuccessful, 100)
}

func TestAnInstanceThatIsEndedOnItsWayBackHasItsTerminationHook(t *testing.T) {
	a := open(t)
	a.policied(1, nil)
	a.hook("up", "LAUNCHING")
	id := a.ids()[0]
	a.mustReroot(nil, nil)
	a.until("a wait", func() bool { _, ok := a.in(types.LifecycleStatePendingWait); return ok })
	a.hook("down", "TERMINATING")
	a.complete("up", id, "ABANDON")
	a.until("its end held", func() bool { now, ok := a.in(types.LifecycleStateTerminatingWait); return ok && now == id })
}

func TestAnInstanceThatWasStoppedOnItsWayBackIsFoundUnhealthyAndReplaced(t *testing.T) {
	a := open(t)
	a.policied(1, nil)
	a.hook("up", "LAUNCHING")
	id := a.ids()[0]
	a.mustReroot(nil, nil)
	a.until("a wait", func() bool { _, ok := a.in(types.LifecycleStatePendingWait); return ok })
	if _, err := a.ec2.StopInstances(t.Context(), &sdkec2.StopInstancesInput{InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	a.w.Clock().Step(time.Minute)
	a.complete("up", id, "CONTINUE")
	a.until("another in its place", func() bool { now, ok := a.in(types.LifecycleStatePendingWait); return ok && now != id })
}
