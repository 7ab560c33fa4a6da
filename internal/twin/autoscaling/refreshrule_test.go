package autoscaling

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestRefreshFailsAfterFourteenDays(t *testing.T) {
	r := start(t)
	r.group("web", 10)
	// A day's wait at each of ten checkpoints and a long bake time last longer.
	r.refresh("web", 2, &types.RefreshPreferences{
		CheckpointPercentages: []int32{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}, CheckpointDelay: aws.Int32(172800), BakeTime: aws.Int32(172800)})
	s := r.until("web", 15*24*time.Hour)
	if took := s.EndTime.Sub(*s.StartTime); s.Status != types.InstanceRefreshStatusFailed || took != 14*24*time.Hour {
		t.Fatalf("%s after %s", s.Status, took)
	}
	if v := r.versions("web"); v["1"] == 0 || v["2"] == 0 {
		t.Fatalf("no mixed fleet: %v", v)
	}
}

func TestRefreshesAreToldForSixWeeks(t *testing.T) {
	r := start(t)
	r.group("web", 1)
	r.refresh("web", 2, nil)
	r.until("web", time.Hour)
	r.step(6*7*24*time.Hour - time.Minute)
	list := func() int {
		return len(must(r, r.s.DescribeInstanceRefreshes, &asg.DescribeInstanceRefreshesInput{AutoScalingGroupName: aws.String("web")}).InstanceRefreshes)
	}
	if list() != 1 {
		t.Fatal("forgotten too early")
	}
	r.step(2 * time.Minute)
	if list() != 0 {
		t.Fatal("still told after six weeks")
	}
}

func TestRefreshAfterACancelledOneIsPendingUntilThatOnesInstancesHaveMoved(t *testing.T) {
	r := start(t)
	r.group("web", 4)
	r.refresh("web", 2, nil)
	r.step(4 * time.Second) // one is ended, one is being launched
	must(r, r.s.CancelInstanceRefresh, &asg.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("web"), WaitForTransitioningInstances: aws.Bool(false)})
	r.hook("down", terminating, nil)
	r.refresh("web", 2, nil)
	r.step(15 * time.Second)
	if s := r.status("web"); s.Status != types.InstanceRefreshStatusPending || *s.PercentageComplete != 0 {
		t.Fatalf("%s: %s", s.Status, aws.ToString(s.StatusReason))
	}
	r.step(30 * time.Second)
	if s := r.status("web"); s.Status != types.InstanceRefreshStatusInProgress {
		t.Fatalf("%s: %s", s.Status, aws.ToString(s.StatusReason))
	}
}

func TestPartialRefreshRunAgainTakesTheOlderInstancesFirst(t *testing.T) {
	r := start(t)
	r.group("web", 4)
	p := &types.RefreshPreferences{CheckpointPercentages: []int32{50}}
	for range 2 {
		r.refresh("web", 2, p)
		if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful || *s.PercentageComplete != 50 {
			t.Fatalf("%s %d%%", s.Status, *s.PercentageComplete)
		}
	}
	if v := r.versions("web"); v["2"] != 4 {
		t.Fatalf("%v: the second replaced what the first had launched", v)
	}
}

func TestCheckpointIsReachedAgainAfterAScaleOut(t *testing.T) {
	r := start(t)
	r.group("web", 4)
	r.refresh("web", 2, &types.RefreshPreferences{CheckpointPercentages: []int32{50, 100}, CheckpointDelay: aws.Int32(600)})
	for len(r.events("refresh.checkpoint")) == 0 {
		r.step(10 * time.Second)
	}
	r.scale(12)
	if s := r.until("web", 3*time.Hour); s.Status != types.InstanceRefreshStatusSuccessful || r.versions("web")["2"] != 12 {
		t.Fatalf("%s %v", s.Status, r.versions("web"))
	}
}

func TestScaleInDuringARefreshEndsOldInstancesFirst(t *testing.T) {
	r := start(t)
	r.group("web", 6)
	r.refresh("web", 2, nil)
	for r.versions("web")["2"] < 2 {
		r.step(10 * time.Second)
	}
	r.scale(2)
	if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful || *s.PercentageComplete != 100 {
		t.Fatalf("%s %d%%", s.Status, *s.PercentageComplete)
	}
	r.step(2 * time.Minute)
	if v := r.versions("web"); v["2"] != 2 || len(v) != 1 {
		t.Fatalf("%v", v)
	}
}

func TestMaintenancePolicyIsTheDefaultOfARefresh(t *testing.T) {
	r := start(t)
	r.group("web", 10, maintained(100, 150))
	low, high := 99, 0
	r.watch(func(c capacity, _ string) { low, high = min(low, c.serving), max(high, c.total) })
	r.refresh("web", 2, nil)
	s := r.until("web", 2*time.Hour)
	if s.Status != types.InstanceRefreshStatusSuccessful || *s.Preferences.MaxHealthyPercentage != 150 || low != 10 || high != 15 {
		t.Fatalf("%s, serving down to %d, in all up to %d", s.Status, low, high)
	}
}

