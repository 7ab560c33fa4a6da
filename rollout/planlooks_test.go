package rollout_test

import (
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

// Most plans are looked at before the bake.
func TestThePlanOfAnImageThatIsStillToBeMadeIsWhole(t *testing.T) {
	in := demoInput()
	in.Image = rollout.NewImage
	for i, r := range plan(t, demo(), in).Rings {
		g := r.Groups[0]
		if g.To != rollout.NewImage || g.From != "ami-old" || g.Nothing || g.Measured.OnImage != 0 || g.Measured.Estimate.Steps == 0 || len(g.Diff) != 1 || len(g.Findings) != 0 {
			t.Errorf("%+v", g)
		}
		if r.Measured == nil || r.Measured.Duration.Likely == 0 {
			t.Errorf("ring %d takes no time: %+v", i, r.Measured)
		}
	}
	f := demo()
	delete(f.images, "ami-old")
	if p, err := f.stage().Plan(t.Context(), in); err != nil || fault.KindOf(p.Err()) != fault.Conflict {
		t.Errorf("nothing is there to go back to: %v, %v", err, p.Err())
	}
	in.Images = map[rollout.Cell]string{{}: "ami-gone"} // a cell that has its image
	if p, err := demo().stage().Plan(t.Context(), in); err != nil || fault.KindOf(p.Err()) != fault.NotFound {
		t.Errorf("%v, %v", err, p.Err())
	}
}

func TestInstancesOfAnotherVersionThanTheGroupsAreWarnedOf(t *testing.T) {
	f := demo()
	f.template("lt-1", "ami-old")
	f.groups["web-dev"].Template.Version = "2" // saved by somebody, and rolled out by nobody
	p := plan(t, f, demoInput())
	g := p.Rings[0].Groups[0]
	if len(g.Findings) != 1 || !g.Findings[0].Warn || !strings.Contains(g.Findings[0].Text, "2 of its instances run version 1, and it launches from 2") || g.Findings[0].Hint == "" {
		t.Errorf("%+v", g.Findings)
	}
	if other := p.Rings[1].Groups[0]; len(other.Findings) != 0 {
		t.Errorf("a group that runs what it launches: %+v", other.Findings)
	}

	f = demo()
	f.template("lt-1", "ami-new") // ours: a roll that was held half-way
	f.groups["web-dev"].Instances[0] = f.launch("lt-1", "2")
	if g := plan(t, f, demoInput()).Rings[0].Groups[0]; len(g.Findings) != 0 {
		t.Errorf("an instance that has come already: %+v", g.Findings)
	}
}

func TestThePlanSaysWhatAWSGoesOnDoingWithoutUs(t *testing.T) {
	in := demoInput()
	in.Fleets[0].Refresh = rollout.Preferences{Checkpoints: []int{20, 50, 100}}
	p := plan(t, demo(), in)
	for i, want := range []string{"goes on to the end of a refresh that has begun, with a wait of 2m0s at 10%; rolls back by itself when it fails",
		"goes on to the end of a refresh that has begun, with a wait of 1h0m0s at 20% and 50%; stops where it is when it fails"} {
		if got := p.Rings[i].Groups[0].Measured.Alone; got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
	f := demo()
	f.groups["web-dev"].LaunchConfiguration = "lc"
	refused, err := f.stage().Plan(t.Context(), demoInput())
	if err != nil || refused.Rings[0].Groups[0].Measured.Alone != "" {
		t.Errorf("%v, of a group that cannot move: %q", err, refused.Rings[0].Groups[0].Measured.Alone)
	}
}
