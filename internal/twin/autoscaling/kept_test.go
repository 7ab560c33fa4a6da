package autoscaling

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

func (r *rig) configuration(name string) *asg.CreateLaunchConfigurationInput {
	return &asg.CreateLaunchConfigurationInput{LaunchConfigurationName: &name, ImageId: aws.String("ami-1"), InstanceType: aws.String("m5.large"), SecurityGroups: []string{"sg-1"}}
}

func TestGroupOnALaunchConfigurationMovesToATemplateByARefresh(t *testing.T) {
	r := start(t)
	must(r, r.s.CreateLaunchConfiguration, r.configuration("old"))
	r.group("web", 2, func(in *asg.CreateAutoScalingGroupInput) {
		in.LaunchTemplate, in.LaunchConfigurationName = nil, aws.String("old")
	})
	i := r.describe("web").Instances[0]
	if i.LaunchTemplate != nil || *i.LaunchConfigurationName != "old" || *i.InstanceType != "m5.large" {
		t.Fatalf("%+v", i)
	}
	for name, p := range map[string]*types.RefreshPreferences{"skip matching": {SkipMatching: aws.Bool(true)}, "rollback": {AutoRollback: aws.Bool(true)}} {
		if _, err := call(r, r.s.StartInstanceRefresh, &asg.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web"), Preferences: p}); code(err) != "ValidationError" {
			t.Errorf("%s on a launch configuration: %v", name, err)
		}
	}
	r.refresh("web", 2, nil)
	if _, err := call(r, r.s.RollbackInstanceRefresh, &asg.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("web")}); code(err) != "IrreversibleInstanceRefresh" {
		t.Errorf("rollback to a launch configuration: %v", err)
	}
	if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful {
		t.Fatal(s.Status)
	}
	if g := r.describe("web"); g.LaunchConfigurationName != nil || *g.LaunchTemplate.Version != "2" || r.versions("web")["2"] != 2 {
		t.Fatalf("%+v", g)
	}
}