func TestWithLatestTheVersionIsTakenAnewForEachInstance(t *testing.T) {
	r := start(t)
	r.ec2.lt["lt-2"] = []string{"ami-1"}
	latest := &types.LaunchTemplateSpecification{LaunchTemplateId: aws.String("lt-2"), Version: aws.String("$Latest")}
	r.group("web", 4, func(in *asg.CreateAutoScalingGroupInput) { in.LaunchTemplate = latest })
	r.ec2.lt["lt-2"] = append(r.ec2.lt["lt-2"], "ami-2")
	must(r, r.s.StartInstanceRefresh, &asg.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web"), Preferences: &types.RefreshPreferences{SkipMatching: aws.Bool(true)}})
	for r.versions("web")["2"] < 2 {
		r.step(10 * time.Second)
	}
	r.ec2.lt["lt-2"] = append(r.ec2.lt["lt-2"], "ami-2")
	r.until("web", 2*time.Hour)
	if v := r.versions("web"); v["3"] == 0 || v["1"] != 0 {
		t.Fatalf("%v: the newer version was not seen", v)
	}
}

func TestParameterForAnImage(t *testing.T) {
	r := start(t)
	r.group("web", 2, func(in *asg.CreateAutoScalingGroupInput) { in.LaunchTemplate = version(4) })
	try := func(name string, d *types.DesiredConfiguration, p *types.RefreshPreferences) {
		t.Helper()
		if _, err := call(r, r.s.StartInstanceRefresh, &asg.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web"), DesiredConfiguration: d, Preferences: p}); code(err) != "ValidationError" {
			t.Errorf("%s: %v", name, err)
		}
	}
	alias := &types.DesiredConfiguration{LaunchTemplate: version(4)}
	try("a desired configuration on a parameter", alias, nil)
	try("skip matching on a parameter", nil, &types.RefreshPreferences{SkipMatching: aws.Bool(true)})
	try("rollback to a parameter", &types.DesiredConfiguration{LaunchTemplate: version(2)}, &types.RefreshPreferences{AutoRollback: aws.Bool(true)})
	must(r, r.s.StartInstanceRefresh, &asg.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
	if _, err := call(r, r.s.RollbackInstanceRefresh, &asg.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("web")}); code(err) != "IrreversibleInstanceRefresh" {
		t.Errorf("rollback on a parameter: %v", err)
	}
	if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful {
		t.Fatal(s.Status)
	}
	delete(r.ec2.images, "resolve:ssm:/golden") // the parameter is gone
	for name, f := range map[string]func() error{
		"create": func() error {
			_, err := call(r, r.s.CreateAutoScalingGroup, &asg.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("b"), MinSize: aws.Int32(0), MaxSize: aws.Int32(0), LaunchTemplate: version(4), AvailabilityZones: []string{"eu-central-1a"}})
			return err
		},
		"update": func() error {
			_, err := call(r, r.s.UpdateAutoScalingGroup, &asg.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MaxSize: aws.Int32(60)})
			return err
		},
	} {
		if err := f(); code(err) != "ValidationError" {
			t.Errorf("%s without the parameter: %v", name, err)
		}
	}
}

func TestAlarmThatClearsDoesNotFailALaterRefresh(t *testing.T) {
	r := start(t)
	r.group("web", 2)
	p := &types.RefreshPreferences{AlarmSpecification: &types.AlarmSpecification{Alarms: []string{"errors"}}}
	if err := r.setAlarm("errors"); err != nil {
		t.Fatal(err)
	}
	r.refresh("web", 2, p)
	if s := r.until("web", time.Minute); s.Status != types.InstanceRefreshStatusFailed || r.versions("web")["1"] != 2 {
		t.Fatalf("%s %v although the alarm was on from the start", s.Status, r.versions("web"))
	}
	if err := r.w.Do(account, region, func(tx *world.Tx) error { r.s.SetAlarm(tx, "errors", false); return nil }); err != nil {
		t.Fatal(err)
	}
	r.refresh("web", 2, p)
	if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful {
		t.Fatal(s.Status)
	}
}

func TestZoneLostDuringARefreshIsReplacedInTheOtherZone(t *testing.T) {
	r := start(t)
	r.group("web", 6)
	r.refresh("web", 2, nil)
	r.step(2 * time.Minute)
	r.without("", "eu-central-1a")
	for _, i := range r.describe("web").Instances {
		if *i.AvailabilityZone == "eu-central-1a" && i.LifecycleState == types.LifecycleStateInService {
			if err := r.w.Do(account, region, func(tx *world.Tx) error { return r.ec2.Terminate(tx, *i.InstanceId) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := r.until("web", 3*time.Hour); s.Status != types.InstanceRefreshStatusSuccessful || r.versions("web")["2"] != 6 {
		t.Fatalf("%s %v", s.Status, r.versions("web"))
	}
	for _, i := range r.describe("web").Instances {
		if *i.AvailabilityZone != "eu-central-1b" {
			t.Errorf("%s is in %s", *i.InstanceId, *i.AvailabilityZone)
		}
	}
}
