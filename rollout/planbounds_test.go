package rollout_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestThePlansFileIsAsItWasLookedAt(t *testing.T) {
	r := newRegion()
	r.template("lt-1", "ami-old")
	g := r.group("web", "lt-1", "$Default", "1", 4)
	g.Subnets, g.Balanced, g.Lifetime, g.Spot = []string{"subnet-1"}, true, 7*24*time.Hour, 50
	for i := range g.Instances {
		g.Instances[i].Type, g.Instances[i].Zone = "t3.small", []string{"a", "b"}[i%2]
	}
	desired := 8
	r.free, r.alarms = map[string]int{"subnet-1": 1}, []string{"errors"}
	r.acts = []rollout.ScheduledAction{{Group: "web", Name: "evening", At: clock{}.Now().Add(time.Hour), Desired: &desired}, {Group: "other", Name: "no"}}
	in := rollout.Input{Image: "ami-new", Channel: "/golden/web/latest", ChannelVersion: 7, Rings: []rollout.Ring{{Name: "prod", Opens: func(t time.Time) (time.Time, time.Time) {
		return t.Add(time.Hour), t.Add(2 * time.Hour)
	}}}, Fleets: []rollout.Fleet{{Name: "web", Ring: "prod", Groups: []string{"web"}, Refresh: rollout.Preferences{MinHealthy: n(100), MaxHealthy: n(150), Alarms: []string{"errors"}, Rollback: true}}}}
	var b strings.Builder
	if err := rollout.WritePlan(&b, planOf(t, world{{}: r}, in)); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "plan.json")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); d != "" {
		t.Error(d)
	}
}

func planOf(t *testing.T, w world, in rollout.Input) *rollout.Plan {
	t.Helper()
	p, err := w.stage().Plan(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// awsLimits are the limits of a refresh in instances as the twin's Auto Scaling has
// them, written from the API reference a second time: the minimum is rounded up, the
// maximum down, and one instance moves in any case.
func awsLimits(desired, least int, most *int) (floor, ceiling int) {
	floor, ceiling = (desired*least+99)/100, desired
	if most == nil {
		return max(0, min(floor, desired-1)), ceiling
	}
	if ceiling = desired * *most / 100; ceiling <= desired && floor >= desired && desired > 0 {
		ceiling = desired + 1
	}
	return floor, ceiling
}

func TestTheBoundsHoldWhateverAWSDoesWithinItsLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 300).Draw(t, "desired")
		var p rollout.Preferences
		least := 90
		if rapid.Bool().Draw(t, "least given") {
			least = rapid.IntRange(0, 100).Draw(t, "least")
			p.MinHealthy = &least
		}
		if p.MinHealthy != nil && rapid.Bool().Draw(t, "most given") {
			p.MaxHealthy = n(rapid.IntRange(100, min(200, least+100)).Draw(t, "most"))
		}
		p.AllowOutage = true
		f := newFleet()
		f.template("lt-1", "ami-old")
		f.group("g", "lt-1", "1", "1", size)
		got, err := f.stage().Plan(t.Context(), rollout.Input{Image: "ami-new", Rings: []rollout.Ring{{Name: "a"}}, Fleets: []rollout.Fleet{{Name: "f", Ring: "a", Groups: []string{"g"}, Refresh: p}}})
		if err != nil {
			t.Fatal(err)
		}
		g := got.Rings[0].Groups[0]
		floor, ceiling := awsLimits(size, least, p.MaxHealthy)
		b := g.Measured.Bounds
		// What is stated as kept is kept; and but for the group of one it is all that is.
		if b.Floor > floor || b.Ceiling < ceiling || size > 1 && (b.Floor != floor || b.Ceiling != ceiling) || b.WithoutZone > b.Floor {
			t.Fatalf("%+v, AWS keeps %d to %d", b, floor, ceiling)
		}
		if d := g.Measured.Estimate.Duration; d.Low > d.Likely || d.Likely > d.High {
			t.Fatalf("%+v", d)
		}
	})
}

