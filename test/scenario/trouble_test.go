package scenario

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/rollout"
)

func TestScenario27_scaling_and_losses_in_the_middle_end_in_the_truth(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(a *account)
		want int
	}{
		"scaled out": {func(a *account) { a.capacity("web", 9) }, 9},
		"scaled in":  {func(a *account) { a.capacity("web", 3) }, 3},
		"an instance is terminated by somebody": {func(a *account) {
			if _, err := a.ec2.TerminateInstances(a.t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{*a.describe("web").Instances[0].InstanceId}}); err != nil {
				a.t.Fatal(err)
			}
		}, 6},
		"a zone is lost": {func(a *account) {
			a.faults(twin.Rule{Fails: world.ZoneLost, From: a.Now().Add(time.Second), Until: a.Now().Add(20 * time.Minute), Where: &twin.Where{Zone: region + "a"}})
		}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t)
			a.group("web", 6)
			p := a.plan(newImage, []string{"web"})
			a.in(2*time.Minute, func() { c.do(a) })
			a.inv.Roll(true)
			got, err := a.execution().Roll(t.Context(), p)
			a.inv.Roll(false)
			if err != nil || got[0].OnImage != c.want || got[0].Of != c.want {
				t.Errorf("%+v, %v", got, err)
			}
			a.wants(newImage, map[string]int{"web": c.want})
		})
	}
}

func (a *account) capacity(group string, n int32) {
	a.t.Helper()
	if _, err := a.asg.SetDesiredCapacity(a.t.Context(), &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: &group, DesiredCapacity: &n}); err != nil {
		a.t.Fatal(err)
	}
}

func TestScenario29_a_service_that_does_not_answer_for_ten_minutes_is_waited_for(t *testing.T) {
	for name, e := range map[string]twin.RuleError{
		"throttled": {Code: "Throttling", Message: "Rate exceeded"},
		"broken":    {Code: "InternalFailure", Status: 500},
		"away":      {Code: "ServiceUnavailable", Status: 503},
	} {
		for _, op := range []string{"DescribeInstanceRefreshes", "DescribeAutoScalingGroups"} {
			t.Run(name+" "+op, func(t *testing.T) {
				a := open(t)
				a.group("web", 4)
				p := a.plan(newImage, []string{"web"})
				a.faults(twin.Rule{Service: "autoscaling", Operation: op, Error: &e, From: a.Now().Add(time.Minute), Until: a.Now().Add(11 * time.Minute)},
					twin.Rule{Service: "autoscaling", Operation: "StartInstanceRefresh", Error: &e})
				begun := a.Now()
				a.inv.Roll(true)
				got, err := a.execution().Roll(t.Context(), p)
				a.inv.Roll(false)
				if err != nil || got[0].Outcome != rollout.Done || len(a.refreshes("web")) != 1 || a.inv.Calls("StartInstanceRefresh") != 2 {
					t.Errorf("%d starts, %+v, %v", a.inv.Calls("StartInstanceRefresh"), got, err)
				}
				if took := a.Now().Sub(begun); op == "DescribeAutoScalingGroups" && (took < 10*time.Minute || !a.said("will be tried again")) {
					t.Errorf("took %s", took)
				}
			})
		}
	}
}

func TestScenario30_a_refresh_that_succeeds_and_leaves_an_old_instance_is_partial(t *testing.T) {
	a := open(t)
	a.group("web", 4)
	if _, err := a.asg.SetInstanceProtection(t.Context(), &autoscaling.SetInstanceProtectionInput{AutoScalingGroupName: aws.String("web"),
		InstanceIds: []string{*a.describe("web").Instances[0].InstanceId}, ProtectedFromScaleIn: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	a.prefs.Protected = "Ignore"
	got, err := a.roll(a.plan(newImage, []string{"web"}))
	if fault.KindOf(err) != fault.Partial || fault.KindOf(err).ExitCode() != 3 || got[0].OnImage != 3 || got[0].Of != 4 || len(got[0].Mixed[oldImage]) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if s := a.refreshes("web")[0].Status; s != astypes.InstanceRefreshStatusSuccessful {
		t.Errorf("the refresh says %s", s)
	}
}

// EventBridge's events of refreshes are best effort: nothing here listens to them. What
// polls see may be late, too.
func TestScenario33_no_event_is_needed_and_late_reads_give_the_same_outcome(t *testing.T) {
	for name, image := range map[string]string{"good image": newImage, "bad image": badImage} {
		t.Run(name, func(t *testing.T) {
			var want map[string]string
			for _, stale := range []time.Duration{0, 20 * time.Second} {
				a := open(t)
				a.group("web", 4)
				p := a.plan(image, []string{"web"})
				if stale > 0 {
					a.faults(twin.Rule{Service: "autoscaling", Stale: twin.Duration(stale), Times: -1})
				}
				a.inv.Roll(true)
				got, err := a.execution().Roll(t.Context(), p)
				a.inv.Roll(false)
				if want == nil {
					want = outcomes(got)
				}
				if d := cmp.Diff(want, outcomes(got)); d != "" || len(a.refreshesNow("web")) != 1 {
					t.Errorf("reads %s late: %s, %v", stale, d, err)
				}
			}
		})
	}
}
