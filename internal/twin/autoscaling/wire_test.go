package autoscaling_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	sdkec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	sdkelb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/goldenami/rehydrate/internal/twin/autoscaling"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/elbv2"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// bare is a backing whose machines are only names.
type bare struct{ backing.Backing }

func (bare) Start(context.Context, backing.Machine) error   { return nil }
func (bare) Stop(context.Context, string) error             { return nil }
func (bare) Destroy(context.Context, backing.Machine) error { return nil }

const oldImage, newImage = "ami-00000000000000001", "ami-00000000000000002"

// account is a group-to-be on the twin's own EC2, through the real SDK; an answer that
// breaks the service model fails the test.
type account struct {
	t   *testing.T
	w   *world.World
	asg *sdk.Client
	ec2 *sdkec2.Client
	elb *sdkelb.Client
	// twin is the EC2 behind the wire.
	twin *ec2.Service
	lt   string
	// parameter is what resolve:ssm:/golden stands for; "" is nothing.
	parameter string
}

func open(t *testing.T) *account {
	t.Helper()
	a := serve(t, wiretest.World(t))
	a.fill()
	return a
}

// serve has the services of a world called through the SDK.
func serve(t *testing.T, w *world.World) *account {
	t.Helper()
	e := ec2.New(w, bare{}, t.TempDir())
	groups, targets := autoscaling.New(w, e), elbv2.New(w, e)
	groups.Balance(targets)
	cfg := wiretest.Client(t, w, e.Wire(), groups.Wire(), targets.Wire())
	a := &account{t: t, w: w, twin: e, asg: sdk.NewFromConfig(cfg), ec2: sdkec2.NewFromConfig(cfg), elb: sdkelb.NewFromConfig(cfg)}
	e.ResolveParameter = func(_ *world.Tx, name string) (string, error) {
		if a.parameter == "" || name != "/golden" {
			return "", errors.New("there is no such parameter")
		}
		return a.parameter, nil
	}
	w.Start()
	return a
}

// fill gives the account two images and a launch template with a version of each.
func (a *account) fill() {
	a.t.Helper()
	t, e := a.t, a.twin
	err := a.w.Do(wiretest.Account, wiretest.Region, func(tx *world.Tx) error {
		for _, id := range []string{oldImage, newImage} {
			if _, err := e.AddImage(tx, ec2.Image{ID: id, Name: id}, backing.Image{Layers: []string{"/nowhere"}}); err != nil {
				return err
			}
		}
		lt, err := e.MakeTemplate(tx, "web", "", ec2types.RequestLaunchTemplateData{ImageId: aws.String(oldImage), InstanceType: ec2types.InstanceTypeT3Micro}, nil)
		a.lt = lt.ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.ec2.CreateLaunchTemplateVersion(t.Context(), &sdkec2.CreateLaunchTemplateVersionInput{
		LaunchTemplateId: &a.lt, SourceVersion: aws.String("1"), LaunchTemplateData: &ec2types.RequestLaunchTemplateData{ImageId: aws.String(newImage)},
	}); err != nil {
		t.Fatal(err)
	}
}

func (a *account) subnet() string {
	a.t.Helper()
	out, err := a.ec2.DescribeSubnets(a.t.Context(), &sdkec2.DescribeSubnetsInput{})
	if err != nil || len(out.Subnets) == 0 {
		a.t.Fatalf("no subnet: %v", err)
	}
	return *out.Subnets[0].SubnetId
}

func (a *account) create(name string, n int32) {
	a.t.Helper()
	_, err := a.asg.CreateAutoScalingGroup(a.t.Context(), &sdk.CreateAutoScalingGroupInput{
		AutoScalingGroupName: &name, MinSize: aws.Int32(0), MaxSize: aws.Int32(10), DesiredCapacity: &n, VPCZoneIdentifier: aws.String(a.subnet()),
		LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateName: aws.String("web"), Version: aws.String("1")}, DefaultInstanceWarmup: aws.Int32(30),
		Tags: []types.Tag{{Key: aws.String("ring"), Value: aws.String("dev"), PropagateAtLaunch: aws.Bool(true)}},
	})
	if err != nil {
		a.t.Fatal(err)
	}
	a.w.Clock().Step(time.Minute)
}

func (a *account) group(name string) types.AutoScalingGroup {
	a.t.Helper()
	var all []types.AutoScalingGroup
	p := sdk.NewDescribeAutoScalingGroupsPaginator(a.asg, &sdk.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	for p.HasMorePages() {
		out, err := p.NextPage(a.t.Context())
		if err != nil {
			a.t.Fatal(err)
		}
		all = append(all, out.AutoScalingGroups...)
	}
	if len(all) != 1 {
		a.t.Fatalf("%d groups %s", len(all), name)
	}
	return all[0]
}

// images counts the group's instances by what EC2 says they run.
func (a *account) images(name string) map[string]int {
	a.t.Helper()
	var ids []string
	for _, i := range a.group(name).Instances {
		ids = append(ids, *i.InstanceId)
	}
	out, err := a.ec2.DescribeInstances(a.t.Context(), &sdkec2.DescribeInstancesInput{InstanceIds: ids})
	if err != nil {
		a.t.Fatal(err)
	}
	n := map[string]int{}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			n[*i.ImageId]++
			if tag(i.Tags, "ring") != "dev" || tag(i.Tags, "aws:autoscaling:groupName") != name {
				a.t.Errorf("tags of %s: %v", *i.InstanceId, i.Tags)
			}
		}
	}
	return n
}

