package autoscaling

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

func maintained(low, high int32) func(*asg.CreateAutoScalingGroupInput) {
	return func(in *asg.CreateAutoScalingGroupInput) {
		in.InstanceMaintenancePolicy = &types.InstanceMaintenancePolicy{MinHealthyPercentage: &low, MaxHealthyPercentage: &high}
	}
}

// fail has instances fail their status checks from now on.
func (r *rig) fail(n int) {
	r.t.Helper()
	err := r.w.Do(account, region, func(tx *world.Tx) error {
		for id, m := range members(tx, "web").All() {
			if n--; n < 0 {
				break
			}
			m.Failing, m.FailAt = true, tx.Now
			members(tx, "web").Put(id, m)
		}
		wake(tx, "web", tx.Now)
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func TestFailedChecksAreReplacedATenthAtATime(t *testing.T) {
	r := start(t)
	r.group("web", 20)
	most := 0
	r.watch(func(c capacity, _ string) { most = max(most, 20-c.inService) })
	r.fail(8)
	r.step(20 * time.Minute)
	if most != 2 {
		t.Errorf("%d at a time, want 2", most)
	}
	for _, i := range r.describe("web").Instances {
		if *i.HealthStatus != "Healthy" {
			t.Fatalf("%s is still unhealthy", *i.InstanceId)
		}
	}
}

func TestMaintenancePolicyLaunchesBeforeItEndsWhatFails(t *testing.T) {
	for _, c := range []struct {
		name       string
		low, high  int32
		fails      int
		min, total int // in service at least, in all at most
	}{
		{"100 to 110 of ten", 100, 110, 1, 10, 11},
		{"100 to 110 of ten, three fail", 100, 110, 3, 10, 11},
		{"100 to 200 of ten, three fail", 100, 200, 3, 10, 13},
		{"90 to 110 needs no room for one", 90, 110, 1, 9, 10},
		{"90 to 100 has no room", 90, 100, 2, 8, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t)
			r.group("web", 10, maintained(c.low, c.high))
			low, high := 99, 0
			r.watch(func(c capacity, _ string) { low, high = min(low, c.inService), max(high, c.total) })
			r.fail(c.fails)
			r.step(15 * time.Minute)
			if low != c.min || high != c.total {
				t.Errorf("in service down to %d, in all up to %d; want %d and %d", low, high, c.min, c.total)
			}
			g := r.describe("web")
			for _, i := range g.Instances {
				if *i.HealthStatus != "Healthy" {
					t.Errorf("%s is still unhealthy", *i.InstanceId)
				}
			}
			if len(g.Instances) != 10 {
				t.Errorf("%d instances", len(g.Instances))
			}
		})
	}
}

func TestMaximumLifetimeReplacesOneAtATimeButNotTheProtected(t *testing.T) {
	for _, c := range []struct {
		name       string
		opt        func(*asg.CreateAutoScalingGroupInput)
		min, total int
	}{
		{"ends first", func(*asg.CreateAutoScalingGroupInput) {}, 2, 3},
		{"launches first under a policy", maintained(100, 200), 3, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := start(t)
			r.group("web", 3, func(in *asg.CreateAutoScalingGroupInput) { in.MaxInstanceLifetime = aws.Int32(86400) }, c.opt)
			old := r.describe("web").Instances
			must(r, r.s.SetInstanceProtection, &asg.SetInstanceProtectionInput{AutoScalingGroupName: aws.String("web"), InstanceIds: []string{*old[1].InstanceId}, ProtectedFromScaleIn: aws.Bool(true)})
			low, high := 99, 0
			r.watch(func(c capacity, _ string) { low, high = min(low, c.inService), max(high, c.total) })
			r.step(23 * time.Hour)
			if low != 99 {
				t.Fatal("something moved before the lifetime was over")
			}
			r.step(90 * time.Minute)
			left := map[string]bool{}
			for _, i := range r.describe("web").Instances {
				left[*i.InstanceId] = true
			}
			if len(left) != 3 || left[*old[0].InstanceId] || !left[*old[1].InstanceId] || left[*old[2].InstanceId] {
				t.Errorf("left %v of %s, %s (protected) and %s", left, *old[0].InstanceId, *old[1].InstanceId, *old[2].InstanceId)
			}
			if low != c.min || high != c.total {
				t.Errorf("in service down to %d, in all up to %d", low, high)
			}
		})
	}
}

func TestLifetimeWaitsForARefreshAndZeroClearsIt(t *testing.T) {
	r := start(t)
	r.group("web", 2, func(in *asg.CreateAutoScalingGroupInput) { in.MaxInstanceLifetime = aws.Int32(86400) })
	must(r, r.s.UpdateAutoScalingGroup, &asg.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MaxInstanceLifetime: aws.Int32(0)})
	id := *r.describe("web").Instances[0].InstanceId
	r.step(48 * time.Hour)
	if *r.describe("web").Instances[0].InstanceId != id {
		t.Fatal("replaced although the lifetime was cleared")
	}
	if _, err := call(r, r.s.UpdateAutoScalingGroup, &asg.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("web"), MaxInstanceLifetime: aws.Int32(3600)}); code(err) != "ValidationError" {
		t.Fatal(err)
	}
}

func TestCapacityRebalancingLaunchesAheadOfASpotInterruption(t *testing.T) {
	for _, on := range []bool{true, false} {
		r := start(t)
		r.group("web", 2, func(in *asg.CreateAutoScalingGroupInput) { in.CapacityRebalance = &on })
		id := *r.describe("web").Instances[0].InstanceId
		low, high := 99, 0
		r.watch(func(c capacity, _ string) { low, high = min(low, c.inService), max(high, c.total) })
		err := r.w.Do("-", "-", func(tx *world.Tx) error {
			tx.Strike(world.Outage{Kind: world.SpotInterruption, Hits: func(s world.Subject) bool { return s.ID == id }})
			// EC2 ends it two minutes later.
			at := tx.In(account, region)
			at.At(tx.Now.Add(spotNotice), "fake", fakeMove{id, "shutting-down"})
			at.At(tx.Now.Add(spotNotice+endTime), "fake", fakeMove{id, "terminated"})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		r.step(90 * time.Second) // the notice is not over
		first := types.LifecycleState("gone")
		for _, i := range r.describe("web").Instances {
			if *i.InstanceId == id {
				first = i.LifecycleState
			}
		}
		if on == (first == types.LifecycleStateInService) {
			t.Errorf("rebalancing %v: the instance is %s before EC2 takes it back", on, first)
		}
		r.step(5 * time.Minute)
		if v := r.versions("web"); v["1"] != 2 || len(r.describe("web").Instances) != 2 {
			t.Fatalf("%v", v)
		}
		if on && (low < 2 || high != 3) || !on && (low != 1 || high != 2) {
			t.Errorf("rebalancing %v: in service down to %d, in all up to %d", on, low, high)
		}
	}
}
