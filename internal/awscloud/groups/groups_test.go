package groups_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/goldenami/rehydrate/internal/awscloud/groups"
	"github.com/goldenami/rehydrate/rollout"
)

type asg struct {
	groups.GroupsAPI
	groups.RefreshesAPI
	found     []types.AutoScalingGroup
	asked     *autoscaling.DescribeAutoScalingGroupsInput
	updated   *autoscaling.UpdateAutoScalingGroupInput
	started   *autoscaling.StartInstanceRefreshInput
	startErr  error
	refreshes []types.InstanceRefresh
}

func (a *asg) DescribeAutoScalingGroups(_ context.Context, in *autoscaling.DescribeAutoScalingGroupsInput, _ ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
	a.asked = in
	return &autoscaling.DescribeAutoScalingGroupsOutput{AutoScalingGroups: a.found}, nil
}

func (a *asg) UpdateAutoScalingGroup(_ context.Context, in *autoscaling.UpdateAutoScalingGroupInput, _ ...func(*autoscaling.Options)) (*autoscaling.UpdateAutoScalingGroupOutput, error) {
	a.updated = in
	return &autoscaling.UpdateAutoScalingGroupOutput{}, nil
}

func (a *asg) StartInstanceRefresh(_ context.Context, in *autoscaling.StartInstanceRefreshInput, _ ...func(*autoscaling.Options)) (*autoscaling.StartInstanceRefreshOutput, error) {
	a.started = in
	return &autoscaling.StartInstanceRefreshOutput{InstanceRefreshId: aws.String("r-1")}, a.startErr
}

func (a *asg) DescribeInstanceRefreshes(context.Context, *autoscaling.DescribeInstanceRefreshesInput, ...func(*autoscaling.Options)) (*autoscaling.DescribeInstanceRefreshesOutput, error) {
	return &autoscaling.DescribeInstanceRefreshesOutput{InstanceRefreshes: a.refreshes}, nil
}

func spec(version string) *types.LaunchTemplateSpecification {
	return &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-1"), Version: &version}
}

// policy is a mixed-instances policy with something in every part.
func policy(version string) *types.MixedInstancesPolicy {
	return &types.MixedInstancesPolicy{
		LaunchTemplate: &types.LaunchTemplate{LaunchTemplateSpecification: spec(version), Overrides: []types.LaunchTemplateOverrides{
			{InstanceType: aws.String("m5.large"), WeightedCapacity: aws.String("2")},
			{InstanceRequirements: &types.InstanceRequirements{VCpuCount: &types.VCpuCountRequest{Min: aws.Int32(0), Max: aws.Int32(4)},
				MemoryMiB: &types.MemoryMiBRequest{Min: aws.Int32(1024)}, CpuManufacturers: []types.CpuManufacturer{types.CpuManufacturerAmd}}},
		}},
		InstancesDistribution: &types.InstancesDistribution{OnDemandPercentageAboveBaseCapacity: aws.Int32(0), SpotAllocationStrategy: aws.String("lowest-price")},
	}
}

