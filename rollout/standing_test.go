package rollout_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/rollout"
)

// standings rolls the demo's plan and returns how its groups stand by the journal, as
// another process reads it.
func standings(t *testing.T, x *rollout.Execution, p *rollout.Plan) map[string]rollout.Standing {
	t.Helper()
	states := map[string]json.RawMessage{}
	tails, err := x.Pool.(*engine.Pool).Local.Journal.Tails(t.Context(), func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	for name, records := range tails {
		for _, r := range records {
			if r.Phase == journal.After {
				states[name] = r.State
			}
		}
	}
	list, err := x.Standing(t.Context(), p, states)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]rollout.Standing{}
	for _, s := range list {
		out[s.Group] = s
	}
	return out
}

func TestAGroupThatWentBackStandsAsRolledBackWithTheImageItRuns(t *testing.T) {
	f := demo()
	x := f.execution(t)
	p := plan(t, f, demoInput())
	rolls, err := x.Roll(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range standings(t, x, p) {
		if s.State != rollout.Done || s.Image != "ami-new" {
			t.Errorf("after the roll: %+v", s)
		}
	}
	// Somebody asked for it, could not go on, and asked again: the last one counts.
	f.images["ami-old"] = "disabled"
	x.BackStem = "rollback/20260310-130000-aaaaaa"
	if _, err := x.Back(t.Context(), p, rolls, "a bug"); fault.KindOf(err) != fault.Halted {
		t.Fatal(err)
	}
	got := standings(t, x, p)
	if s := got["web-prod"]; s.State != rollout.Halted || s.Image != "ami-new" {
		t.Errorf("after a way back that failed: %+v", s)
	}
	if s := got["web-dev"]; s.State != rollout.Done {
		t.Errorf("one that was not begun to be taken back: %+v", s)
	}
	f.images["ami-old"], f.andon = "available", ""
	x.Andon = nil
	x.BackStem = "rollback/20260310-140000-bbbbbb"
	if _, err := x.Back(t.Context(), p, rolls, "a bug"); err != nil {
		t.Fatal(err)
	}
	for _, s := range standings(t, x, p) {
		if s.State != rollout.RolledBack || s.Image != "ami-old" || !strings.Contains(s.Text, "a bug") {
			t.Errorf("after the way back: %+v", s)
		}
	}
}

func TestAGroupThatWasNotBegunStandsOnWhatItRan(t *testing.T) {
	f := demo()
	x := f.execution(t)
	p := plan(t, f, demoInput())
	for _, s := range standings(t, x, p) {
		if s.State != "not begun" || s.Image != "ami-old" || s.Mixed != nil {
			t.Errorf("%+v", s)
		}
	}
}

func TestAGroupThatWasLeftMixedStandsWithHowManyRunWhich(t *testing.T) {
	f := demo()
	f.fate["ami-new"] = "Cancelled"
	x := f.execution(t)
	p := plan(t, f, demoInput())
	if _, err := x.Roll(t.Context(), p); fault.KindOf(err) != fault.Halted {
		t.Fatal(err)
	}
	s := standings(t, x, p)["web-dev"]
	if s.State != rollout.Halted || s.Image != "" || s.Mixed["ami-old"] != 1 || s.Mixed["ami-new"] != 1 {
		t.Errorf("%+v", s)
	}
}

func TestAHaltedGroupOfWhichNothingRunsTheNewImageStandsOnWhatItRuns(t *testing.T) {
	f := demo()
	for _, m := range f.groups["web-dev"].Instances {
		f.stuck[m.ID] = true
	}
	f.hook = func(call string, _ bool) error {
		if call == "List" && len(f.refreshes["web-dev"]) > 0 { // before it has replaced any
			f.refreshes["web-dev"][0].Status = "Cancelled"
		}
		return nil
	}
	x, p := f.execution(t), plan(t, f, demoInput())
	if _, err := x.Roll(t.Context(), p); fault.KindOf(err) != fault.Halted {
		t.Fatal(err)
	}
	if s := standings(t, x, p)["web-dev"]; s.State != rollout.Halted || s.Image != "ami-old" || s.Mixed != nil {
		t.Errorf("%+v", s)
	}
}

func TestAGroupThatWasScaledToNothingIsDoneToTheLastPercent(t *testing.T) {
	f := demo()
	x, p := f.execution(t), plan(t, f, demoInput())
	f.groups["web-dev"].Desired, f.groups["web-dev"].Instances = 0, nil
	if got, err := x.Roll(t.Context(), p); err != nil || outcomeOf(got, "web-dev") != rollout.Done {
		t.Fatalf("%+v, %v", got, err)
	}
	if !f.said("web-dev: Successful, 100%") || f.said("web-dev: Successful, 0%") {
		t.Error("its progress does not end")
	}
	if s := standings(t, x, p)["web-dev"]; s.State != rollout.Done || s.Image != "" {
		t.Errorf("%+v", s)
	}
}

// Groups of one name in two accounts, as the same stack in each has them.
func TestLinesOfARollThroughSeveralCellsNameTheCell(t *testing.T) {
	for name, cells := range map[string][]rollout.Cell{
		"one":     {{Account: "111122223333", Region: "eu-west-1"}},
		"several": {{Account: "111122223333", Region: "eu-west-1"}, {Account: "444455556666", Region: "us-east-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			accounts := map[rollout.Cell]*fleet{}
			var last *fleet
			for _, c := range cells {
				last = demo()
				accounts[c] = last
			}
			x := last.execution(t)
			x.Stage.Cells = func(_ context.Context, c rollout.Cell) (rollout.Ports, error) {
				f := accounts[c]
				return rollout.Ports{Groups: f, Templates: f, Refreshes: f, Instances: f, Images: f}, nil
			}
			in := demoInput()
			for i := range in.Fleets {
				in.Fleets[i].Cells = cells
			}
			p, err := x.Stage.Plan(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			rolls, err := x.Roll(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			last.images["ami-old"] = "gone"
			_, err = x.Back(t.Context(), p, rolls, "a bug")
			if err == nil {
				t.Fatal("it went back")
			}
			checkCells(t, last, cells, err.Error())
		})
	}
}

// checkCells checks every line about a group, and an error about one.
func checkCells(t *testing.T, f *fleet, cells []rollout.Cell, said string) {
	t.Helper()
	of := map[string]int{}
	lines := []string{said}
	for _, e := range f.events {
		if strings.Contains(e.Text, "web-") && e.Unit != "roll" {
			lines = append(lines, e.Text)
			of[e.Unit]++
		}
	}
	for _, line := range lines {
		named := strings.Contains(line, "in 111122223333/eu-west-1") || strings.Contains(line, "in 444455556666/us-east-1")
		if named != (len(cells) > 1) {
			t.Errorf("with %d cells: %s", len(cells), line)
		}
	}
	if len(of) != 2*len(cells) {
		t.Errorf("the lines are about %v", of)
	}
}

func TestAGroupThatRunsWhatItRanBeforeIsNotRefreshedAgainWhenItIsTakenBack(t *testing.T) {
	f := demo()
	x := f.execution(t)
	p := plan(t, f, demoInput())
	rolls, err := x.Roll(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		f.writes = nil
		x.BackStem = fmt.Sprintf("rollback/%d", n)
		got, err := x.Back(t.Context(), p, rolls, "a bug")
		if err != nil || len(got) != 2 || got[0].Outcome != rollout.RolledBack || got[1].Outcome != rollout.RolledBack {
			t.Fatalf("%+v, %v", got, err)
		}
		if want := []int{2, 0}[n]; len(f.writes) != want {
			t.Errorf("way back %d wrote %v", n+1, f.writes)
		}
	}
	// One instance of the new image is enough.
	f.groups["web-dev"].Instances[0] = f.launch("lt-1", "2")
	f.writes = nil
	x.BackStem = "rollback/3"
	if _, err := x.Back(t.Context(), p, rolls, "a bug"); err != nil || len(f.writes) != 1 || f.running("web-dev")["ami-old"] != 2 {
		t.Errorf("wrote %v, %v; it runs %v", f.writes, err, f.running("web-dev"))
	}
}
