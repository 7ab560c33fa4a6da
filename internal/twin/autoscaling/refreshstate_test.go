package autoscaling

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	sdkcloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/goldenami/rehydrate/internal/twin/cloudwatch"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
)

// stages are the ways through a refresh of four instances with a checkpoint at half and a
// bake time, watched by the alarm errors.
func stages() []struct {
	name   string
	bring  func(r *rig)
	status types.InstanceRefreshStatus
} {
	return []struct {
		name   string
		bring  func(r *rig)
		status types.InstanceRefreshStatus
	}{
		{"pending", func(*rig) {}, types.InstanceRefreshStatusPending},
		{"replacing", func(r *rig) { r.step(100 * time.Second) }, types.InstanceRefreshStatusInProgress},
		{"waiting at a checkpoint", func(r *rig) { r.step(10 * time.Minute) }, types.InstanceRefreshStatusInProgress},
		{"baking", func(r *rig) { r.step(70 * time.Minute) }, types.InstanceRefreshStatusBaking},
	}
}

func (r *rig) staged(back bool) {
	r.t.Helper()
	r.group("web", 4)
	r.refresh("web", 2, &types.RefreshPreferences{AutoRollback: &back, CheckpointPercentages: []int32{50, 100}, CheckpointDelay: aws.Int32(3600),
		BakeTime: aws.Int32(3600), AlarmSpecification: &types.AlarmSpecification{Alarms: []string{"latency", "errors"}}})
}

func TestAnAlarmAtAnyStageFailsTheRefreshOrRollsItBack(t *testing.T) {
	for _, stage := range stages() {
		for _, back := range []bool{true, false} {
			t.Run(stage.name, func(t *testing.T) {
				r := start(t)
				r.staged(back)
				stage.bring(r)
				if s := r.status("web"); s.Status != stage.status {
					t.Fatalf("%s at %d%%: %s", s.Status, *s.PercentageComplete, aws.ToString(s.StatusReason))
				}
				replaced := r.versions("web")["2"]
				if err := r.setAlarm("errors"); err != nil {
					t.Fatal(err)
				}
				r.step(10 * time.Second)
				s := r.status("web")
				if !back {
					if v := r.versions("web"); s.Status != types.InstanceRefreshStatusFailed || !strings.Contains(*s.StatusReason, "errors") || v["2"] < replaced || *r.describe("web").LaunchTemplate.Version != "1" {
						t.Errorf("%s: %s; %v", s.Status, aws.ToString(s.StatusReason), v)
					}
					return
				}
				if replaced > 0 && (s.Status != types.InstanceRefreshStatusRollbackInProgress || !strings.Contains(*s.RollbackDetails.RollbackReason, "errors")) {
					t.Errorf("%s: %s", s.Status, aws.ToString(s.StatusReason))
				}
				// The alarm that is still on does not fail the way back.
				if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusRollbackSuccessful || r.versions("web")["1"] != 4 {
					t.Errorf("%s %v", s.Status, r.versions("web"))
				}
			})
		}
	}
}

func TestARefreshIsCancelledOrRolledBackAtAnyStage(t *testing.T) {
	for _, stage := range stages() {
		t.Run(stage.name, func(t *testing.T) {
			for _, back := range []bool{true, false} {
				r := start(t)
				r.staged(false)
				stage.bring(r)
				replaced := r.versions("web")["2"]
				want := types.InstanceRefreshStatusCancelled
				if back {
					want = types.InstanceRefreshStatusRollbackSuccessful
					must(r, r.s.RollbackInstanceRefresh, &asg.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
				} else {
					must(r, r.s.CancelInstanceRefresh, &asg.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
				}
				s := r.until("web", time.Hour)
				v := r.versions("web")
				if s.Status != want || back && v["1"] != 4 || !back && (v["2"] < replaced || v["1"]+v["2"] != 4) || *r.describe("web").LaunchTemplate.Version != "1" {
					t.Errorf("%s: %v", s.Status, v)
				}
				// It has ended: neither is possible any more.
				if _, err := call(r, r.s.RollbackInstanceRefresh, &asg.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("web")}); code(err) != "ActiveInstanceRefreshNotFound" {
					t.Errorf("rolled back after its end: %v", err)
				}
				if _, err := call(r, r.s.CancelInstanceRefresh, &asg.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("web")}); code(err) != "ActiveInstanceRefreshNotFound" {
					t.Errorf("cancelled after its end: %v", err)
				}
			}
		})
	}
}