func TestAPolicyIsKeptWholeThroughPinAndRefresh(t *testing.T) {
	a := &asg{found: []types.AutoScalingGroup{{AutoScalingGroupName: aws.String("g"), MixedInstancesPolicy: policy("$Latest"),
		MinSize: aws.Int32(1), MaxSize: aws.Int32(9), DesiredCapacity: aws.Int32(3)}}}
	list, err := groups.Groups{API: a}.Find(t.Context(), []string{"g"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := list[0]
	if g.Template != (rollout.Template{ID: "lt-1", Version: "$Latest"}) || g.OwnOverrides || g.Min != 1 || g.Max != 9 || g.Desired != 3 {
		t.Errorf("%+v", g)
	}
	d := rollout.Desired{Template: rollout.Template{ID: "lt-1", Version: "7"}, Mixed: g.Mixed}
	if err := (groups.Groups{API: a}).Pin(t.Context(), "g", d); err != nil {
		t.Fatal(err)
	}
	if _, err := (groups.Refreshes{API: a}).Start(t.Context(), rollout.NewRefresh{Group: "g", Desired: d}); err != nil {
		t.Fatal(err)
	}
	same := cmpopts.IgnoreUnexported(types.MixedInstancesPolicy{}, types.LaunchTemplate{}, types.LaunchTemplateSpecification{}, types.LaunchTemplateOverrides{},
		types.InstanceRequirements{}, types.VCpuCountRequest{}, types.MemoryMiBRequest{}, types.InstancesDistribution{})
	for what, got := range map[string]*types.MixedInstancesPolicy{"pin": a.updated.MixedInstancesPolicy, "refresh": a.started.DesiredConfiguration.MixedInstancesPolicy} {
		if d := cmp.Diff(policy("7"), got, same); d != "" {
			t.Error(what, d)
		}
	}
	if a.updated.LaunchTemplate != nil || a.updated.MinSize != nil || a.updated.DesiredCapacity != nil {
		t.Errorf("the pin sets more than the template: %+v", a.updated)
	}
	// A refresh that is described comes back as what was asked for.
	a.refreshes = []types.InstanceRefresh{{InstanceRefreshId: aws.String("r-1"), Status: types.InstanceRefreshStatusInProgress,
		DesiredConfiguration: a.started.DesiredConfiguration, PercentageComplete: aws.Int32(40), RollbackDetails: &types.RollbackDetails{RollbackReason: aws.String("why")}}}
	back, err := groups.Refreshes{API: a}.List(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	if back[0].Desired.Template != d.Template || string(back[0].Desired.Mixed) != string(d.Mixed) || back[0].Percent != 40 || back[0].Reason != "why" {
		t.Errorf("%+v", back[0])
	}
}

func TestOverridesOfTheirOwnAreSeen(t *testing.T) {
	for what, o := range map[string]types.LaunchTemplateOverrides{
		"template": {LaunchTemplateSpecification: spec("1")}, "image": {ImageId: aws.String("ami-1")},
	} {
		p := policy("1")
		p.LaunchTemplate.Overrides = append(p.LaunchTemplate.Overrides, o)
		a := &asg{found: []types.AutoScalingGroup{{AutoScalingGroupName: aws.String("g"), MixedInstancesPolicy: p}}}
		if list, err := (groups.Groups{API: a}).Find(t.Context(), nil, map[string]string{"a": "b"}); err != nil || !list[0].OwnOverrides {
			t.Errorf("%s: %+v, %v", what, list, err)
		}
	}
}

func TestGroupsAreFoundByTagsInOrder(t *testing.T) {
	a := &asg{found: []types.AutoScalingGroup{{AutoScalingGroupName: aws.String("b"), LaunchTemplate: spec("1"), Status: aws.String("Delete in progress"),
		SuspendedProcesses: []types.SuspendedProcess{{ProcessName: aws.String("Launch")}}},
		{AutoScalingGroupName: aws.String("a"), LaunchConfigurationName: aws.String("lc"), WarmPoolConfiguration: &types.WarmPoolConfiguration{},
			Instances: []types.Instance{{InstanceId: aws.String("i-1"), LifecycleState: types.LifecycleStateInService, HealthStatus: aws.String("Healthy"),
				ProtectedFromScaleIn: aws.Bool(true), LaunchTemplate: spec("3"), WeightedCapacity: aws.String("4")}}}}}
	got, err := groups.Groups{API: a}.Find(t.Context(), nil, map[string]string{"ring": "dev", "app": "web"})
	if err != nil {
		t.Fatal(err)
	}
	want := []rollout.Group{
		{Name: "a", LaunchConfiguration: "lc", WarmPool: true, Instances: []rollout.Member{{ID: "i-1", State: rollout.InService, Healthy: true, Protected: true,
			Template: rollout.Template{ID: "lt-1", Version: "3"}, Weight: 4}}},
		{Name: "b", Template: rollout.Template{ID: "lt-1", Version: "1"}, Suspended: []string{"Launch"}, Deleting: true}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if f := a.asked.Filters; len(f) != 2 || *f[0].Name != "tag:app" || f[1].Values[0] != "dev" {
		t.Errorf("asked %+v", f)
	}
}

func TestPreferencesReachTheAPI(t *testing.T) {
	a := &asg{}
	warm := time.Duration(0)
	_, err := groups.Refreshes{API: a}.Start(t.Context(), rollout.NewRefresh{Group: "g", Desired: rollout.Desired{Template: rollout.Template{ID: "lt-1", Version: "2"}},
		Preferences: rollout.Preferences{MinHealthy: aws.Int(0), MaxHealthy: aws.Int(100), Checkpoints: []int{50, 100}, CheckpointDelay: time.Minute,
			Soak: time.Hour, Warmup: &warm, Rollback: true, Alarms: []string{"x"}, Protected: "Refresh", Standby: "Ignore"}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(a.started.Preferences)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"AlarmSpecification":{"Alarms":["x"]},"AutoRollback":true,"BakeTime":3600,"CheckpointDelay":60,"CheckpointPercentages":[50,100],"InstanceWarmup":0,` +
		`"MaxHealthyPercentage":100,"MinHealthyPercentage":0,"ScaleInProtectedInstances":"Refresh","SkipMatching":true,"StandbyInstances":"Ignore"}`
	if string(got) != want {
		t.Errorf("got %s", got)
	}
}

func TestARefreshInProgressIsItsOwnError(t *testing.T) {
	a := &asg{startErr: &types.InstanceRefreshInProgressFault{}}
	if _, err := (groups.Refreshes{API: a}).Start(t.Context(), rollout.NewRefresh{Group: "g"}); !errors.Is(err, rollout.ErrRefreshing) {
		t.Errorf("got %v", err)
	}
}

type templates struct {
	groups.TemplatesAPI
	created *ec2.CreateLaunchTemplateVersionInput
}

func (s *templates) CreateLaunchTemplateVersion(_ context.Context, in *ec2.CreateLaunchTemplateVersionInput, _ ...func(*ec2.Options)) (*ec2.CreateLaunchTemplateVersionOutput, error) {
	s.created = in
	return &ec2.CreateLaunchTemplateVersionOutput{LaunchTemplateVersion: &ec2types.LaunchTemplateVersion{LaunchTemplateId: in.LaunchTemplateId, VersionNumber: aws.Int64(11)}}, nil
}

func (s *templates) DescribeLaunchTemplateVersions(_ context.Context, in *ec2.DescribeLaunchTemplateVersionsInput, _ ...func(*ec2.Options)) (*ec2.DescribeLaunchTemplateVersionsOutput, error) {
	v := func(n int64) ec2types.LaunchTemplateVersion {
		return ec2types.LaunchTemplateVersion{LaunchTemplateId: in.LaunchTemplateId, VersionNumber: &n, DefaultVersion: aws.Bool(n == 9),
			LaunchTemplateData: &ec2types.ResponseLaunchTemplateData{ImageId: aws.String("ami-1"), UserData: aws.String("eA==")}}
	}
	return &ec2.DescribeLaunchTemplateVersionsOutput{LaunchTemplateVersions: []ec2types.LaunchTemplateVersion{v(10), v(9)}}, nil
}

func TestATemplateVersionIsMadeOfItsSourceAndOneField(t *testing.T) {
	s := &templates{}
	v, err := groups.Templates{API: s}.Create(t.Context(), rollout.NewTemplateVersion{Template: "lt-1", Source: "9", Image: "ami-2", Description: "d", Token: "tok"})
	if err != nil || v.Number != "11" {
		t.Fatalf("%+v, %v", v, err)
	}
	if d, err := json.Marshal(s.created.LaunchTemplateData); err != nil || *s.created.SourceVersion != "9" || *s.created.ClientToken != "tok" || *s.created.LaunchTemplateData.ImageId != "ami-2" {
		t.Errorf("asked %s, %v", d, err)
	}
	list, err := groups.Templates{API: s}.Versions(t.Context(), "lt-1")
	if err != nil || len(list) != 2 || list[0].Number != "9" || !list[0].Default || list[1].Image != "ami-1" || string(list[0].Data) != `{"ImageId":"ami-1","UserData":"eA=="}` {
		t.Errorf("%+v, %v", list, err)
	}
}
