package scenario

import (
	"context"
	"errors"
	"fmt"
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
