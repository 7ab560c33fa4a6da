package autoscaling

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

func (r *rig) setAlarm(name string) error {
	return r.w.Do(account, region, func(tx *world.Tx) error { r.s.SetAlarm(tx, name, true); return nil })
}

func spec(v string) *types.LaunchTemplateSpecification {
	return &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-1"), Version: &v}
}

func TestStartRefuses(t *testing.T) {
	desired := func(v string) *types.DesiredConfiguration {
		return &types.DesiredConfiguration{LaunchTemplate: spec(v)}
	}
	back := &types.RefreshPreferences{AutoRollback: aws.Bool(true)}
	for _, c := range []struct {
		name  string
		saved string
		d     *types.DesiredConfiguration
		p     *types.RefreshPreferences
		code  string
	}{
		{"rollback without desired configuration", "1", nil, back, "ValidationError"},
		{"rollback to $Latest", "$Latest", desired("2"), back, "ValidationError"},
		{"rollback to $Default", "$Default", desired("2"), back, "ValidationError"},
		{"rollback from $Latest", "1", desired("$Latest"), back, "ValidationError"},
		{"rollback with a Systems Manager parameter", "1", desired("4"), back, "ValidationError"},
		{"an unknown template version", "1", desired("9"), nil, "ValidationError"},
		{"max without min", "1", nil, &types.RefreshPreferences{MaxHealthyPercentage: aws.Int32(110)}, "ValidationError"},
		{"max below 100", "1", nil, &types.RefreshPreferences{MinHealthyPercentage: aws.Int32(90), MaxHealthyPercentage: aws.Int32(99)}, "ValidationError"},
		{"more than 100 apart", "1", nil, &types.RefreshPreferences{MinHealthyPercentage: aws.Int32(50), MaxHealthyPercentage: aws.Int32(151)}, "ValidationError"},
		{"min above 100", "1", nil, &types.RefreshPreferences{MinHealthyPercentage: aws.Int32(101)}, "ValidationError"},
		{"checkpoints that descend", "1", nil, &types.RefreshPreferences{CheckpointPercentages: []int32{50, 20}}, "ValidationError"},
		{"a checkpoint of 0", "1", nil, &types.RefreshPreferences{CheckpointPercentages: []int32{0, 20}}, "ValidationError"},
		{"a delay without checkpoints", "1", nil, &types.RefreshPreferences{CheckpointDelay: aws.Int32(60)}, "ValidationError"},
		{"a delay above 48 h", "1", nil, &types.RefreshPreferences{CheckpointPercentages: []int32{20}, CheckpointDelay: aws.Int32(172801)}, "ValidationError"},
		{"a bake time above 48 h", "1", nil, &types.RefreshPreferences{BakeTime: aws.Int32(172801)}, "ValidationError"},
		{"eleven alarms", "1", nil, &types.RefreshPreferences{AlarmSpecification: &types.AlarmSpecification{Alarms: make([]string, 11)}}, "ValidationError"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t)
			r.group("web", 1, func(in *asg.CreateAutoScalingGroupInput) { in.LaunchTemplate = spec(c.saved) })
			_, err := call(r, r.s.StartInstanceRefresh, &asg.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web"), DesiredConfiguration: c.d, Preferences: c.p})
			if code(err) != c.code {
				t.Fatalf("got %v, want %s", err, c.code)
			}
			if out := must(r, r.s.DescribeInstanceRefreshes, &asg.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String("web")}); len(out.InstanceRefreshes) != 0 {
				t.Fatal("a refused start left a refresh")
			}
		})
	}
}

func TestStartRefusesASecondRefreshAndTheTemplateUpdateDuringOne(t *testing.T) {
	r := start(t)
	r.group("web", 2)
	r.refresh("web", 2, nil)
	_, err := call(r, r.s.StartInstanceRefresh, &asg.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
	if code(err) != "InstanceRefreshInProgress" {
		t.Fatal(err)
	}
	_, err = call(r, r.s.UpdateAutoScalingGroup, &asg.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), LaunchTemplate: version(3)})
	if code(err) != "ValidationError" {
		t.Fatal(err)
	}
	if _, err = call(r, r.s.StartInstanceRefresh, &asg.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("nil")}); code(err) != "ValidationError" {
		t.Fatal(err)
	}
	if _, err = call(r, r.s.RollbackInstanceRefresh, &asg.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("nil")}); code(err) != "ValidationError" {
		t.Fatal(err)
	}
}

func TestRollbackIsRefusedWithoutADesiredConfiguration(t *testing.T) {
	r := start(t)
	r.group("web", 2)
	must(r, r.s.StartInstanceRefresh, &asg.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
	if _, err := call(r, r.s.RollbackInstanceRefresh, &asg.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("web")}); code(err) != "IrreversibleInstanceRefresh" {
		t.Fatal(err)
	}
}

func TestDefaultsComeFromGroupAndPolicy(t *testing.T) {
	g := group{Spec: types.AutoScalingGroup{HealthCheckGracePeriod: aws.Int32(120)}}
	p, err := preferences(g, nil)
	if err != nil || *p.MinHealthyPercentage != 90 || p.MaxHealthyPercentage != nil || *p.InstanceWarmup != 120 || p.StandbyInstances != types.StandbyInstancesWait || p.ScaleInProtectedInstances != types.ScaleInProtectedInstancesWait {
		t.Fatalf("%+v %v", p, err)
	}
	g.Spec.DefaultInstanceWarmup = aws.Int32(30)
	g.Spec.InstanceMaintenancePolicy = &types.InstanceMaintenancePolicy{MinHealthyPercentage: aws.Int32(100), MaxHealthyPercentage: aws.Int32(150)}
	p, err = preferences(g, &types.RefreshPreferences{CheckpointPercentages: []int32{50, 100}})
	if err != nil || *p.MinHealthyPercentage != 100 || *p.MaxHealthyPercentage != 150 || *p.InstanceWarmup != 30 || *p.CheckpointDelay != 3600 {
		t.Fatalf("%+v %v", p, err)
	}
}
