package rollout_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

// kept is the demo's plan after it lay in a file.
func kept(t *testing.T, f *fleet, in rollout.Input) *rollout.Plan {
	t.Helper()
	var b bytes.Buffer
	if err := rollout.WritePlan(&b, plan(t, f, in)); err != nil {
		t.Fatal(err)
	}
	p, err := rollout.ReadPlan(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPlanWhosePreconditionsHaveMovedIsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		move func(*fleet, *rollout.Input)
		says string
	}{
		{"the template version", func(f *fleet, _ *rollout.Input) {
			f.template("lt-1", "ami-old")
			f.groups["web-dev"].Template.Version = "2"
		}, "group web-dev: inUse is 2, was 1"},
		{"the template", func(f *fleet, _ *rollout.Input) {
			f.template("lt-2", "ami-old")
			f.groups["web-dev"].Template.ID = "lt-2"
		}, "template.id is lt-2"},
		{"the image in use", func(f *fleet, _ *rollout.Input) {
			f.versions["lt-1"][0].Image, f.images["ami-odd"] = "ami-odd", "available"
		}, "from is ami-odd"},
		{"the mixed-instances policy", func(f *fleet, _ *rollout.Input) {
			f.groups["web-dev"].Mixed = json.RawMessage(`{"InstancesDistribution":{}}`)
		}, "mixed is {"},
		{"the image to go to", func(f *fleet, in *rollout.Input) { in.Image, f.images["ami-2"] = "ami-2", "available" }, "the image is ami-2, was ami-new"},
		{"the channel", func(_ *fleet, in *rollout.Input) { in.ChannelVersion++ }, "version 8, was /golden/web/latest version 7"},
		{"the preferences", func(_ *fleet, in *rollout.Input) { in.Fleets[1].Refresh.Alarms = []string{"errors"} }, "preferences.alarms"},
		{"the order", func(_ *fleet, in *rollout.Input) { in.Rings[0], in.Rings[1] = in.Rings[1], in.Rings[0] }, "order"},
		{"a group more", func(f *fleet, in *rollout.Input) {
			f.group("web-new", "lt-1", "1", "1", 2)
			in.Fleets[1].Groups = append(in.Fleets[1].Groups, "web-new")
		}, "group web-new is new"},
		{"a group less", func(f *fleet, _ *rollout.Input) { delete(f.groups, "web-dev") }, "group web-dev is gone"},
		{"a process", func(f *fleet, _ *rollout.Input) { f.groups["web-dev"].Suspended = []string{"Launch"} }, "Launch is suspended"},
		{"a refresh of somebody else", func(f *fleet, _ *rollout.Input) {
			f.template("lt-1", "ami-old")
			f.refreshes["web-dev"] = []rollout.Refresh{{ID: "r-1", Status: "InProgress", Desired: rollout.Desired{Template: rollout.Template{ID: "lt-1", Version: "2"}}}}
		}, "somebody else's"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, in := demo(), demoInput()
			in.Channel, in.ChannelVersion = "/golden/web/latest", 7
			p := kept(t, f, in)
			c.move(f, &in)
			err := f.stage().Check(t.Context(), in, p)
			if fault.KindOf(err) != fault.Conflict || fault.KindOf(err).ExitCode() != 11 || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
			if len(f.writes) > 0 {
				t.Errorf("a check wrote %v", f.writes)
			}
		})
	}
}

func TestCapacityMayMoveWithinTheTolerance(t *testing.T) {
	for _, c := range []struct {
		name     string
		was, now int
		fine     bool
	}{
		{"as it was", 6, 6, true}, {"one more", 6, 7, true}, {"one less", 6, 5, true}, {"two more", 6, 8, false}, {"two less", 6, 4, false},
		{"a quarter more", 20, 25, true}, {"over a quarter more", 20, 26, false}, {"a quarter less", 20, 15, true}, {"less than that", 20, 14, false},
		{"two down to one", 2, 1, false}, {"one up to two", 1, 2, true}, {"none up to one", 0, 1, false}, {"one down to none", 1, 0, false}, {"none", 0, 0, true},
	} {
		f, in := demo(), demoInput()
		g := f.groups["web-prod"]
		f.resize(g, c.was)
		p := kept(t, f, in)
		f.resize(g, c.now)
		err := f.stage().Check(t.Context(), in, p)
		if c.fine != (err == nil) || err != nil && fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// resize scales a group out or in.
func (f *fleet) resize(g *rollout.Group, n int) {
	g.Desired = n
	for len(g.Instances) < n {
		g.Instances = append(g.Instances, f.launch(g.Template.ID, "1"))
	}
	g.Instances = g.Instances[:n]
}

func TestOtherMeasuredValuesMayMove(t *testing.T) {
	f, in := demo(), demoInput()
	p := kept(t, f, in)
	f.groups["web-prod"].Instances[0] = f.launch("lt-1", "1") // a spot instance was taken and replaced
	f.groups["web-prod"].Max++
	in.Rings[1].Opens = func(t time.Time) (time.Time, time.Time) { return t.Add(time.Hour), t.Add(2 * time.Hour) }
	if err := f.stage().Check(t.Context(), in, p); err != nil {
		t.Error(err)
	}
}

func TestAPlanThatIsRefusedIsNotAppliedLater(t *testing.T) {
	f, in := demo(), demoInput()
	f.groups["web-dev"].Suspended = []string{"Launch"}
	p, err := f.stage().Plan(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	f.groups["web-dev"].Suspended = nil
	if err := f.stage().Check(t.Context(), in, p); err == nil || !strings.Contains(err.Error(), "Launch") {
		t.Errorf("got %v", err)
	}
}

func TestAPlansFileIsRefusedWhenItIsNotOne(t *testing.T) {
	var b bytes.Buffer
	if err := rollout.WritePlan(&b, plan(t, demo(), demoInput())); err != nil {
		t.Fatal(err)
	}
	good := b.String()
	for name, c := range map[string]struct {
		text string
		kind fault.Kind
	}{
		"nothing":          {"", fault.Usage},
		"another document": {`{"schema":1,"runs":[]}`, fault.Usage},
		"a newer schema":   {strings.Replace(good, `"schema": 1`, `"schema": 2`, 1), fault.Usage},
		"two plans":        {good + good, fault.Usage},
		"half a plan":      {good[:len(good)/2], fault.Usage},
		"another image":    {strings.ReplaceAll(good, "ami-new", "ami-evil"), fault.Conflict},
		"another group":    {strings.Replace(good, `"group": "web-dev"`, `"group": "db"`, 1), fault.Conflict},
		"another measure":  {strings.Replace(good, `"inService": 2`, `"inService": 1`, 1), fault.Conflict},
	} {
		if _, err := rollout.ReadPlan([]byte(c.text)); fault.KindOf(err) != c.kind || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzReadPlan(f *testing.F) {
	golden, err := os.ReadFile(filepath.Join("testdata", "plan.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden)
	f.Add([]byte(`{"schema":1,"image":"a","hash":"b","rings":[{"groups":[{"mixed":{"a":[1]}}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := rollout.ReadPlan(data)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := rollout.WritePlan(&b, p); err != nil {
			t.Fatal(err)
		}
		if again, err := rollout.ReadPlan(b.Bytes()); err != nil || again.Hash != p.Hash {
			t.Errorf("what was written is not read: %v", err)
		}
	})
}