func TestLaunchConfigurationsAreListedAndRefused(t *testing.T) {
	r := start(t)
	for _, n := range []string{"b", "a"} {
		must(r, r.s.CreateLaunchConfiguration, r.configuration(n))
	}
	out := must(r, r.s.DescribeLaunchConfigurations, &asg.DescribeLaunchConfigurationsInput{MaxRecords: aws.Int32(1)})
	if len(out.LaunchConfigurations) != 1 || *out.LaunchConfigurations[0].LaunchConfigurationName != "a" || out.NextToken == nil {
		t.Fatalf("%+v", out)
	}
	for name, c := range map[string]struct {
		edit func(*asg.CreateLaunchConfigurationInput)
		code string
	}{
		"a name that is taken": {func(in *asg.CreateLaunchConfigurationInput) { in.LaunchConfigurationName = aws.String("a") }, "AlreadyExists"},
		"no image":             {func(in *asg.CreateLaunchConfigurationInput) { in.ImageId = nil }, "ValidationError"},
		"an unknown image":     {func(in *asg.CreateLaunchConfigurationInput) { in.ImageId = aws.String("ami-9") }, "ValidationError"},
		"no type":              {func(in *asg.CreateLaunchConfigurationInput) { in.InstanceType = nil }, "ValidationError"},
		"a Spot price":         {func(in *asg.CreateLaunchConfigurationInput) { in.SpotPrice = aws.String("1") }, "UnsupportedOperation"},
	} {
		in := r.configuration("c")
		c.edit(in)
		if _, err := call(r, r.s.CreateLaunchConfiguration, in); code(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	for k := range maxConfigurations - 2 {
		must(r, r.s.CreateLaunchConfiguration, r.configuration(fmt.Sprint("x", k)))
	}
	if _, err := call(r, r.s.CreateLaunchConfiguration, r.configuration("c")); code(err) != "LimitExceeded" {
		t.Error(err)
	}
}

func TestScheduledActionsAreToldAsTheyWerePut(t *testing.T) {
	r := start(t)
	r.group("web", 0)
	put := func(name string, edit func(*asg.PutScheduledUpdateGroupActionInput)) error {
		in := &asg.PutScheduledUpdateGroupActionInput{AutoScalingGroupName: aws.String("web"), ScheduledActionName: &name, DesiredCapacity: aws.Int32(4), Recurrence: aws.String("0 2 * * 2"), TimeZone: aws.String("Europe/Berlin")}
		if edit != nil {
			edit(in)
		}
		_, err := call(r, r.s.PutScheduledUpdateGroupAction, in)
		return err
	}
	day := r.w.Clock().Now().Add(24 * time.Hour)
	if err := put("nightly", nil); err != nil {
		t.Fatal(err)
	}
	if err := put("once", func(in *asg.PutScheduledUpdateGroupActionInput) { in.Recurrence, in.StartTime = nil, &day }); err != nil {
		t.Fatal(err)
	}
	first := must(r, r.s.DescribeScheduledActions, &asg.DescribeScheduledActionsInput{}).ScheduledUpdateGroupActions
	if err := put("nightly", func(in *asg.PutScheduledUpdateGroupActionInput) { in.DesiredCapacity = aws.Int32(5) }); err != nil {
		t.Fatal(err)
	}
	out := must(r, r.s.DescribeScheduledActions, &asg.DescribeScheduledActionsInput{AutoScalingGroupName: aws.String("web"), ScheduledActionNames: []string{"nightly"}}).ScheduledUpdateGroupActions
	if len(first) != 2 || len(out) != 1 || *out[0].DesiredCapacity != 5 || *out[0].Recurrence != "0 2 * * 2" || *out[0].TimeZone != "Europe/Berlin" || *out[0].ScheduledActionARN != *first[0].ScheduledActionARN {
		t.Fatalf("%+v", out)
	}
	late := day.Add(time.Hour)
	if out := must(r, r.s.DescribeScheduledActions, &asg.DescribeScheduledActionsInput{StartTime: &late}); len(out.ScheduledUpdateGroupActions) != 1 {
		t.Errorf("from later on: %+v", out)
	}
	for name, edit := range map[string]func(*asg.PutScheduledUpdateGroupActionInput){
		"an unknown group": func(in *asg.PutScheduledUpdateGroupActionInput) { in.AutoScalingGroupName = aws.String("nil") },
		"nothing to set":   func(in *asg.PutScheduledUpdateGroupActionInput) { in.DesiredCapacity = nil },
		"no time":          func(in *asg.PutScheduledUpdateGroupActionInput) { in.Recurrence = nil },
		"a past start":     func(in *asg.PutScheduledUpdateGroupActionInput) { in.StartTime = aws.Time(day.Add(-48 * time.Hour)) },
		"an end before":    func(in *asg.PutScheduledUpdateGroupActionInput) { in.StartTime, in.EndTime = &late, &day },
		"six fields":       func(in *asg.PutScheduledUpdateGroupActionInput) { in.Recurrence = aws.String("0 2 * * 2 *") },
		"min above max": func(in *asg.PutScheduledUpdateGroupActionInput) {
			in.MinSize, in.MaxSize = aws.Int32(3), aws.Int32(2)
		},
	} {
		if err := put("x", edit); code(err) != "ValidationError" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for k := range maxScheduled - 2 {
		if err := put(fmt.Sprint("s", k), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := put("one more", nil); code(err) != "LimitExceeded" {
		t.Error(err)
	}
	if _, err := call(r, r.s.DescribeScheduledActions, &asg.DescribeScheduledActionsInput{AutoScalingGroupName: aws.String("nil")}); code(err) != "ValidationError" {
		t.Error(err)
	}
}

func TestScalingPoliciesAreToldAsTheyWerePut(t *testing.T) {
	r := start(t)
	r.group("web", 0)
	in := &asg.PutScalingPolicyInput{AutoScalingGroupName: aws.String("web"), PolicyName: aws.String("cpu"), PolicyType: aws.String("TargetTrackingScaling"), TargetTrackingConfiguration: &types.TargetTrackingConfiguration{
		TargetValue: aws.Float64(50), PredefinedMetricSpecification: &types.PredefinedMetricSpecification{PredefinedMetricType: types.MetricTypeASGAverageCPUUtilization}}}
	arn := *must(r, r.s.PutScalingPolicy, in).PolicyARN
	if again := *must(r, r.s.PutScalingPolicy, in).PolicyARN; again != arn {
		t.Errorf("%s, then %s", arn, again)
	}
	must(r, r.s.PutScalingPolicy, &asg.PutScalingPolicyInput{AutoScalingGroupName: aws.String("web"), PolicyName: aws.String("up"), AdjustmentType: aws.String("ChangeInCapacity"), ScalingAdjustment: aws.Int32(1)})
	for _, c := range []struct {
		in   *asg.DescribePoliciesInput
		want int
	}{
		{&asg.DescribePoliciesInput{}, 2}, {&asg.DescribePoliciesInput{PolicyNames: []string{arn}}, 1}, {&asg.DescribePoliciesInput{PolicyTypes: []string{"SimpleScaling"}}, 1},
		{&asg.DescribePoliciesInput{AutoScalingGroupName: aws.String("web"), PolicyNames: []string{"x"}}, 0},
	} {
		if out := must(r, r.s.DescribePolicies, c.in).ScalingPolicies; len(out) != c.want {
			t.Errorf("%+v: %d policies", c.in, len(out))
		}
	}
	for _, bad := range []*asg.PutScalingPolicyInput{
		{AutoScalingGroupName: aws.String("nil"), PolicyName: aws.String("x"), AdjustmentType: aws.String("ChangeInCapacity"), ScalingAdjustment: aws.Int32(1)},
		{AutoScalingGroupName: aws.String("web"), PolicyName: aws.String("x")},
		{AutoScalingGroupName: aws.String("web"), PolicyName: aws.String("x"), PolicyType: aws.String("StepScaling")},
		{AutoScalingGroupName: aws.String("web"), PolicyName: aws.String("x"), PolicyType: aws.String("TargetTrackingScaling")},
		{AutoScalingGroupName: aws.String("web"), PolicyName: aws.String("x"), PolicyType: aws.String("PredictiveScaling")},
		{AutoScalingGroupName: aws.String("web"), PolicyName: aws.String("x"), PolicyType: aws.String("Guessing")},
	} {
		if _, err := call(r, r.s.PutScalingPolicy, bad); code(err) != "ValidationError" {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if _, err := call(r, r.s.DescribePolicies, &asg.DescribePoliciesInput{AutoScalingGroupName: aws.String("nil")}); code(err) != "ValidationError" {
		t.Error(err)
	}
	must(r, r.s.DeleteAutoScalingGroup, &asg.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("web")})
	r.group("web", 0)
	if out := must(r, r.s.DescribePolicies, &asg.DescribePoliciesInput{}).ScalingPolicies; len(out) != 0 {
		t.Error("policies outlive their group")
	}
}

func TestWarmPoolIsTold(t *testing.T) {
	r := start(t)
	r.group("web", 1)
	if out := must(r, r.s.DescribeWarmPool, &asg.DescribeWarmPoolInput{AutoScalingGroupName: aws.String("web")}); out.WarmPoolConfiguration != nil {
		t.Fatalf("%+v", out)
	}
	must(r, r.s.PutWarmPool, &asg.PutWarmPoolInput{AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(2)})
	out := must(r, r.s.DescribeWarmPool, &asg.DescribeWarmPoolInput{AutoScalingGroupName: aws.String("web")})
	if c := out.WarmPoolConfiguration; *c.MinSize != 2 || c.PoolState != types.WarmPoolStateStopped || r.describe("web").WarmPoolConfiguration == nil {
		t.Fatalf("%+v", c)
	}
	r.group("mixed", 0, onPolicy(mixed(1, "m5.large", "")))
	for name, in := range map[string]*asg.PutWarmPoolInput{
		"an unknown group":      {AutoScalingGroupName: aws.String("nil")},
		"a negative size":       {AutoScalingGroupName: aws.String("web"), MinSize: aws.Int32(-1)},
		"less than nothing":     {AutoScalingGroupName: aws.String("web"), MaxGroupPreparedCapacity: aws.Int32(-2)},
		"a group with a policy": {AutoScalingGroupName: aws.String("mixed")},
	} {
		if _, err := call(r, r.s.PutWarmPool, in); code(err) != "ValidationError" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := call(r, r.s.DescribeWarmPool, &asg.DescribeWarmPoolInput{AutoScalingGroupName: aws.String("nil")}); code(err) != "ValidationError" {
		t.Error(err)
	}
}

func TestQuotas(t *testing.T) {
	r := start(t)
	r.group("web", 0)
	ids := make([]string, 51)
	for k := range ids {
		ids[k] = fmt.Sprint("i-", k)
	}
	for name, f := range map[string]func() error{
		"21 into standby": func() error {
			_, err := call(r, r.s.EnterStandby, &asg.EnterStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: ids[:21], ShouldDecrementDesiredCapacity: aws.Bool(true)})
			return err
		},
		"21 out of standby": func() error {
			_, err := call(r, r.s.ExitStandby, &asg.ExitStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: ids[:21]})
			return err
		},
		"51 protected": func() error {
			_, err := call(r, r.s.SetInstanceProtection, &asg.SetInstanceProtectionInput{AutoScalingGroupName: aws.String("web"), InstanceIds: ids, ProtectedFromScaleIn: aws.Bool(true)})
			return err
		},
	} {
		if err := f(); code(err) != "ValidationError" {
			t.Errorf("%s: %v", name, err)
		}
	}
	create := func(name string) error {
		_, err := call(r, r.s.CreateAutoScalingGroup, &asg.CreateAutoScalingGroupInput{AutoScalingGroupName: &name, MinSize: aws.Int32(0), MaxSize: aws.Int32(0), LaunchTemplate: version(1), AvailabilityZones: []string{"eu-central-1a"}})
		return err
	}
	for k := range maxGroups - 1 {
		if err := create(fmt.Sprint("g", k)); err != nil {
			t.Fatal(err)
		}
	}
	if err := create("one more"); code(err) != "LimitExceeded" {
		t.Error(err)
	}
}
