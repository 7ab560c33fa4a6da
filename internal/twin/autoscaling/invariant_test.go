package autoscaling

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"pgregory.net/rapid"
)

// Whatever the sizes, percentages, checkpoints and images: a refresh never takes the
// serving capacity below its floor nor the group above its ceiling, and ends.
func TestRefreshKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t, "")
		defer r.close()
		n := rapid.Int32Range(0, 12).Draw(rt, "desired")
		grace := rapid.SampledFrom([]int32{0, 30, 300}).Draw(rt, "grace")
		r.group("web", n, func(in *asg.CreateAutoScalingGroupInput) { in.HealthCheckGracePeriod = &grace })
		p := &types.RefreshPreferences{
			MinHealthyPercentage: aws.Int32(rapid.Int32Range(0, 100).Draw(rt, "min")),
			InstanceWarmup:       aws.Int32(rapid.SampledFrom([]int32{0, 10, 120, 4000}).Draw(rt, "warmup")),
			AutoRollback:         aws.Bool(rapid.Bool().Draw(rt, "rollback")),
			SkipMatching:         aws.Bool(rapid.Bool().Draw(rt, "skip")),
		}
		if rapid.Bool().Draw(rt, "has max") {
			p.MaxHealthyPercentage = aws.Int32(rapid.Int32Range(100, 100+*p.MinHealthyPercentage).Draw(rt, "max"))
		}
		if rapid.Bool().Draw(rt, "has checkpoints") {
			p.CheckpointPercentages, p.CheckpointDelay = []int32{rapid.Int32Range(1, 60).Draw(rt, "first"), 100}, aws.Int32(60)
		}
		to := rapid.IntRange(1, 3).Draw(rt, "version")
		low := limits(int(n), int(*p.MinHealthyPercentage), pct(p.MaxHealthyPercentage))
		r.watch(func(c capacity, cause string) {
			if c.serving < low.floor || c.total > max(low.ceiling, int(n)) {
				rt.Errorf("serving %d of at least %d, total %d of at most %d (%s)", c.serving, low.floor, c.total, low.ceiling, cause)
			}
		})
		r.refresh("web", to, p)
		act := rapid.SampledFrom([]string{"", "cancel", "rollback"}).Draw(rt, "then")
		r.step(time.Duration(rapid.IntRange(1, 600).Draw(rt, "seconds")) * time.Second)
		if r.status("web").EndTime == nil {
			switch act {
			case "cancel":
				must(r, r.s.CancelInstanceRefresh, &asg.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
			case "rollback":
				must(r, r.s.RollbackInstanceRefresh, &asg.RollbackInstanceRefreshInput{AutoScalingGroupName: aws.String("web")})
			}
		}
		s := r.until("web", 48*time.Hour)
		bad := to == 3 && n > 0
		if bad && s.Status == types.InstanceRefreshStatusSuccessful || !bad && act == "" && s.Status != types.InstanceRefreshStatusSuccessful {
			rt.Fatalf("version %d ended %s: %s", to, s.Status, aws.ToString(s.StatusReason))
		}
		r.step(5 * time.Minute)
		if got := r.describe("web"); s.Status == types.InstanceRefreshStatusSuccessful && r.versions("web")[*version(to).Version] != int(n) || len(got.Instances) > int(n) && !bad {
			rt.Fatalf("%s, but the group has %v of %d", s.Status, r.versions("web"), n)
		}
	})
}

func pct(p *int32) *int {
	if p == nil {
		return nil
	}
	n := int(*p)
	return &n
}

// Scaling and outside failures in the middle: what the refresh itself does never goes
// below the floor, and the group comes to rest at its desired capacity.
func TestRefreshUnderDisturbance(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := newRig(t, "")
		defer r.close()
		r.group("web", rapid.Int32Range(2, 10).Draw(rt, "desired"))
		r.watch(func(c capacity, cause string) {
			if cause == causeRefresh && c.serving < c.floor {
				rt.Errorf("the refresh took serving to %d, floor %d", c.serving, c.floor)
			}
		})
		r.refresh("web", 2, &types.RefreshPreferences{MinHealthyPercentage: aws.Int32(rapid.Int32Range(0, 100).Draw(rt, "min"))})
		for range rapid.IntRange(1, 5).Draw(rt, "disturbances") {
			r.step(time.Duration(rapid.IntRange(1, 200).Draw(rt, "seconds")) * time.Second)
			ms := r.describe("web").Instances
			if len(ms) == 0 || rapid.Bool().Draw(rt, "scale") {
				must(r, r.s.SetDesiredCapacity, &asg.SetDesiredCapacityInput{AutoScalingGroupName: aws.String("web"), DesiredCapacity: aws.Int32(rapid.Int32Range(1, 14).Draw(rt, "to"))})
				continue
			}
			m := rapid.SampledFrom(ms).Draw(rt, "victim")
			must(r, r.s.SetInstanceHealth, &asg.SetInstanceHealthInput{InstanceId: m.InstanceId, HealthStatus: aws.String("Unhealthy"), ShouldRespectGracePeriod: aws.Bool(false)})
		}
		if s := r.until("web", 6*time.Hour); s.Status != types.InstanceRefreshStatusSuccessful {
			rt.Fatalf("%s: %s", s.Status, aws.ToString(s.StatusReason))
		}
		r.step(3 * time.Minute)
		g := r.describe("web")
		if v := r.versions("web"); v["2"] != int(*g.DesiredCapacity) || len(v) != 1 {
			rt.Fatalf("%v, desired %d", v, *g.DesiredCapacity)
		}
	})
}

func TestLimits(t *testing.T) {
	n := func(i int) *int { return &i }
	for _, c := range []struct {
		desired, low int
		high         *int
		want         bounds
	}{
		{6, 90, nil, bounds{5, 6}}, {10, 90, nil, bounds{9, 10}}, {10, 100, nil, bounds{9, 10}}, {1, 90, nil, bounds{0, 1}}, {0, 90, nil, bounds{0, 0}},
		{10, 0, nil, bounds{0, 10}}, {15, 90, nil, bounds{14, 15}}, {10, 80, nil, bounds{8, 10}},
		{1, 100, n(100), bounds{1, 2}}, {6, 90, n(100), bounds{6, 7}}, {10, 90, n(110), bounds{9, 11}}, {10, 100, n(200), bounds{10, 20}}, {0, 100, n(200), bounds{0, 0}},
	} {
		if got := limits(c.desired, c.low, c.high); got != c.want {
			t.Errorf("limits(%d, %d, %v) = %v, want %v", c.desired, c.low, c.high, got, c.want)
		}
	}
}

func TestReopenedWorldGoesOnWithTheRefresh(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir)
	r.group("web", 4)
	id := r.refresh("web", 2, nil)
	for k := 0; ; k++ {
		r.step(37 * time.Second)
		s := r.status("web")
		if *s.InstanceRefreshId != id {
			t.Fatal("another refresh")
		}
		if s.EndTime != nil {
			if s.Status != types.InstanceRefreshStatusSuccessful || r.versions("web")["2"] != 4 || k < 4 {
				t.Fatalf("%s %v after %d openings", s.Status, r.versions("web"), k)
			}
			break
		}
		if k > 100 {
			t.Fatal("does not end")
		}
		r.close()
		r = newRig(t, dir)
	}
	r.close()
}
