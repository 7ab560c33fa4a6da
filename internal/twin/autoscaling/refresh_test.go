package autoscaling

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

func TestRefreshRollsSixInstancesAtNinetyPercentOneByOneAndWritesTheConfigurationAtTheEnd(t *testing.T) {
	r := start(t)
	r.group("web", 6)
	lowest := 99
	r.watch(func(c capacity, _ string) { lowest = min(lowest, c.serving) })
	id := r.refresh("web", 2, nil)
	if s := r.status("web"); s.Status != types.InstanceRefreshStatusPending || *s.InstanceRefreshId != id || *s.PercentageComplete != 0 {
		t.Fatalf("begins as %s %d%%", s.Status, *s.PercentageComplete)
	}
	r.step(2 * time.Minute)
	if s := r.status("web"); s.Status != types.InstanceRefreshStatusInProgress || *s.PercentageComplete != 16 || *s.InstancesToUpdate != 5 {
		t.Fatalf("after two minutes %s %d%% left %d: %s", s.Status, *s.PercentageComplete, *s.InstancesToUpdate, aws.ToString(s.StatusReason))
	}
	if v := *r.describe("web").LaunchTemplate.Version; v != "1" {
		t.Fatalf("the group is on version %s before the refresh has succeeded", v)
	}
	s := r.until("web", time.Hour)
	if s.Status != types.InstanceRefreshStatusSuccessful || *s.PercentageComplete != 100 || *s.InstancesToUpdate != 0 {
		t.Fatalf("ended as %s %d%%: %s", s.Status, *s.PercentageComplete, aws.ToString(s.StatusReason))
	}
	if v := r.versions("web"); v["2"] != 6 || len(v) != 1 {
		t.Fatalf("versions in service %v", v)
	}
	if v := *r.describe("web").LaunchTemplate.Version; v != "2" {
		t.Fatalf("the group stays on version %s", v)
	}
	if lowest != 5 {
		t.Fatalf("lowest serving count %d, want 5", lowest)
	}
}

func TestRefreshLaunchesFirstWhenMaxHealthyLeavesRoom(t *testing.T) {
	for _, c := range []struct {
		name         string
		n            int32
		low, high    int32
		floor, total int
	}{
		{"one instance", 1, 100, 200, 1, 2},
		{"one instance at an explicit 100/100", 1, 100, 100, 1, 2},
		{"ninety to explicit hundred of six", 6, 90, 100, 6, 7},
		{"ten at 100/120", 10, 100, 120, 10, 12},
		{"ten at 90/110", 10, 90, 110, 9, 11},
		{"all at once", 4, 0, 100, 0, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t)
			r.group("web", c.n)
			lowest, highest := 99, 0
			r.watch(func(c capacity, _ string) { lowest, highest = min(lowest, c.serving), max(highest, c.total) })
			r.refresh("web", 2, &types.RefreshPreferences{MinHealthyPercentage: &c.low, MaxHealthyPercentage: &c.high})
			if s := r.until("web", 2*time.Hour); s.Status != types.InstanceRefreshStatusSuccessful {
				t.Fatalf("%s: %s", s.Status, aws.ToString(s.StatusReason))
			}
			if lowest != c.floor || highest != c.total {
				t.Fatalf("serving down to %d, total up to %d; want %d and %d", lowest, highest, c.floor, c.total)
			}
			r.step(time.Minute)
			if v := r.versions("web"); v["2"] != int(c.n) || len(v) != 1 {
				t.Fatalf("versions in service %v", v)
			}
		})
	}
}

func TestSingleInstanceWithoutMaximumIsAnOutage(t *testing.T) {
	r := start(t)
	r.group("web", 1)
	lowest := 99
	r.watch(func(c capacity, _ string) { lowest = min(lowest, c.serving) })
	r.refresh("web", 2, &types.RefreshPreferences{MinHealthyPercentage: aws.Int32(100)})
	if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful || lowest != 0 {
		t.Fatalf("%s, lowest %d", s.Status, lowest)
	}
}

