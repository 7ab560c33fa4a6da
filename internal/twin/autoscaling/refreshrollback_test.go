package autoscaling

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

func TestBadImageIsRolledBackAfterAnHour(t *testing.T) {
	r := start(t)
	r.group("web", 6)
	lowest := 99
	r.watch(func(c capacity, _ string) { lowest = min(lowest, c.serving) })
	r.refresh("web", 3, &types.RefreshPreferences{AutoRollback: aws.Bool(true)})
	began := r.w.Clock().Now()
	r.step(59 * time.Minute)
	if s := r.status("web"); s.Status != types.InstanceRefreshStatusInProgress || *s.PercentageComplete != 0 {
		t.Fatalf("after 59 minutes %s %d%%", s.Status, *s.PercentageComplete)
	}
	r.step(2 * time.Minute)
	s := r.status("web")
	if s.Status != types.InstanceRefreshStatusRollbackInProgress || s.RollbackDetails == nil {
		t.Fatalf("after an hour %s: %s", s.Status, aws.ToString(s.StatusReason))
	}
	s = r.until("web", 30*time.Minute)
	if s.Status != types.InstanceRefreshStatusRollbackSuccessful || *s.PercentageComplete != 0 {
		t.Fatalf("%s after %s", s.Status, r.w.Clock().Now().Sub(began))
	}
	if v := r.versions("web"); v["1"] != 6 || len(v) != 1 {
		t.Fatalf("versions in service %v", v)
	}
	if g := r.describe("web"); *g.LaunchTemplate.Version != "1" {
		t.Fatalf("group on version %s", *g.LaunchTemplate.Version)
	}
	if lowest != 5 {
		t.Fatalf("lowest serving count %d, want 5", lowest)
	}
}

func TestBadImageWithoutRollbackFailsAndLeavesAMixedFleet(t *testing.T) {
	r := start(t)
	r.group("web", 4)
	r.refresh("web", 3, nil)
	s := r.until("web", 2*time.Hour)
	if s.Status != types.InstanceRefreshStatusFailed || aws.ToString(s.StatusReason) == "" {
		t.Fatalf("%s: %s", s.Status, aws.ToString(s.StatusReason))
	}
	if v := r.versions("web"); v["1"] < 3 || *r.describe("web").LaunchTemplate.Version != "1" {
		t.Fatalf("versions in service %v", v)
	}
	// What is launched from now on follows the saved configuration again.
	r.step(10 * time.Minute)
	if v := r.versions("web"); v["1"] != 4 {
		t.Fatalf("ten minutes later %v", v)
	}
}

func TestBakeTimeAndAlarm(t *testing.T) {
	for _, alarm := range []bool{false, true} {
		r := start(t)
		r.group("web", 2)
		r.refresh("web", 2, &types.RefreshPreferences{BakeTime: aws.Int32(1800), AutoRollback: aws.Bool(true), AlarmSpecification: &types.AlarmSpecification{Alarms: []string{"errors"}}})
		r.step(6 * time.Minute)
		if s := r.status("web"); s.Status != types.InstanceRefreshStatusBaking || *r.describe("web").LaunchTemplate.Version != "1" {
			t.Fatalf("%s", s.Status)
		}
		want := types.InstanceRefreshStatusSuccessful
		if alarm {
			want = types.InstanceRefreshStatusRollbackSuccessful
			if err := r.setAlarm("errors"); err != nil {
				t.Fatal(err)
			}
		}
		if s := r.until("web", 2*time.Hour); s.Status != want {
			t.Fatalf("%s, want %s", s.Status, want)
		}
	}
}

func TestAlarmWithoutRollbackFails(t *testing.T) {
	r := start(t)
	r.group("web", 4)
	r.refresh("web", 2, &types.RefreshPreferences{AlarmSpecification: &types.AlarmSpecification{Alarms: []string{"errors"}}})
	r.step(2 * time.Minute)
	if err := r.setAlarm("errors"); err != nil {
		t.Fatal(err)
	}
	r.step(time.Second)
	if s := r.status("web"); s.Status != types.InstanceRefreshStatusFailed {
		t.Fatal(s.Status)
	}
	if v := r.versions("web"); v["1"] == 0 || v["2"] == 0 {
		t.Fatalf("the fleet is not mixed: %v", v)
	}
}

func TestCancelWaitsForWhatIsUnderWay(t *testing.T) {
	r := start(t)
	r.group("web", 4)
	r.refresh("web", 2, nil)
	r.step(10 * time.Second)
	must(r, r.s.CancelInstanceRefresh, &asg.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
	if s := r.status("web"); s.Status != types.InstanceRefreshStatusCancelling {
		t.Fatal(s.Status)
	}
	if _, err := call(r, r.s.StartInstanceRefresh, &asg.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("web")}); code(err) != "InstanceRefreshInProgress" {
		t.Fatal(err)
	}
	if s := r.until("web", 10*time.Minute); s.Status != types.InstanceRefreshStatusCancelled || s.EndTime.Sub(*s.StartTime) < 60*time.Second {
		t.Fatalf("%s after %s", s.Status, s.EndTime.Sub(*s.StartTime))
	}
	if v := r.versions("web"); v["2"] != 1 || v["1"] != 3 {
		t.Fatalf("%v", v)
	}
	if _, err := call(r, r.s.CancelInstanceRefresh, &asg.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("web")}); code(err) != "ActiveInstanceRefreshNotFound" {
		t.Fatal(err)
	}
}

func TestRollbackOnRequest(t *testing.T) {
	r := start(t)
	r.group("web", 4)
	r.refresh("web", 2, nil)
	r.step(4 * time.Minute)
	before := *r.status("web").PercentageComplete
	if before == 0 {
		t.Fatal("nothing was replaced")
	}
	must(r, r.s.RollbackInstanceRefresh, &asg.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
	if _, err := call(r, r.s.RollbackInstanceRefresh, &asg.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("web")}); code(err) != "IrreversibleInstanceRefresh" {
		t.Fatal(err)
	}
	last := before
	for range 100 {
		s := r.status("web")
		if *s.PercentageComplete > last {
			t.Fatalf("percentage went up from %d to %d", last, *s.PercentageComplete)
		}
		last = *s.PercentageComplete
		r.step(5 * time.Second)
	}
	if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusRollbackSuccessful || *s.RollbackDetails.PercentageCompleteOnRollback != before {
		t.Fatalf("%s", s.Status)
	}
	if v := r.versions("web"); v["1"] != 4 || len(v) != 1 {
		t.Fatalf("%v", v)
	}
}

func TestRollbackFailsWhenTheOldConfigurationCannotBeLaunched(t *testing.T) {
	r := start(t)
	r.group("web", 3)
	r.refresh("web", 2, nil)
	r.step(3 * time.Minute)
	r.ec2.refuse = func(l Launch) error {
		if l.Template.Image == "ami-1" {
			return invalid("The image id '[ami-1]' does not exist")
		}
		return nil
	}
	must(r, r.s.RollbackInstanceRefresh, &asg.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
	if s := r.until("web", 2*time.Hour); s.Status != types.InstanceRefreshStatusRollbackFailed {
		t.Fatal(s.Status)
	}
	acts := must(r, r.s.DescribeScalingActivities, &asg.DescribeScalingActivitiesInput{AutoScalingGroupName: aws.String("web")}).Activities
	if acts[0].StatusCode != types.ScalingActivityStatusCodeFailed || aws.ToString(acts[0].StatusMessage) == "" {
		t.Fatalf("last activity %s %s", acts[0].StatusCode, aws.ToString(acts[0].StatusMessage))
	}
}