func tag(tags []ec2types.Tag, key string) string {
	for _, t := range tags {
		if *t.Key == key {
			return *t.Value
		}
	}
	return ""
}

func TestRefreshThroughTheSDKOnTheTwinsEC2(t *testing.T) {
	a := open(t)
	ctx, name := t.Context(), aws.String("web")
	a.create("web", 6)
	if got := a.images("web"); got[oldImage] != 6 {
		t.Fatalf("%v", got)
	}
	start := &sdk.StartInstanceRefreshInput{
		AutoScalingGroupName: name,
		DesiredConfiguration: &types.DesiredConfiguration{LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: &a.lt, Version: aws.String("2")}},
		Preferences:          &types.RefreshPreferences{MinHealthyPercentage: aws.Int32(90), AutoRollback: aws.Bool(true), CheckpointPercentages: []int32{50, 100}, CheckpointDelay: aws.Int32(60)},
	}
	out, err := a.asg.StartInstanceRefresh(ctx, start)
	if err != nil {
		t.Fatal(err)
	}
	var busy *types.InstanceRefreshInProgressFault
	if _, err := a.asg.StartInstanceRefresh(ctx, start); !errors.As(err, &busy) {
		t.Fatalf("a second refresh: %v", err)
	}
	end := a.wait("web")
	if end.Status != types.InstanceRefreshStatusSuccessful || *end.InstanceRefreshId != *out.InstanceRefreshId || *end.PercentageComplete != 100 {
		t.Fatalf("%s: %s", end.Status, aws.ToString(end.StatusReason))
	}
	if got := a.images("web"); got[newImage] != 6 || len(got) != 1 {
		t.Fatalf("%v", got)
	}
	acts, err := a.asg.DescribeScalingActivities(ctx, &sdk.DescribeScalingActivitiesInput{AutoScalingGroupName: name})
	if err != nil || len(acts.Activities) != 18 {
		t.Fatalf("%d activities, want 12 launches and 6 terminations: %v", len(acts.Activities), err)
	}
	var none *types.ActiveInstanceRefreshNotFoundFault
	if _, err := a.asg.CancelInstanceRefresh(ctx, &sdk.CancelInstanceRefreshInput{AutoScalingGroupName: name}); !errors.As(err, &none) {
		t.Fatal(err)
	}
	if _, err := a.asg.StartInstanceRefresh(ctx, &sdk.StartInstanceRefreshInput{AutoScalingGroupName: name}); err != nil {
		t.Fatal(err)
	}
	var stays *types.IrreversibleInstanceRefreshFault
	if _, err := a.asg.RollbackInstanceRefresh(ctx, &sdk.RollbackInstanceRefreshInput{AutoScalingGroupName: name}); !errors.As(err, &stays) {
		t.Fatal(err)
	}
	if _, err := a.asg.CancelInstanceRefresh(ctx, &sdk.CancelInstanceRefreshInput{AutoScalingGroupName: name, WaitForTransitioningInstances: aws.Bool(false)}); err != nil {
		t.Fatal(err)
	}
	if end := a.wait("web"); end.Status != types.InstanceRefreshStatusCancelled {
		t.Fatal(end.Status)
	}
}

// wait steps until the newest refresh has ended.
func (a *account) wait(name string) types.InstanceRefresh {
	a.t.Helper()
	for range 1000 {
		out, err := a.asg.DescribeInstanceRefreshes(a.t.Context(), &sdk.DescribeInstanceRefreshesInput{AutoScalingGroupName: &name})
		if err != nil || len(out.InstanceRefreshes) == 0 {
			a.t.Fatalf("%v", err)
		}
		if r := out.InstanceRefreshes[0]; r.EndTime != nil {
			return r
		}
		a.w.Clock().Step(10 * time.Second)
	}
	a.t.Fatal("the refresh does not end")
	return types.InstanceRefresh{}
}

