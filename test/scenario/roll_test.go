package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/rollout"
)

// wants fails unless the groups run what they should, by image.
func (a *account) wants(image string, sizes map[string]int) {
	a.t.Helper()
	for name, n := range sizes {
		if d := cmp.Diff(map[string]int{image: n}, a.runs(name)); d != "" {
			a.t.Errorf("%s: %s", name, d)
		}
	}
}

// outcomes are the outcomes by group.
func outcomes(rolls []record.Roll) map[string]string {
	out := map[string]string{}
	for _, r := range rolls {
		out[r.Group] = r.Outcome
	}
	return out
}

// startForeign begins somebody else's refresh.
func (a *account) startForeign(group, version string) string {
	a.t.Helper()
	out, err := a.asg.StartInstanceRefresh(a.t.Context(), &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: &group,
		DesiredConfiguration: &astypes.DesiredConfiguration{LaunchTemplate: &astypes.LaunchTemplateSpecification{LaunchTemplateId: &a.template, Version: &version}}})
	if err != nil {
		a.t.Fatal(err)
	}
	return *out.InstanceRefreshId
}

func TestScenario22_a_foreign_refresh_is_refused_and_never_cancelled_and_ours_is_adopted(t *testing.T) {
	for _, order := range []string{"run", "cancel", "pause-now", "rollback"} {
		t.Run("foreign, andon "+order, func(t *testing.T) {
			a := open(t)
			a.group("web", 4)
			a.group("zed", 4)
			a.limits.Concurrency = 2
			p := a.plan(newImage, []string{"web", "zed"})
			id := a.startForeign("web", "2")
			a.in(time.Minute, func() { a.switches.pull(order) })
			if order == "pause-now" {
				a.maxWait = time.Minute
			}
			_, err := a.roll(p)
			want := fault.Conflict
			if order == "rollback" { // the other group was, and came back
				want = fault.RolledBack
			}
			if fault.KindOf(err) != want || !strings.Contains(err.Error(), id) {
				t.Errorf("got %v", err)
			}
			if r := a.refreshes("web"); len(r) != 1 || *r[0].InstanceRefreshId != id || r[0].Status == astypes.InstanceRefreshStatusCancelled || r[0].Status == astypes.InstanceRefreshStatusCancelling {
				t.Errorf("the foreign refresh: %+v", r)
			}
		})
	}
	t.Run("ours", func(t *testing.T) {
		a := open(t)
		a.group("web", 4)
		p := a.plan(newImage, []string{"web"})
		if _, err := a.ec2.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: &a.template, SourceVersion: aws.String("1"),
			VersionDescription: aws.String("rehydrate: version 1 with image " + newImage), LaunchTemplateData: requestImage(newImage)}); err != nil {
			t.Fatal(err)
		}
		a.startForeign("web", "3")
		got, err := a.roll(p)
		if err != nil || len(a.refreshes("web")) != 1 || got[0].Outcome != rollout.Done {
			t.Errorf("%+v, %v", got, err)
		}
		a.wants(newImage, map[string]int{"web": 4})
	})
}

func TestScenario23_a_start_whose_answer_is_lost_makes_exactly_one_refresh(t *testing.T) {
	a := open(t)
	a.group("web", 4)
	p := a.plan(newImage, []string{"web"})
	a.faults(twin.Rule{Service: "autoscaling", Operation: "StartInstanceRefresh", LostResponse: true})
	got, err := a.roll(p)
	if err != nil || len(a.refreshes("web")) != 1 || *a.refreshes("web")[0].InstanceRefreshId != got[0].Refresh {
		t.Errorf("%d refreshes, %+v, %v", len(a.refreshes("web")), got, err)
	}
	a.wants(newImage, map[string]int{"web": 4})
}

func TestScenario24_an_unhealthy_image_is_rolled_back_and_capacity_never_falls_below_the_minimum(t *testing.T) {
	a := open(t)
	a.group("web", 6)
	a.group("later", 2)
	got, err := a.roll(a.plan(badImage, []string{"web"}, []string{"later"}))
	if fault.KindOf(err) != fault.RolledBack || outcomes(got)["web"] != rollout.RolledBack || len(got) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	a.wants(oldImage, map[string]int{"web": 6, "later": 2})
	if a.inv.Checked("capacity") < 20 || a.inv.Checked("template") != 1 || !strings.Contains(err.Error(), "later rings were not touched") {
		t.Errorf("capacity was looked at %d times, templates %d; %v", a.inv.Checked("capacity"), a.inv.Checked("template"), err)
	}
}

