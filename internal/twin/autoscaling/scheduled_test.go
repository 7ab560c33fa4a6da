package autoscaling

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// plan puts a scheduled action.
func (r *rig) plan(name string, in asg.PutScheduledUpdateGroupActionInput) {
	r.t.Helper()
	in.AutoScalingGroupName, in.ScheduledActionName = aws.String("web"), &name
	must(r, r.s.PutScheduledUpdateGroupAction, &in)
}

func (r *rig) sizes() [3]int32 {
	g := r.describe("web")
	return [3]int32{*g.MinSize, *g.DesiredCapacity, *g.MaxSize}
}

func TestAScheduledActionChangesTheSizeOnceAndIsGone(t *testing.T) {
	r := start(t)
	r.group("web", 2)
	at := r.w.Clock().Now().Add(time.Hour)
	r.plan("more", asg.PutScheduledUpdateGroupActionInput{StartTime: &at, MinSize: aws.Int32(3), MaxSize: aws.Int32(9)})
	r.step(59 * time.Minute)
	if got := r.sizes(); got != [3]int32{0, 2, 50} {
		t.Fatalf("early: %v", got)
	}
	r.step(10 * time.Minute)
	// The desired capacity follows the bound that passed it.
	if got := r.sizes(); got != [3]int32{3, 3, 9} || r.versions("web")["1"] != 3 {
		t.Errorf("%v with %v", got, r.versions("web"))
	}
	if out := must(r, r.s.DescribeScheduledActions, &asg.DescribeScheduledActionsInput{}); len(out.ScheduledUpdateGroupActions) != 0 {
		t.Errorf("it is still told: %+v", out)
	}
}

func TestAScheduledActionRecursInItsTimeZoneBetweenItsBounds(t *testing.T) {
	r := start(t) // on Sunday, 1 November 2026, at midnight
	r.group("web", 1)
	from, until := r.w.Clock().Now().Add(24*time.Hour), r.w.Clock().Now().Add(72*time.Hour)
	r.plan("day", asg.PutScheduledUpdateGroupActionInput{Recurrence: aws.String("0 8 * * 1-5"), TimeZone: aws.String("Europe/Berlin"), StartTime: &from, EndTime: &until, DesiredCapacity: aws.Int32(4)})
	r.plan("night", asg.PutScheduledUpdateGroupActionInput{Recurrence: aws.String("30 20 * * *"), DesiredCapacity: aws.Int32(1)})
	for _, want := range []struct {
		after   time.Duration
		desired int32
	}{
		{8 * time.Hour, 1},                // Sunday
		{31 * time.Hour, 4},               // Monday, 07:00 UTC is 08:00 in Berlin
		{45 * time.Hour, 1},               // Monday night
		{55*time.Hour + time.Minute, 4},   // Tuesday
		{69 * time.Hour, 1},               // Tuesday night
		{24*time.Hour*3 + 8*time.Hour, 1}, // Wednesday: it is over
	} {
		r.step(time.Date(2026, 11, 1, 0, 1, 0, 0, time.UTC).Add(want.after).Sub(r.w.Clock().Now()))
		if got := r.sizes()[1]; got != want.desired {
			t.Errorf("after %s %d, want %d", want.after, got, want.desired)
		}
	}
	if out := must(r, r.s.DescribeScheduledActions, &asg.DescribeScheduledActionsInput{}).ScheduledUpdateGroupActions; len(out) != 1 || *out[0].ScheduledActionName != "night" {
		t.Errorf("%+v", out)
	}
}

