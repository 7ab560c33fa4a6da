package rollout_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/rollout"
)

func n(v int) *int { return &v }

func TestBadInputIsRefusedBeforeAnythingIsRead(t *testing.T) {
	for _, c := range []struct {
		name string
		bad  func(*rollout.Input)
		says string
	}{
		{"no image", func(in *rollout.Input) { in.Image = "" }, "no image"},
		{"a ring twice", func(in *rollout.Input) { in.Rings[1].Name = "dev" }, "twice"},
		{"a fleet twice", func(in *rollout.Input) { in.Fleets[1].Name = "prod" }, "twice"},
		{"an unknown ring", func(in *rollout.Input) { in.Fleets[0].Ring = "qa" }, `"qa"`},
		{"a fleet of nothing", func(in *rollout.Input) { in.Fleets[0].Groups = nil }, "selects no groups"},
		{"min above 100", func(in *rollout.Input) { in.Fleets[0].Refresh.MinHealthy = n(101) }, "min_healthy is 101"},
		{"max below 100", func(in *rollout.Input) { in.Fleets[0].Refresh.MaxHealthy = n(99) }, "max_healthy is 99"},
		{"min and max too far apart", func(in *rollout.Input) {
			in.Fleets[0].Refresh.MinHealthy, in.Fleets[0].Refresh.MaxHealthy = n(50), n(200)
		}, "apart"},
		{"checkpoints that fall", func(in *rollout.Input) { in.Fleets[0].Refresh.Checkpoints = []int{50, 20} }, "ascend"},
		{"a delay without checkpoints", func(in *rollout.Input) { in.Fleets[0].Refresh.CheckpointDelay = time.Minute }, "needs checkpoints"},
		{"a soak of three days", func(in *rollout.Input) { in.Fleets[0].Refresh.Soak = 72 * time.Hour }, "48h"},
		{"eleven alarms", func(in *rollout.Input) { in.Fleets[0].Refresh.Alarms = make([]string, 11) }, "alarms"},
		{"a word that the API lacks", func(in *rollout.Input) { in.Fleets[0].Refresh.Protected = "maybe" }, "maybe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := demoInput()
			c.bad(&in)
			_, err := newFleet().stage().Plan(t.Context(), in)
			if fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestThePlanRefusesWhatWouldGoWrong(t *testing.T) {
	for _, c := range []struct {
		name string
		with func(*fleet, *rollout.Group, *rollout.Input)
		kind fault.Kind
		says string
	}{
		{"a launch configuration", func(_ *fleet, g *rollout.Group, _ *rollout.Input) { g.LaunchConfiguration = "lc" }, fault.Unsupported, "launch configuration"},
		{"no template", func(_ *fleet, g *rollout.Group, _ *rollout.Input) { g.Template = rollout.Template{} }, fault.Unsupported, "no launch template"},
		{"a group that is going", func(_ *fleet, g *rollout.Group, _ *rollout.Input) { g.Deleting = true }, fault.Conflict, "deleted"},
		{"overrides of their own", func(_ *fleet, g *rollout.Group, _ *rollout.Input) { g.OwnOverrides = true }, fault.Unsupported, "overrides"},
		{"a suspended process", func(_ *fleet, g *rollout.Group, _ *rollout.Input) { g.Suspended = []string{"Launch"} }, fault.Conflict, "Launch"},
		{"an instance in standby", func(_ *fleet, g *rollout.Group, _ *rollout.Input) { g.Instances[0].State = "Standby" }, fault.Conflict, "standby"},
		{"a protected instance", func(_ *fleet, g *rollout.Group, _ *rollout.Input) { g.Instances[0].Protected = true }, fault.Conflict, "protected"},
		{"one instance without surge", func(_ *fleet, g *rollout.Group, in *rollout.Input) {
			g.Desired, in.Fleets[1].Refresh.MaxHealthy = 1, n(100)
		}, fault.Usage, "one instance"},
		{"an image by alias", func(f *fleet, _ *rollout.Group, _ *rollout.Input) { f.versions["lt-1"][0].Image = "resolve:ssm:/g/a" }, fault.Unsupported, "resolve:ssm"},
		{"a version without an image", func(f *fleet, _ *rollout.Group, _ *rollout.Input) { f.versions["lt-1"][0].Image = "" }, fault.Unsupported, "no image"},
		{"an image to go back to that is gone", func(f *fleet, _ *rollout.Group, _ *rollout.Input) { delete(f.images, "ami-old") }, fault.Conflict, "ami-old"},
		{"two versions under an alias", func(f *fleet, g *rollout.Group, _ *rollout.Input) {
			f.template("lt-1", "ami-old")
			g.Template.Version = "$Latest"
			g.Instances[1].Template.Version = "2"
		}, fault.Conflict, "versions 1 and 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, in := demo(), demoInput()
			c.with(f, f.groups["web-dev"], &in)
			p, err := f.stage().Plan(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Err(); fault.KindOf(err) != c.kind || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			if len(f.writes) > 0 {
				t.Errorf("a plan wrote %v", f.writes)
			}
		})
	}
}

func TestThePlanNamesWhatItDidNotFind(t *testing.T) {
	for _, c := range []struct {
		name string
		with func(*fleet, *rollout.Input)
		kind fault.Kind
		says string
	}{
		{"a group", func(_ *fleet, in *rollout.Input) { in.Fleets[0].Groups = []string{"web-prud"} }, fault.NotFound, "web-prud"},
		{"tags", func(_ *fleet, in *rollout.Input) {
			in.Fleets[0].Groups, in.Fleets[0].Tags = nil, map[string]string{"b": "2", "a": "1"}
		}, fault.NotFound, "a=1, b=2"},
		{"the image", func(f *fleet, _ *rollout.Input) { delete(f.images, "ami-new") }, fault.NotFound, "ami-new"},
		{"an available image", func(f *fleet, _ *rollout.Input) { f.images["ami-new"] = "pending" }, fault.Conflict, "pending"},
		{"the version", func(f *fleet, _ *rollout.Input) { f.groups["web-dev"].Template.Version = "7" }, fault.NotFound, "no version 7"},
		{"one fleet for a group", func(_ *fleet, in *rollout.Input) { in.Fleets[0].Groups = []string{"web-dev"} }, fault.Usage, "belongs to fleet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, in := demo(), demoInput()
			c.with(f, &in)
			p, err := f.stage().Plan(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if err = p.Err(); err == nil || fault.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAGroupOfOneGetsASurge(t *testing.T) {
	f := demo()
	f.groups["web-dev"].Desired = 1
	g := plan(t, f, demoInput()).Rings[0].Groups[0]
	if p := g.Preferences; p.MinHealthy == nil || *p.MinHealthy != 100 || *p.MaxHealthy != 200 {
		t.Errorf("preferences %+v", p)
	}
}

func TestCheckpointsReachTheEnd(t *testing.T) {
	f, in := demo(), demoInput()
	in.Fleets[1].Refresh.Checkpoints = []int{20, 50}
	g := plan(t, f, in).Rings[0].Groups[0]
	if d := cmp.Diff([]int{20, 50, 100}, g.Preferences.Checkpoints); d != "" {
		t.Error(d)
	}
}

func TestThePlanSurvivesJSON(t *testing.T) {
	f := demo()
	f.groups["web-dev"].Mixed = json.RawMessage(`{"InstancesDistribution":{"SpotAllocationStrategy":"lowest-price"}}`)
	p := plan(t, f, demoInput())
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back rollout.Plan
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if err := f.stage().Check(t.Context(), demoInput(), &back); err != nil {
		t.Error(err)
	}
	back.Rings[0].Groups[0].To = "ami-evil"
	if err := f.stage().Check(t.Context(), demoInput(), &back); fault.KindOf(err) != fault.Conflict {
		t.Errorf("an edited plan: %v", err)
	}
}

func TestTheGravestOutcomeDecides(t *testing.T) {
	for _, c := range []struct {
		outcomes []string
		want     fault.Kind
		exit     int
	}{
		{[]string{"partial", "halted", "rolled-back"}, fault.Halted, 13},
		{[]string{"done", "rolled-back", "partial"}, fault.RolledBack, 12},
		{[]string{"failed", "partial"}, fault.Partial, 3},
		{[]string{"done", "failed"}, fault.Failed, 1},
		{[]string{"done", "a word from a newer version"}, fault.Failed, 1},
		{[]string{""}, fault.Failed, 1},
	} {
		var rolls []record.Roll
		for _, o := range c.outcomes {
			rolls = append(rolls, record.Roll{Group: "g", Outcome: o})
		}
		if k := fault.KindOf(rollout.Err(rolls)); k != c.want || k.ExitCode() != c.exit {
			t.Errorf("%v: kind %v, exit %d", c.outcomes, k, k.ExitCode())
		}
		words := map[fault.Kind]string{fault.Halted: rollout.Halted, fault.RolledBack: rollout.RolledBack, fault.Partial: rollout.Partial, fault.Failed: rollout.Failed}
		if got := rollout.Gravest(rolls); got != words[c.want] {
			t.Errorf("%v: the gravest is %q", c.outcomes, got)
		}
	}
	if got := rollout.Gravest([]record.Roll{{Outcome: "done"}}); got != "" {
		t.Errorf("of a success the gravest is %q", got)
	}
	if err := rollout.Err([]record.Roll{{Outcome: "done"}, {Outcome: "nothing-to-do"}}); err != nil {
		t.Error(err)
	}
}

func TestDiffNamesEveryField(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{`{"ImageId":"a"}`, `{"ImageId":"b"}`, "ImageId"},
		{`{"A":{"B":[1,2]}}`, `{"A":{"B":[1,3]}}`, "A.B[1]"},
		{`{"A":[1]}`, `{"A":[1,2]}`, "A"},
		{`{"A":null}`, `{}`, ""},
		{`{"A":1}`, `{"B":1}`, "A,B"},
		{``, `{}`, ""},
	} {
		d, err := rollout.Diff(json.RawMessage(c.a), json.RawMessage(c.b))
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, f := range d {
			paths = append(paths, f.Path)
		}
		if got := strings.Join(paths, ","); got != c.want {
			t.Errorf("%s against %s: %q, want %q", c.a, c.b, got, c.want)
		}
	}
	if _, err := rollout.Diff(json.RawMessage(`{`), nil); err == nil {
		t.Error("broken JSON was compared")
	}
}

func FuzzDiff(f *testing.F) {
	f.Add([]byte(`{"a":1}`), []byte(`{"a":[1,{"b":null}]}`))
	f.Add([]byte(`[]`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		d, err := rollout.Diff(a, b)
		back, err2 := rollout.Diff(b, a)
		if (err == nil) != (err2 == nil) || len(d) != len(back) {
			t.Errorf("%d fields one way (%v), %d the other (%v)", len(d), err, len(back), err2)
		}
	})
}