func TestTheOtherCallsThroughTheSDK(t *testing.T) {
	a := open(t)
	ctx, name := t.Context(), aws.String("web")
	a.create("web", 2)
	id := *a.group("web").Instances[0].InstanceId
	check := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	_, err := a.asg.SetInstanceProtection(ctx, &sdk.SetInstanceProtectionInput{AutoScalingGroupName: name, InstanceIds: []string{id}, ProtectedFromScaleIn: aws.Bool(true)})
	check("protect", err)
	_, err = a.asg.SuspendProcesses(ctx, &sdk.SuspendProcessesInput{AutoScalingGroupName: name, ScalingProcesses: []string{"AZRebalance"}})
	check("suspend", err)
	if g := a.group("web"); !*g.Instances[0].ProtectedFromScaleIn || len(g.SuspendedProcesses) != 1 || *g.SuspendedProcesses[0].ProcessName != "AZRebalance" {
		t.Fatalf("%+v", g)
	}
	_, err = a.asg.ResumeProcesses(ctx, &sdk.ResumeProcessesInput{AutoScalingGroupName: name})
	check("resume", err)
	in, err := a.asg.EnterStandby(ctx, &sdk.EnterStandbyInput{AutoScalingGroupName: name, InstanceIds: []string{id}, ShouldDecrementDesiredCapacity: aws.Bool(true)})
	if err != nil || len(in.Activities) != 1 {
		t.Fatal(err)
	}
	out, err := a.asg.ExitStandby(ctx, &sdk.ExitStandbyInput{AutoScalingGroupName: name, InstanceIds: []string{id}})
	if err != nil || len(out.Activities) != 1 {
		t.Fatal(err)
	}
	_, err = a.asg.SetInstanceHealth(ctx, &sdk.SetInstanceHealthInput{InstanceId: &id, HealthStatus: aws.String("Unhealthy")})
	check("health", err)
	a.w.Clock().Step(3 * time.Minute)
	is, err := a.asg.DescribeAutoScalingInstances(ctx, &sdk.DescribeAutoScalingInstancesInput{})
	if err != nil || len(is.AutoScalingInstances) != 2 || *is.AutoScalingInstances[0].InstanceId == id || *is.AutoScalingInstances[0].LaunchTemplate.Version != "1" {
		t.Fatalf("%+v %v", is, err)
	}
	dead, err := a.asg.TerminateInstanceInAutoScalingGroup(ctx, &sdk.TerminateInstanceInAutoScalingGroupInput{InstanceId: is.AutoScalingInstances[0].InstanceId, ShouldDecrementDesiredCapacity: aws.Bool(false)})
	if err != nil || dead.Activity == nil {
		t.Fatal(err)
	}
	_, err = a.asg.CreateOrUpdateTags(ctx, &sdk.CreateOrUpdateTagsInput{Tags: []types.Tag{{ResourceId: name, ResourceType: aws.String("auto-scaling-group"), Key: aws.String("k"), Value: aws.String("v"), PropagateAtLaunch: aws.Bool(false)}}})
	check("tag", err)
	tags, err := a.asg.DescribeTags(ctx, &sdk.DescribeTagsInput{})
	if err != nil || len(tags.Tags) != 2 {
		t.Fatalf("%+v %v", tags, err)
	}
	_, err = a.asg.DeleteTags(ctx, &sdk.DeleteTagsInput{Tags: []types.Tag{{ResourceId: name, ResourceType: aws.String("auto-scaling-group"), Key: aws.String("k")}}})
	check("untag", err)
	hooks, err := a.asg.DescribeLifecycleHooks(ctx, &sdk.DescribeLifecycleHooksInput{AutoScalingGroupName: name})
	if err != nil || len(hooks.LifecycleHooks) != 0 {
		t.Fatal(err)
	}
	_, err = a.asg.DescribeWarmPool(ctx, &sdk.DescribeWarmPoolInput{AutoScalingGroupName: name})
	check("warm pool", err)
	_, err = a.asg.UpdateAutoScalingGroup(ctx, &sdk.UpdateAutoScalingGroupInput{AutoScalingGroupName: name, MinSize: aws.Int32(1), InstanceMaintenancePolicy: &types.InstanceMaintenancePolicy{MinHealthyPercentage: aws.Int32(100), MaxHealthyPercentage: aws.Int32(110)}})
	check("update", err)
	_, err = a.asg.SetDesiredCapacity(ctx, &sdk.SetDesiredCapacityInput{AutoScalingGroupName: name, DesiredCapacity: aws.Int32(1)})
	check("scale", err)
	a.w.Clock().Step(3 * time.Minute)
	if g := a.group("web"); len(g.Instances) != 1 || *g.InstanceMaintenancePolicy.MaxHealthyPercentage != 110 {
		t.Fatalf("%+v", g)
	}
	var used *types.ResourceInUseFault
	if _, err := a.asg.DeleteAutoScalingGroup(ctx, &sdk.DeleteAutoScalingGroupInput{AutoScalingGroupName: name}); !errors.As(err, &used) {
		t.Fatal(err)
	}
	_, err = a.asg.DeleteAutoScalingGroup(ctx, &sdk.DeleteAutoScalingGroupInput{AutoScalingGroupName: name, ForceDelete: aws.Bool(true)})
	check("delete", err)
	a.w.Clock().Step(3 * time.Minute)
	gone, err := a.asg.DescribeAutoScalingGroups(ctx, &sdk.DescribeAutoScalingGroupsInput{})
	if err != nil || len(gone.AutoScalingGroups) != 0 {
		t.Fatalf("%+v %v", gone, err)
	}
}