func TestARollbackThatIsCancelledLeavesAMixedFleetAndCannotGoOn(t *testing.T) {
	r := start(t)
	r.group("web", 4)
	r.refresh("web", 2, nil)
	r.step(5 * time.Minute)
	must(r, r.s.RollbackInstanceRefresh, &asg.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
	r.step(30 * time.Second)
	must(r, r.s.CancelInstanceRefresh, &asg.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
	if _, err := call(r, r.s.RollbackInstanceRefresh, &asg.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("web")}); code(err) != "IrreversibleInstanceRefresh" {
		t.Errorf("rolled back while it is being cancelled: %v", err)
	}
	if s := r.until("web", 10*time.Minute); s.Status != types.InstanceRefreshStatusCancelled {
		t.Fatal(s.Status)
	}
	if v := r.versions("web"); v["1"] == 0 || v["2"] == 0 {
		t.Errorf("%v", v)
	}
}

// Only ALARM stops a refresh: an alarm that has no data yet says nothing, as AWS takes it.
func TestAnAlarmWithoutDataDoesNotFailARefresh(t *testing.T) {
	for state, want := range map[cwtypes.StateValue]types.InstanceRefreshStatus{
		"":                                 types.InstanceRefreshStatusSuccessful, // as it is put
		cwtypes.StateValueInsufficientData: types.InstanceRefreshStatusSuccessful,
		cwtypes.StateValueOk:               types.InstanceRefreshStatusSuccessful,
		cwtypes.StateValueAlarm:            types.InstanceRefreshStatusFailed,
	} {
		t.Run("state "+string(state), func(t *testing.T) {
			r := start(t)
			watch := cloudwatch.New(r.s.SetAlarm)
			r.s.Watch(watch)
			cfg := wiretest.Client(t, r.w, watch.Wire())
			cfg.Region, cfg.Credentials = region, wiretest.Key(account)
			alarms := sdkcloudwatch.NewFromConfig(cfg)
			if _, err := alarms.PutMetricAlarm(t.Context(), &sdkcloudwatch.PutMetricAlarmInput{AlarmName: aws.String("errors"), Namespace: aws.String("App"), MetricName: aws.String("Errors"),
				ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold, Threshold: aws.Float64(1), EvaluationPeriods: aws.Int32(1), Period: aws.Int32(60), Statistic: cwtypes.StatisticSum}); err != nil {
				t.Fatal(err)
			}
			r.group("web", 2)
			r.refresh("web", 2, &types.RefreshPreferences{AlarmSpecification: &types.AlarmSpecification{Alarms: []string{"errors"}}})
			r.step(30 * time.Second)
			if state != "" {
				if _, err := alarms.SetAlarmState(t.Context(), &sdkcloudwatch.SetAlarmStateInput{AlarmName: aws.String("errors"), StateValue: state, StateReason: aws.String("test")}); err != nil {
					t.Fatal(err)
				}
			}
			if s := r.until("web", time.Hour); s.Status != want {
				t.Errorf("%s: %s", s.Status, aws.ToString(s.StatusReason))
			}
		})
	}
}

// What a refresh needs keeps it waiting while it is suspended; the others do not.
func TestASuspendedProcessKeepsARefreshWaitingIfItIsNeeded(t *testing.T) {
	for process, waits := range map[string]bool{
		"InstanceRefresh": true, "Launch": true, "Terminate": true,
		"HealthCheck": false, "ReplaceUnhealthy": false, "AZRebalance": false, "AlarmNotification": false, "ScheduledActions": false, "AddToLoadBalancer": false,
	} {
		t.Run(process, func(t *testing.T) {
			r := start(t)
			r.group("web", 2)
			in := []string{process}
			must(r, r.s.SuspendProcesses, &asg.SuspendProcessesInput{AutoScalingGroupName: aws.String("web"), ScalingProcesses: in})
			r.refresh("web", 2, nil)
			if !waits {
				if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful {
					t.Error(s.Status)
				}
				return
			}
			r.step(59 * time.Minute)
			if s := r.status("web"); s.Status != types.InstanceRefreshStatusInProgress || *s.PercentageComplete != 0 || !strings.Contains(*s.StatusReason, "suspended") {
				t.Errorf("%s at %d%%: %s", s.Status, *s.PercentageComplete, aws.ToString(s.StatusReason))
			}
			// After an hour it has failed.
			if s := r.until("web", 10*time.Minute); s.Status != types.InstanceRefreshStatusFailed || r.versions("web")["1"] != 2 {
				t.Errorf("%s %v", s.Status, r.versions("web"))
			}
		})
	}
}

func TestSuspendedInTheMiddleARefreshGoesOnWhenItIsResumed(t *testing.T) {
	for _, process := range []string{"Launch", "Terminate", "InstanceRefresh"} {
		t.Run(process, func(t *testing.T) {
			r := start(t)
			r.group("web", 4)
			r.refresh("web", 2, nil)
			r.step(2 * time.Minute)
			must(r, r.s.SuspendProcesses, &asg.SuspendProcessesInput{AutoScalingGroupName: aws.String("web"), ScalingProcesses: []string{process}})
			r.step(5 * time.Minute)
			before := r.versions("web")
			r.step(20 * time.Minute)
			if after := r.versions("web"); after["2"] != before["2"] || after["2"] == 4 {
				t.Errorf("%v, then %v", before, after)
			}
			must(r, r.s.ResumeProcesses, &asg.ResumeProcessesInput{AutoScalingGroupName: aws.String("web"), ScalingProcesses: []string{process}})
			if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful || r.versions("web")["2"] != 4 {
				t.Errorf("%s %v", s.Status, r.versions("web"))
			}
		})
	}
}