func TestCheckpointsStopARefreshBeforeItsEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 500).Draw(t, "desired")
		f := newFleet()
		f.template("lt-1", "ami-old")
		f.group("g", "lt-1", "1", "1", size)
		got, err := f.stage().Plan(t.Context(), rollout.Input{Image: "ami-new", Rings: []rollout.Ring{{Name: "a"}}, Fleets: []rollout.Fleet{{Name: "f", Ring: "a", Groups: []string{"g"}}}})
		if err != nil {
			t.Fatal(err)
		}
		p := got.Rings[0].Groups[0].Preferences
		stops := map[int]bool{}
		for _, c := range p.Checkpoints {
			at := (size*c + 99) / 100
			if stops[at] {
				t.Fatalf("%v of %d: two checkpoints are one", p.Checkpoints, size)
			}
			stops[at] = true
		}
		if size > 1 && (len(p.Checkpoints) < 2 || p.Checkpoints[len(p.Checkpoints)-1] != 100 || p.CheckpointDelay < 30*time.Second) || size <= 1 && len(p.Checkpoints) > 0 {
			t.Fatalf("%d instances: %v, %s", size, p.Checkpoints, p.CheckpointDelay)
		}
	})
}

func TestWhatStandsAroundAGroupIsSeen(t *testing.T) {
	in := rollout.Input{Image: "ami-new", Rings: []rollout.Ring{{Name: "a"}}, Fleets: []rollout.Fleet{{Name: "f", Ring: "a", Groups: []string{"g"},
		Refresh: rollout.Preferences{MinHealthy: n(100), MaxHealthy: n(150), Alarms: []string{"errors", "latency"}}}}}
	make := func() (*region, *rollout.Group) {
		r := newRegion()
		r.template("lt-1", "ami-old")
		g := r.group("g", "lt-1", "1", "1", 10)
		g.Subnets, g.Types = []string{"subnet-1", "subnet-2"}, []string{"t3.small", "m5.large"}
		r.alarms, r.free = []string{"errors", "latency"}, map[string]int{"subnet-1": 3, "subnet-2": 1}
		return r, g
	}
	t.Run("room", func(t *testing.T) {
		r, _ := make()
		p := planOf(t, world{{}: r}, in)
		g := p.Rings[0].Groups[0]
		if m := g.Measured.Room; m.Wanted != 5 || m.Addresses == nil || *m.Addresses != 4 || m.CPUs == nil || *m.CPUs != 20 || m.Quota != "20 of 100000 vCPUs run of On-Demand Standard (L-1216C47A), and up to 20 more may be wanted at a time" {
			t.Errorf("%+v", m)
		}
		if len(p.Findings) != 1 || !p.Findings[0].Warn || !strings.Contains(p.Findings[0].Text, "subnet-1, subnet-2 (zone a) have 4 free addresses; g may want 5 more") {
			t.Errorf("%+v", p.Findings)
		}
	})
	t.Run("an unknown subnet makes the whole unknown", func(t *testing.T) {
		r, _ := make()
		delete(r.free, "subnet-2")
		if m := planOf(t, world{{}: r}, in).Rings[0].Groups[0].Measured.Room; m.Addresses != nil {
			t.Errorf("%+v", m)
		}
	})
	t.Run("an alarm that does not exist", func(t *testing.T) {
		r, _ := make()
		r.alarms = []string{"errors"}
		err := planOf(t, world{{}: r}, in).Err()
		if fault.KindOf(err) != fault.NotFound || !strings.Contains(err.Error(), "no CloudWatch alarm latency") || !strings.Contains(fault.HintOf(err), "create it") {
			t.Errorf("%v", err)
		}
	})
	t.Run("what may not be read is unknown and said", func(t *testing.T) {
		r, _ := make()
		r.denied, r.free, r.alarms = fault.New(fault.Denied, "", "not allowed"), nil, nil
		p := planOf(t, world{{}: r}, in)
		g := p.Rings[0].Groups[0]
		if p.Err() != nil || len(g.Findings) < 3 || g.Measured.Room.Addresses != nil {
			t.Errorf("%v, %+v", p.Err(), g.Findings)
		}
	})
	t.Run("weights", func(t *testing.T) {
		r, g := make()
		g.MaxWeight = 10
		if err := planOf(t, world{{}: r}, in).Err(); fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), "weight 10") {
			t.Errorf("%v", err)
		}
		g.MaxWeight = 4
		if b := planOf(t, world{{}: r}, in).Rings[0].Groups[0].Measured.Bounds; !b.Units || b.Floor != 7 || b.Ceiling != 18 {
			t.Errorf("%+v", b)
		}
	})
	t.Run("weights in the estimate", func(t *testing.T) {
		r, g := make()
		g.MinWeight, g.MaxWeight = 2, 4
		for i := range g.Instances {
			g.Instances[i].Zone = []string{"a", "b"}[i%2]
		}
		m := planOf(t, world{{}: r}, in).Rings[0].Groups[0].Measured
		// 7 to 18 of 10 units: at most four instances of weight 2 more, and at least two of
		// weight 4 at a time.
		if m.Room.Wanted != 4 || m.Estimate.Steps != 6 || m.Bounds.WithoutZone != 0 {
			t.Errorf("%+v", m)
		}
	})
	t.Run("a group that names its zones launches into their default subnets", func(t *testing.T) {
		r, g := make()
		g.Subnets, g.Zones = nil, []string{"x", "y"}
		r.free = map[string]int{"default@x": 2, "default@y": 9, "default@z": 100, "other@x": 100}
		p := planOf(t, world{{}: r}, in)
		if m := p.Rings[0].Groups[0].Measured.Room; m.Addresses == nil || *m.Addresses != 11 {
			t.Errorf("%+v", m)
		}
		if len(p.Findings) != 1 || !strings.Contains(p.Findings[0].Text, "subnet default@x (zone x) has 2 free addresses; g may want 3 more") {
			t.Errorf("%+v", p.Findings)
		}
	})
	t.Run("a group that is not well", func(t *testing.T) {
		r, g := make()
		g.Instances[0].State = "Pending"
		f := planOf(t, world{{}: r}, in).Rings[0].Groups[0].Findings
		if len(f) != 1 || !f[0].Warn || !strings.Contains(f[0].Text, "9 of its instances are in service, and 10 shall stay so") || f[0].Hint == "" {
			t.Errorf("%+v", f)
		}
	})
	t.Run("Spot by the template", func(t *testing.T) {
		r, _ := make()
		r.versions["lt-1"][0].Data = json.RawMessage(`{"ImageId":"ami-old","InstanceMarketOptions":{"MarketType":"spot"}}`)
		if a := planOf(t, world{{}: r}, in).Rings[0].Groups[0].Measured.Anyway; len(a) != 1 || !strings.Contains(a[0], "Spot instances") {
			t.Errorf("%+v", a)
		}
	})
	t.Run("a maintenance policy lets one instance be replaced", func(t *testing.T) {
		r, g := make()
		g.PolicyMin, g.PolicyMax = n(100), n(200)
		r.resize(g, 1)
		in := in
		in.Fleets = []rollout.Fleet{{Name: "f", Ring: "a", Groups: []string{"g"}}}
		got := planOf(t, world{{}: r}, in)
		if b := got.Rings[0].Groups[0].Measured.Bounds; got.Err() != nil || b.Floor != 1 || b.Ceiling != 2 || got.Rings[0].Groups[0].Preferences.MaxHealthy != nil {
			t.Errorf("%v, %+v", got.Err(), b)
		}
	})
}

