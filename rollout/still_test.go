package rollout_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/rollout"
)

// standsStill has the refresh of web-dev stand still from its beginning for a time.
// Somebody suspends a process meanwhile, when one is named.
func (f *fleet) standsStill(status, process string, until time.Duration) {
	f.fate["ami-new"] = status
	var from time.Time
	f.hook = func(call string, after bool) error {
		if call == "Start" && after && process != "" {
			f.groups["web-dev"].Suspended = []string{"AlarmNotification", process}
		}
		if call == "List" && !after && len(f.refreshes["web-dev"]) > 0 {
			if from.IsZero() {
				from = f.clock.Now()
			}
			if f.clock.Now().Sub(from) > until {
				delete(f.fate, "ami-new")
			}
		}
		return nil
	}
}

// still are the warnings of groups that stand still.
func (f *fleet) still() (out []string) {
	for _, e := range f.events {
		if e.Kind == event.Warned && strings.Contains(e.Text, "stands still") {
			out = append(out, e.Text)
		}
	}
	return out
}

func TestARefreshThatStandsStillIsToldOnceWithWhatIsInItsWay(t *testing.T) {
	f := demo()
	f.standsStill("InProgress:Waiting for an instance to launch", "Launch", time.Hour)
	x, p := f.execution(t), plan(t, f, demoInput())
	if _, err := x.Roll(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	told := f.still()
	if len(told) != 1 {
		t.Fatalf("told %d times in an hour: %v", len(told), told)
	}
	for _, want := range []string{"web-dev stands still at 50% for ", "InProgress (Waiting for an instance to launch)", "suspended: Launch;",
		`aws autoscaling resume-processes --auto-scaling-group-name "web-dev" --scaling-processes Launch`} {
		if !strings.Contains(told[0], want) {
			t.Errorf("%q does not say %q", told[0], want)
		}
	}
	if strings.Contains(told[0], "AlarmNotification") {
		t.Errorf("a process that keeps no refresh is blamed: %s", told[0])
	}
}

func TestARefreshThatStandsStillIsToldAfterFiveMinutesBeyondItsOwnWaits(t *testing.T) {
	for name, c := range map[string]struct {
		stands  time.Duration
		process string
		mend    func(*rollout.Input)
		told    int
	}{
		"four minutes":                {4 * time.Minute, "", nil, 0},
		"a quarter of an hour":        {15 * time.Minute, "", nil, 1},
		"while it warms up":           {15 * time.Minute, "", func(in *rollout.Input) { in.Fleets[1].Refresh.Warmup = minutes(20) }, 0},
		"suspended while it warms up": {15 * time.Minute, "Terminate", func(in *rollout.Input) { in.Fleets[1].Refresh.Warmup = minutes(20) }, 1},
		"at a checkpoint": {15 * time.Minute, "", func(in *rollout.Input) {
			in.Fleets[1].Refresh.Checkpoints, in.Fleets[1].Refresh.CheckpointDelay = []int{50, 100}, 20*time.Minute
		}, 0},
		"after a checkpoint": {50 * time.Minute, "", func(in *rollout.Input) {
			in.Fleets[1].Refresh.Checkpoints, in.Fleets[1].Refresh.CheckpointDelay = []int{50, 100}, 20*time.Minute
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := demo()
			f.standsStill("InProgress", c.process, c.stands)
			in := demoInput()
			if c.mend != nil {
				c.mend(&in)
			}
			x, p := f.execution(t), plan(t, f, in)
			if _, err := x.Roll(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if told := f.still(); len(told) != c.told {
				t.Errorf("told %d times: %v", len(told), told)
			}
		})
	}
}

func minutes(n int) *time.Duration {
	d := time.Duration(n) * time.Minute
	return &d
}

func TestARefreshThatStandsStillCostsNoFurtherCalls(t *testing.T) {
	calls := map[bool]int{}
	for _, suspends := range []bool{false, true} {
		f := demo()
		process := ""
		if suspends {
			process = "Launch"
		}
		f.standsStill("InProgress", process, 50*time.Minute)
		hook := f.hook
		f.hook = func(call string, after bool) error {
			if !after {
				calls[suspends]++
			}
			return hook(call, after)
		}
		in := demoInput()
		in.Fleets[1].Refresh.Warmup = minutes(60) // without a suspended process it is not told
		x, p := f.execution(t), plan(t, f, in)
		if _, err := x.Roll(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if told := len(f.still()); (told == 1) != suspends {
			t.Fatalf("told %d times", told)
		}
	}
	if calls[true] != calls[false] {
		t.Errorf("%d calls where it is told, else %d", calls[true], calls[false])
	}
}

func TestAHaltedGroupWithASuspendedProcessSaysHowToResumeIt(t *testing.T) {
	f := demo()
	f.standsStill("RollbackFailed:timed out", "Launch", time.Hour)
	got, err := roll(t, f, plan(t, f, demoInput()))
	if fault.KindOf(err) != fault.Halted || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if by := strings.Join(got[0].Manual, "\n"); !strings.Contains(by, `(suspended: Launch): aws autoscaling resume-processes --auto-scaling-group-name "web-dev" --scaling-processes Launch`+"\n") {
		t.Errorf("by hand:\n%s", by)
	}
}

func TestAGroupThatMovesStandsBetweenItsImagesWithTheReasonThatAWSGives(t *testing.T) {
	f := demo()
	f.fate["ami-new"] = "InProgress:Waiting for\x1b instances"
	x, p := f.execution(t), plan(t, f, demoInput())
	interrupt(t, f, x, p)
	s := standings(t, x, p)
	if s := s["web-prod"]; s.Image != "ami-old" || s.Between != nil {
		t.Errorf("%+v", s)
	}
	if s := s["web-dev"]; s.Image != "" || s.Mixed != nil || !slices.Equal(s.Between, []string{"ami-old", "ami-new"}) {
		t.Errorf("%+v", s)
	}
	if s := s["web-dev"]; s.State != "moving" || s.Status != "InProgress" || s.Reason != "Waiting for instances" {
		t.Errorf("%+v", s)
	}
}

// interrupt rolls until a refresh has been looked at, as a process does that is ended.
func interrupt(t *testing.T, f *fleet, x *rollout.Execution, p *rollout.Plan) {
	t.Helper()
	f.hook = func(call string, after bool) error {
		if call == "List" && after && len(f.refreshes["web-dev"]) > 0 {
			return fault.New(fault.Denied, "", "enough")
		}
		return nil
	}
	if _, err := x.Roll(t.Context(), p); err == nil {
		t.Fatal("it went on")
	}
	f.hook = nil
}