func TestScenario25_an_alarm_rolls_the_ring_back_and_no_later_ring_moves(t *testing.T) {
	a := open(t)
	a.group("first", 2)
	a.group("web", 10)
	a.group("later", 2)
	p := a.plan(newImage, []string{"first"}, []string{"web"}, []string{"later"})
	for i := range p.Rings[1].Groups {
		p.Rings[1].Groups[i].Preferences.Alarms = []string{"errors"}
	}
	fired := false
	var fire func()
	fire = func() { // once the second ring is well on its way
		if n := a.runs("web")[newImage]; n < 4 {
			a.in(15*time.Second, fire)
			return
		}
		fired = true
		a.do(func(tx *world.Tx) error { a.scaling.SetAlarm(tx, "errors", true); return nil })
	}
	a.in(10*time.Minute, fire)
	got, err := a.roll(p)
	if fault.KindOf(err) != fault.RolledBack || !fired {
		t.Errorf("fired %t: %v", fired, err)
	}
	if d := cmp.Diff(map[string]string{"first": rollout.Done, "web": rollout.RolledBack}, outcomes(got)); d != "" {
		t.Error(d)
	}
	a.wants(newImage, map[string]int{"first": 2})
	a.wants(oldImage, map[string]int{"web": 10, "later": 2})
	if len(a.refreshes("later")) != 0 {
		t.Error("the later ring was touched")
	}
}

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