func TestCheckpoints(t *testing.T) {
	r := start(t)
	r.group("web", 10)
	r.refresh("web", 2, &types.RefreshPreferences{
		MinHealthyPercentage: aws.Int32(80), CheckpointPercentages: []int32{20, 50, 100}, CheckpointDelay: aws.Int32(900),
	})
	r.step(90 * time.Second) // two replaced: 3 s pending, 20 s launch, 60 s warm-up
	if s := r.status("web"); *s.PercentageComplete != 20 {
		t.Fatalf("%d%%: %s", *s.PercentageComplete, aws.ToString(s.StatusReason))
	}
	r.step(14 * time.Minute)
	if v := r.versions("web"); v["2"] != 2 {
		t.Fatalf("replaced during the wait: %v", v)
	}
	r.step(5 * time.Minute) // two and then one
	if s := r.status("web"); *s.PercentageComplete != 50 {
		t.Fatalf("%d%%: %s", *s.PercentageComplete, aws.ToString(s.StatusReason))
	}
	if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful || r.versions("web")["2"] != 10 {
		t.Fatalf("%s %v", s.Status, r.versions("web"))
	}
}

func TestLowerCheckpointsAreSkippedOnASmallGroup(t *testing.T) {
	r := start(t)
	r.group("web", 2)
	r.refresh("web", 2, &types.RefreshPreferences{CheckpointPercentages: []int32{10, 40, 100}, CheckpointDelay: aws.Int32(600)})
	r.until("web", time.Hour)
	var reached []int
	events, _ := r.w.Events()
	for _, e := range events {
		if e.Kind == "refresh.checkpoint" {
			reached = append(reached, e.Data["checkpoint"].(int))
		}
	}
	if len(reached) != 1 || reached[0] != 40 {
		t.Fatalf("checkpoints reached %v, want only 40", reached)
	}
}

func TestPartialRefreshEndsSuccessful(t *testing.T) {
	r := start(t)
	r.group("web", 10)
	r.refresh("web", 2, &types.RefreshPreferences{CheckpointPercentages: []int32{20}})
	if s := r.until("web", 2*time.Hour); s.Status != types.InstanceRefreshStatusSuccessful || *s.PercentageComplete != 20 {
		t.Fatalf("%s %d%%", s.Status, *s.PercentageComplete)
	}
	if v := r.versions("web"); v["1"] != 8 || v["2"] != 2 {
		t.Fatalf("%v", v)
	}
}

func TestSkipMatching(t *testing.T) {
	r := start(t)
	r.group("web", 4)
	before := r.describe("web").Instances
	p := &types.RefreshPreferences{SkipMatching: aws.Bool(true)}
	r.refresh("web", 1, p)
	if s := r.until("web", time.Minute); s.Status != types.InstanceRefreshStatusSuccessful || *s.PercentageComplete != 100 {
		t.Fatalf("%s", s.Status)
	}
	for i, m := range r.describe("web").Instances {
		if *m.InstanceId != *before[i].InstanceId {
			t.Fatal("an instance that matched was replaced")
		}
	}
	r.refresh("web", 2, p)
	if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful || r.versions("web")["2"] != 4 {
		t.Fatalf("%s %v", s.Status, r.versions("web"))
	}
}

