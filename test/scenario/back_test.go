package scenario

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/rollout"
)

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