func TestScenario31_a_roll_that_is_killed_anywhere_goes_on_with_the_same_refreshes_and_soaks_in_full(t *testing.T) {
	a := open(t)
	a.group("web", 4)
	a.group("zed", 4)
	a.limits.Concurrency = 2
	a.group("later", 2)
	p := a.plan(newImage, []string{"web", "zed"}, []string{"later"})
	var got []record.Roll
	kills := 0
	for range 200 { // every four minutes another host takes over
		ctx, kill := context.WithCancel(t.Context())
		a.at = nil
		a.in(4*time.Minute, kill)
		var err error
		a.inv.Roll(true)
		got, err = a.execution().Roll(ctx, p)
		a.inv.Roll(false)
		if err == nil {
			kill()
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		kills++
	}
	if kills < 3 || len(got) != 3 {
		t.Fatalf("%d kills, %+v", kills, got)
	}
	if n := a.inv.Calls("StartInstanceRefresh"); n != 3 {
		t.Errorf("%d refreshes were begun for 3 groups", n)
	}
	if soak := got[2].StartedAt.Sub(later(got[0].EndedAt, got[1].EndedAt)); soak < 10*time.Minute {
		t.Errorf("soaked for %s", soak)
	}
	a.wants(newImage, map[string]int{"web": 4, "zed": 4, "later": 2})
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func TestScenario32_the_roll_stops_exactly_at_its_error_budget(t *testing.T) {
	for _, c := range []struct{ together, failures, begun int }{
		{1, 0, 1}, {1, 2, 3}, {3, 0, 3}, {3, 1, 4}, {8, 0, 8},
	} {
		t.Run(fmt.Sprintf("%d together, %d tolerated", c.together, c.failures), func(t *testing.T) {
			a := open(t)
			var names []string
			for n := range 8 {
				names = append(names, fmt.Sprintf("web-%d", n))
				a.group(names[n], 2)
			}
			a.group("later", 2)
			a.limits = rollout.Limits{Concurrency: c.together, MaxFailures: c.failures}
			got, err := a.roll(a.plan(badImage, names, []string{"later"}))
			if fault.KindOf(err) != fault.RolledBack {
				t.Errorf("got %v", err)
			}
			// Groups that run together fail at the same moment: as many as run at the end
			// come on top of those tolerated.
			most := c.failures + c.together
			if len(got) < c.failures+1 || len(got) > most {
				t.Errorf("%d groups began, at most %d may: %v", len(got), most, outcomes(got))
			}
			if len(a.refreshes("later")) != 0 {
				t.Error("the later ring was touched")
			}
			a.wants(oldImage, map[string]int{"web-0": 2, "web-7": 2, "later": 2})
		})
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

func (a *account) refreshesNow(name string) []astypes.InstanceRefresh {
	a.faults()
	return a.refreshes(name)
}

// The loop is that of terraform-provider-aws #34189: a rollback that fails, is taken for
// drift, and is tried again for ever.
func TestScenario34_a_rollback_that_fails_freezes_and_never_loops_as_terraform_provider_aws_34189(t *testing.T) {
	a := open(t)
	a.group("web", 4)
	a.group("zed", 2)
	p := a.plan(badImage, []string{"web", "zed"})
	a.in(30*time.Minute, func() {
		if _, err := a.ec2.DeregisterImage(t.Context(), &ec2.DeregisterImageInput{ImageId: aws.String(oldImage)}); err != nil {
			t.Fatal(err)
		}
	})
	got, err := a.roll(p)
	if fault.KindOf(err) != fault.Halted || fault.KindOf(err).ExitCode() != 13 || len(got) != 1 || !got[0].Frozen || len(got[0].Manual) < 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	if r := a.refreshes("web"); len(r) != 1 || r[0].Status != astypes.InstanceRefreshStatusRollbackFailed {
		t.Errorf("%+v", r)
	}
	if !strings.HasPrefix(a.switches.says(), "pause by rehydrate: group web could not be rolled back") {
		t.Errorf("the andon says %q", a.switches.says())
	}
	calls := a.inv.Calls("StartInstanceRefresh")
	for range 3 { // resumed again and again, also when the andon says rollback
		a.switches.pull("rollback")
		if _, err := a.roll(p); fault.KindOf(err) != fault.Halted {
			t.Errorf("resumed: %v", err)
		}
	}
	if n := a.inv.Calls("StartInstanceRefresh"); n != calls || calls != 1 || a.inv.Calls("RollbackInstanceRefresh") != 0 {
		t.Errorf("%d refreshes were begun, then %d", calls, n)
	}
	if len(a.refreshes("zed")) != 0 {
		t.Error("another group was begun")
	}
}

func TestScenario35_rollback_after_success_restores_the_exact_image_ids_ring_by_ring(t *testing.T) {
	a := open(t)
	a.group("dev", 2)
	a.group("web", 4)
	a.group("zed", 3)
	a.limits.Concurrency = 2
	p := a.plan(newImage, []string{"dev"}, []string{"web", "zed"})
	got, err := a.roll(p)
	if err != nil {
		t.Fatal(err)
	}
	a.wants(newImage, map[string]int{"dev": 2, "web": 4, "zed": 3})
	before := a.unchanging(p)
	a.inv.Roll(true)
	back, err := a.execution().Back(t.Context(), p, got, "asked for")
	a.inv.Roll(false)
	if err != nil || len(back) != 3 {
		t.Fatalf("%+v, %v", back, err)
	}
	a.same(p, before)
	a.wants(oldImage, map[string]int{"dev": 2, "web": 4, "zed": 3})
	for name := range map[string]bool{"dev": true, "web": true, "zed": true} {
		if v := *a.describe(name).LaunchTemplate.Version; v != "1" {
			t.Errorf("%s launches from version %s", name, v)
		}
	}
	at := slices.IndexFunc(back, func(r record.Roll) bool { return r.Group == "dev" })
	for _, r := range back {
		if r.Group != "dev" && r.EndedAt.After(back[at].StartedAt) {
			t.Errorf("%s of the later ring went back after dev had begun to", r.Group)
		}
		if r.Outcome != rollout.RolledBack || r.FromV != "1" || r.ToV != "3" {
			t.Errorf("%+v", r)
		}
	}
	t.Run("again is nothing new", func(t *testing.T) {
		n := len(a.refreshes("web"))
		if again, err := a.execution().Back(t.Context(), p, got, "asked for"); err != nil || len(again) != 3 || len(a.refreshes("web")) != n {
			t.Errorf("%+v, %v", again, err)
		}
	})
}