func TestARingIsHeldAgainstItsWindow(t *testing.T) {
	open := clock{}.Now().Add(time.Hour)
	for _, c := range []struct {
		name         string
		long         time.Duration
		fits, likely bool
	}{{"a long one", 24 * time.Hour, true, true}, {"a short one", 20 * time.Minute, false, true}, {"one that is too short", time.Minute, false, false}} {
		in := demoInput()
		in.Rings[0].Opens = func(time.Time) (time.Time, time.Time) { return open, open.Add(c.long) }
		w := plan(t, demo(), in).Rings[0].Measured.Window
		if w.Fits != c.fits || w.Likely != c.likely || !w.Opens.Equal(open) || w.Open {
			t.Errorf("%s: %+v", c.name, w)
		}
	}
	in := demoInput()
	in.Rings[0].Opens = func(t time.Time) (time.Time, time.Time) { return t, time.Time{} }
	if w := plan(t, demo(), in).Rings[0].Measured.Window; !w.Fits || !w.Open {
		t.Errorf("nothing keeps it: %+v", w)
	}
	in.Rings[0].Opens = func(time.Time) (time.Time, time.Time) { return time.Time{}, time.Time{} }
	if w := plan(t, demo(), in).Rings[0].Measured.Window; w.Fits || w.Likely || w.Open {
		t.Errorf("a window that never opens: %+v", w)
	}
}