func TestASuspendedOrDeletedOrReplacedScheduledActionDoesNothing(t *testing.T) {
	r := start(t)
	r.group("web", 1)
	soon, later := aws.Time(r.w.Clock().Now().Add(time.Hour)), aws.Time(r.w.Clock().Now().Add(3*time.Hour))
	r.plan("deleted", asg.PutScheduledUpdateGroupActionInput{StartTime: soon, DesiredCapacity: aws.Int32(9)})
	in := &asg.DeleteScheduledActionInput{AutoScalingGroupName: aws.String("web"), ScheduledActionName: aws.String("deleted")}
	must(r, r.s.DeleteScheduledAction, in)
	if _, err := call(r, r.s.DeleteScheduledAction, in); code(err) != "ValidationError" {
		t.Errorf("deleted twice: %v", err)
	}
	r.plan("moved", asg.PutScheduledUpdateGroupActionInput{StartTime: soon, DesiredCapacity: aws.Int32(8)})
	r.plan("moved", asg.PutScheduledUpdateGroupActionInput{StartTime: later, DesiredCapacity: aws.Int32(3)})
	r.plan("above the maximum", asg.PutScheduledUpdateGroupActionInput{StartTime: soon, DesiredCapacity: aws.Int32(51)})
	r.step(2 * time.Hour)
	if got := r.sizes(); got != [3]int32{0, 1, 50} {
		t.Errorf("%v", got)
	}
	scaling := []string{"ScheduledActions"}
	must(r, r.s.SuspendProcesses, &asg.SuspendProcessesInput{AutoScalingGroupName: aws.String("web"), ScalingProcesses: scaling})
	r.step(2 * time.Hour)
	must(r, r.s.ResumeProcesses, &asg.ResumeProcessesInput{AutoScalingGroupName: aws.String("web"), ScalingProcesses: scaling})
	r.step(time.Hour)
	if got := r.sizes()[1]; got != 1 {
		t.Errorf("made up for: %d", got)
	}
}

func TestAScheduledActionInTheMiddleOfARefreshScalesOutToTheDesiredConfiguration(t *testing.T) {
	r := start(t)
	r.group("web", 4)
	r.plan("more", asg.PutScheduledUpdateGroupActionInput{StartTime: aws.Time(r.w.Clock().Now().Add(2 * time.Minute)), DesiredCapacity: aws.Int32(7)})
	r.refresh("web", 2, nil)
	if s := r.until("web", time.Hour); s.Status != types.InstanceRefreshStatusSuccessful || r.versions("web")["2"] != 7 {
		t.Errorf("%s %v", s.Status, r.versions("web"))
	}
}

func TestAGroupThatIsMadeAgainHasNoneOfTheOldOnesScheduledActions(t *testing.T) {
	r := start(t)
	r.group("web", 0)
	r.plan("more", asg.PutScheduledUpdateGroupActionInput{StartTime: aws.Time(r.w.Clock().Now().Add(time.Hour)), DesiredCapacity: aws.Int32(5)})
	must(r, r.s.DeleteAutoScalingGroup, &asg.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("web")})
	r.step(time.Minute)
	r.group("web", 1)
	r.step(2 * time.Hour)
	if got := r.sizes()[1]; got != 1 {
		t.Errorf("%d", got)
	}
}

func TestRecurrencesAreThoseOfCron(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) // a Sunday
	for text, want := range map[string]string{
		"0 2 * * *":       "2026-11-01T02:00",
		"*/15 * * * *":    "2026-11-01T00:15",
		"0 2 * * 2":       "2026-11-03T02:00",
		"0 2 * * 0":       "2026-11-01T02:00",
		"0 2 * * 7":       "2026-11-01T02:00",
		"0 2 * * FRI":     "2026-11-06T02:00",
		"0 2 * * 5-7":     "2026-11-01T02:00",
		"0 2 * * 1-5/2":   "2026-11-02T02:00",
		"0 2 * * 4,sat":   "2026-11-05T02:00",
		"0 2 10 * *":      "2026-11-10T02:00",
		"0 2 10 * 3":      "2026-11-04T02:00", // the tenth, or a Wednesday
		"0 2 3 * 5":       "2026-11-03T02:00", // the third, or a Friday
		"30 0 1 1,6,12 *": "2026-12-01T00:30",
	} {
		r, err := parseRecurrence(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if at, ok := r.next(from, time.UTC); !ok || at.Format("2006-01-02T15:04") != want {
			t.Errorf("%s: %s, want %s", text, at, want)
		}
	}
	for _, text := range []string{"", "0 2 * *", "0 2 ? * 2", "60 2 * * *", "0 2 * * 8", "0 2 * * 5-2", "0 2 * * TUE#2", "0 2 L * *", "0 2 * 13 *", "0 2 * * 1/9", "a b c d e", "0 2 * * */0"} {
		if _, err := parseRecurrence(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func FuzzRecurrence(f *testing.F) {
	f.Add("0 2 10 * 3")
	f.Add("*/15 8-17 * 1,6 mon-fri/2")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRecurrence(text)
		if err != nil {
			return
		}
		from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		if at, ok := r.next(from, time.UTC); ok && !at.After(from) {
			t.Errorf("%q: %s", text, at)
		}
	})
}