func TestProtectedAndStandby(t *testing.T) {
	for _, c := range []struct {
		name    string
		p       types.RefreshPreferences
		protect bool
		status  types.InstanceRefreshStatus
		old     int // version 1 in service at the end
	}{
		{"protected waits and fails after an hour", types.RefreshPreferences{}, true, types.InstanceRefreshStatusFailed, 1},
		{"protected ignored", types.RefreshPreferences{ScaleInProtectedInstances: types.ScaleInProtectedInstancesIgnore}, true, types.InstanceRefreshStatusSuccessful, 1},
		{"protected refreshed", types.RefreshPreferences{ScaleInProtectedInstances: types.ScaleInProtectedInstancesRefresh}, true, types.InstanceRefreshStatusSuccessful, 0},
		{"standby waits and fails after an hour", types.RefreshPreferences{}, false, types.InstanceRefreshStatusFailed, 0},
		{"standby ignored", types.RefreshPreferences{StandbyInstances: types.StandbyInstancesIgnore}, false, types.InstanceRefreshStatusSuccessful, 0},
		{"standby terminated", types.RefreshPreferences{StandbyInstances: types.StandbyInstancesTerminate}, false, types.InstanceRefreshStatusSuccessful, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t)
			r.group("web", 3)
			id := []string{*r.describe("web").Instances[0].InstanceId}
			if c.protect {
				must(r, r.s.SetInstanceProtection, &asg.SetInstanceProtectionInput{AutoScalingGroupName: aws.String("web"), InstanceIds: id, ProtectedFromScaleIn: aws.Bool(true)})
			} else {
				must(r, r.s.EnterStandby, &asg.EnterStandbyInput{AutoScalingGroupName: aws.String("web"), InstanceIds: id, ShouldDecrementDesiredCapacity: aws.Bool(true)})
			}
			r.refresh("web", 2, &c.p)
			s := r.until("web", 2*time.Hour)
			if s.Status != c.status || r.versions("web")["1"] != c.old {
				t.Fatalf("%s (%s) %v", s.Status, aws.ToString(s.StatusReason), r.versions("web"))
			}
			took := s.EndTime.Sub(*s.StartTime)
			if c.status == types.InstanceRefreshStatusFailed && took < time.Hour {
				t.Fatalf("failed after %s, before an hour", took)
			}
		})
	}
}

func TestProtectionRemovedLetsTheRefreshGoOn(t *testing.T) {
	r := start(t)
	r.group("web", 2)
	id := []string{*r.describe("web").Instances[0].InstanceId}
	in := &asg.SetInstanceProtectionInput{AutoScalingGroupName: aws.String("web"), InstanceIds: id, ProtectedFromScaleIn: aws.Bool(true)}
	must(r, r.s.SetInstanceProtection, in)
	r.refresh("web", 2, nil)
	r.step(30 * time.Minute)
	if s := r.status("web"); *s.PercentageComplete != 50 {
		t.Fatalf("%d%%", *s.PercentageComplete)
	}
	in.ProtectedFromScaleIn = aws.Bool(false)
	must(r, r.s.SetInstanceProtection, in)
	if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful {
		t.Fatal(s.Status)
	}
}

func TestSuspendedProcessHaltsARefresh(t *testing.T) {
	r := start(t)
	r.group("web", 2)
	must(r, r.s.SuspendProcesses, &asg.SuspendProcessesInput{AutoScalingGroupName: aws.String("web"), ScalingProcesses: []string{"InstanceRefresh"}})
	r.refresh("web", 2, nil)
	r.step(30 * time.Minute)
	if v := r.versions("web"); v["2"] != 0 {
		t.Fatalf("%v", v)
	}
	must(r, r.s.ResumeProcesses, &asg.ResumeProcessesInput{AutoScalingGroupName: aws.String("web"), ScalingProcesses: []string{"InstanceRefresh"}})
	if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful {
		t.Fatal(s.Status)
	}
}

func TestScaleOutDuringARefreshLaunchesTheDesiredConfiguration(t *testing.T) {
	r := start(t)
	r.group("web", 4)
	r.refresh("web", 2, nil)
	r.step(30 * time.Second)
	must(r, r.s.SetDesiredCapacity, &asg.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("web"), DesiredCapacity: aws.Int32(8)})
	r.step(30 * time.Second)
	if v := r.versions("web"); v["2"] != 5 {
		t.Fatalf("%v", v)
	}
	if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful || r.versions("web")["2"] != 8 {
		t.Fatalf("%s %v", s.Status, r.versions("web"))
	}
}
