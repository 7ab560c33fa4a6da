package autoscaling_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/goldenami/rehydrate/internal/twin/autoscaling"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// rooted is a policy on version 1 of the template: instance types and images in turn.
func (a *account) rooted(typesAndImages ...string) *types.MixedInstancesPolicy {
	p := &types.MixedInstancesPolicy{LaunchTemplate: &types.LaunchTemplate{LaunchTemplateSpecification: &types.LaunchTemplateSpecification{LaunchTemplateId: &a.lt, Version: aws.String("1")}}}
	for k := 0; k < len(typesAndImages); k += 2 {
		o := types.LaunchTemplateOverrides{InstanceType: &typesAndImages[k]}
		if i := typesAndImages[k+1]; i != "" {
			o.ImageId = &i
		}
		p.LaunchTemplate.Overrides = append(p.LaunchTemplate.Overrides, o)
	}
	return p
}

// policied makes a group of n on the old image and lets it come up.
func (a *account) policied(n int32, edit func(*sdk.CreateAutoScalingGroupInput)) {
	a.t.Helper()
	in := &sdk.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(0), MaxSize: aws.Int32(20), DesiredCapacity: &n, VPCZoneIdentifier: aws.String(a.subnet()),
		MixedInstancesPolicy: a.rooted("t3.micro", oldImage), DefaultInstanceWarmup: aws.Int32(30),
		Tags: []types.Tag{{Key: aws.String("ring"), Value: aws.String("dev"), PropagateAtLaunch: aws.Bool(true)}},
	}
	if edit != nil {
		edit(in)
	}
	if _, err := a.asg.CreateAutoScalingGroup(a.t.Context(), in); err != nil {
		a.t.Fatal(err)
	}
	a.w.Clock().Step(time.Minute)
}

// reroot starts a refresh of web in place, to the new image unless edited.
func (a *account) reroot(p *types.RefreshPreferences, edit func(*sdk.StartInstanceRefreshInput)) error {
	in := &sdk.StartInstanceRefreshInput{
		AutoScalingGroupName: aws.String("web"), Strategy: types.RefreshStrategyReplaceRootVolume, Preferences: p,
		DesiredConfiguration: &types.DesiredConfiguration{MixedInstancesPolicy: a.rooted("t3.micro", newImage)},
	}
	if edit != nil {
		edit(in)
	}
	_, err := a.asg.StartInstanceRefresh(a.t.Context(), in)
	return err
}

func (a *account) mustReroot(p *types.RefreshPreferences, edit func(*sdk.StartInstanceRefreshInput)) {
	a.t.Helper()
	if err := a.reroot(p, edit); err != nil {
		a.t.Fatal(err)
	}
}

// machines are EC2's instances of the group by id.
func (a *account) machines() map[string]ec2types.Instance {
	a.t.Helper()
	var ids []string
	for _, i := range a.group("web").Instances {
		ids = append(ids, *i.InstanceId)
	}
	out, err := a.ec2.DescribeInstances(a.t.Context(), &sdkec2.DescribeInstancesInput{InstanceIds: ids})
	if err != nil {
		a.t.Fatal(err)
	}
	all := map[string]ec2types.Instance{}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			all[*i.InstanceId] = i
		}
	}
	return all
}

func (a *account) ids() []string { return slices.Sorted(maps.Keys(a.machines())) }

// now is the newest refresh.
func (a *account) now() types.InstanceRefresh {
	a.t.Helper()
	out, err := a.asg.DescribeInstanceRefreshes(a.t.Context(), &sdk.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String("web")})
	if err != nil || len(out.InstanceRefreshes) == 0 {
		a.t.Fatalf("no refresh: %v", err)
	}
	return out.InstanceRefreshes[0]
}

// until steps by seconds until ok holds, for an hour at most.
func (a *account) until(what string, ok func() bool) {
	a.t.Helper()
	for range 3600 {
		if ok() {
			return
		}
		a.w.Clock().Step(time.Second)
	}
	s := a.now()
	a.t.Fatalf("not within an hour: %s; the refresh is %s: %s", what, s.Status, aws.ToString(s.StatusReason))
}

// in says whether an instance of the group is in a lifecycle state, and which.
func (a *account) in(state types.LifecycleState) (id string, ok bool) {
	for _, i := range a.group("web").Instances {
		if i.LifecycleState == state {
			return *i.InstanceId, true
		}
	}
	return "", false
}

// ended checks how the newest refresh ends.
func (a *account) ended(status types.InstanceRefreshStatus, percent int32) types.InstanceRefresh {
	a.t.Helper()
	s := a.wait("web")
	if s.Status != status || *s.PercentageComplete != percent {
		a.t.Fatalf("%s at %d%%: %s; want %s at %d%%", s.Status, *s.PercentageComplete, aws.ToString(s.StatusReason), status, percent)
	}
	return s
}

// lows follows the fewest serving instances and the most instances from now on.
func (a *account) lows() func() (serving, total int) {
	low, high := 1<<20, 0
	a.w.OnEvent(func(e world.Event) {
		if e.Kind == "group.capacity" {
			low, high = min(low, e.Data["serving"].(int)), max(high, e.Data["total"].(int))
		}
	})
	return func() (int, int) { return low, high }
}

func (a *account) hook(name, transition string) {
	a.t.Helper()
	if _, err := a.asg.PutLifecycleHook(a.t.Context(), &sdk.PutLifecycleHookInput{
		AutoScalingGroupName: aws.String("web"), LifecycleHookName: &name, LifecycleTransition: aws.String("autoscaling:EC2_INSTANCE_" + transition), HeartbeatTimeout: aws.Int32(600),
	}); err != nil {
		a.t.Fatal(err)
	}
}

func (a *account) complete(hook, id, result string) {
	a.t.Helper()
	if _, err := a.asg.CompleteLifecycleAction(a.t.Context(), &sdk.CompleteLifecycleActionInput{
		AutoScalingGroupName: aws.String("web"), LifecycleHookName: &hook, InstanceId: &id, LifecycleActionResult: &result,
	}); err != nil {
		a.t.Fatal(err)
	}
}

// addImage puts another image into the account.
func (a *account) addImage(edit func(*ec2.Image)) string {
	a.t.Helper()
	i := ec2.Image{Name: fmt.Sprint("another-", len(a.t.Name()))}
	edit(&i)
	if err := a.w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) (err error) {
		i, err = a.twin.AddImage(tx, i, backing.Image{Layers: []string{"/nowhere"}})
		return err
	}); err != nil {
		a.t.Fatal(err)
	}
	return i.ID
}

// unhealthy has the instances that are given an image fail their checks.
func (a *account) unhealthy(image string) {
	a.t.Helper()
	if _, err := a.ec2.CreateTags(a.t.Context(), &sdkec2.CreateTagsInput{Resources: []string{image}, Tags: []ec2types.Tag{{Key: aws.String(autoscaling.FaultTag), Value: aws.String("true")}}}); err != nil {
		a.t.Fatal(err)
	}
}
