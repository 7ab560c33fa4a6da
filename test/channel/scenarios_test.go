package channel

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/publish"
	"github.com/goldenami/rehydrate/test/race"
)

// fiveCells are two accounts in three Regions.
var fiveCells = []publish.Cell{
	{Account: "111111111111", Region: "eu-west-1"}, {Account: "111111111111", Region: "us-east-1"}, {Account: "111111111111", Region: "ap-south-1"},
	{Account: "222222222222", Region: "eu-west-1"}, {Account: "222222222222", Region: "us-east-1"},
}

// line is an image line in several cells of a twin, with an old image published.
type line struct {
	*race.Rig
	t      *testing.T
	cells  []publish.Cell
	stage  *publish.Stage
	moved  int // pointers moved so far
	onMove func(text string)
}

func id(age, cell int) string { return fmt.Sprintf("ami-0000000000000%02d%02d", age, cell) }

func openLine(t *testing.T, cells []publish.Cell, faults ...twin.Rule) *line {
	t.Helper()
	l := &line{Rig: race.Open(t, 1, faults...), t: t, cells: cells}
	l.stage = &publish.Stage{Cells: l.Ports, Clock: l.Clock(), Events: event.Func(func(e event.Event) {
		t.Logf("%s %s", l.Clock().Now().Format("15:04:05"), e.Text)
		if strings.HasPrefix(e.Text, "moved ") {
			l.moved++
			if l.onMove != nil {
				l.onMove(e.Text)
			}
		}
	})}
	for n, c := range cells {
		for age := range 4 {
			l.AddImage(c, id(age, n))
		}
	}
	if _, err := l.publish("run-0", 0); err != nil {
		t.Fatal(err)
	}
	l.moved = 0
	return l
}

func (l *line) input(run string, age int) publish.Input {
	of := id(age, 0)
	in := publish.Input{Run: run, Judged: []publish.Judged{{Image: of, Verdict: &record.Verdict{Image: of, Outcome: record.Pass},
		Bake: &record.Bake{CreatedAt: race.Start.Add(time.Duration(age) * time.Hour), LockDigest: "sha256:aa"}}}}
	for n, c := range l.cells {
		in.Pointers = append(in.Pointers, publish.Pointer{Cell: c, Channel: channel, Image: id(age, n), Of: of})
	}
	return in
}

// advance goes on with a plan from a state until it ends or stop says so; it returns
// the state before the last Advance too, which is what a journal has when a process
// dies within one.
func (l *line) advance(p *publish.Plan, state json.RawMessage, stop func() bool) (now, before json.RawMessage, done bool, err error) {
	l.t.Helper()
	ctx := l.t.Context()
	if state != nil {
		ctx = unit.Repeat(ctx)
	}
	now = state
	for range 3000 {
		out, next, err := l.stage.Unit(p).Advance(ctx, now)
		if err != nil {
			return now, before, false, err
		}
		ctx = l.t.Context()
		before, now = now, out
		if next.Done {
			return now, before, true, nil
		}
		if stop != nil && stop() {
			return now, before, false, nil
		}
		if next.After > 0 {
			if err := l.Clock().Sleep(ctx, l.Clock().Now().Add(next.After)); err != nil {
				l.t.Fatal(err)
			}
		}
	}
	l.t.Fatalf("publishing does not end: %s", now)
	return nil, nil, false, nil
}

func (l *line) publish(run string, age int) (record.Publish, error) {
	l.t.Helper()
	p, err := l.stage.Plan(l.t.Context(), l.input(run, age))
	if err != nil {
		return record.Publish{}, err
	}
	raw, _, _, err := l.advance(p, nil, nil)
	if err != nil {
		return record.Publish{}, err
	}
	return publish.Result(raw)
}

// hold fails the test unless every cell holds the image of that age.
func (l *line) hold(age int) {
	l.t.Helper()
	l.Clock().Step(time.Minute) // nothing is outstanding any more
	for n, c := range l.cells {
		ports, _ := l.Ports(l.t.Context(), c)
		if p, err := ports.Parameters.Get(l.t.Context(), channel); err != nil || p.Value != id(age, n) {
			l.t.Errorf("%s holds %s (%v), want %s", c, p.Value, err, id(age, n))
		}
	}
}

func (l *line) verify() (states map[string]int, all []publish.Finding) {
	l.t.Helper()
	var in []publish.Expected
	for _, c := range l.cells {
		in = append(in, publish.Expected{Place: publish.Place{Cell: c, Channel: channel}})
	}
	all, err := l.stage.Verify(l.t.Context(), in)
	if err != nil {
		l.t.Fatal(err)
	}
	states = map[string]int{}
	for _, f := range all {
		states[f.State]++
	}
	return states, all
}

func (l *line) correct() {
	l.t.Helper()
	if states, all := l.verify(); states[publish.Correct] != len(l.cells) {
		said, _ := json.Marshal(all) // for people
		l.t.Errorf("%s", said)
	}
}

func (l *line) parameters(n int) *ssm.Client { return ssm.NewFromConfig(l.Config(l.cells[n])) }

// Scenario 17: the put is answered with 200 and the value rejected afterwards.
func TestAPointerRejectedAfterTheAnswerHasTheOthersPutBack(t *testing.T) {
	l := openLine(t, fiveCells[:3])
	l.onMove = func(text string) {
		if strings.Contains(text, "us-east-1") {
			_, err := ec2.NewFromConfig(l.Config(l.cells[1])).DeregisterImage(t.Context(), &ec2.DeregisterImageInput{ImageId: aws.String(id(1, 1))})
			if err != nil {
				t.Error(err)
			}
		}
	}
	got, err := l.publish("run-1", 1)
	if fault.KindOf(err) != fault.Failed || !strings.Contains(err.Error(), "never validated") {
		t.Errorf("got %v", err)
	}
	for n, want := range []string{publish.PutBack, publish.Refused, publish.PutBack} {
		if got.Pointers[n].Outcome != want {
			t.Errorf("pointer %d: %+v", n, got.Pointers[n])
		}
	}
	l.hold(0)
	l.correct()
}

// Scenario 18: a crash after two of five pointers. Going on completes them; so does
// another run of the same image; verify shows what stands between.
func TestACrashAfterTwoOfFivePointersIsSeenAndCompleted(t *testing.T) {
	for name, complete := range map[string]func(*line, *publish.Plan, json.RawMessage) error{
		"by going on": func(l *line, p *publish.Plan, state json.RawMessage) error {
			raw, _, _, err := l.advance(p, state, nil)
			if err == nil {
				_, err = publish.Result(raw)
			}
			return err
		},
		"by another run": func(l *line, _ *publish.Plan, _ json.RawMessage) error {
			_, err := l.publish("run-2", 1)
			return err
		},
		"by a newer image": func(l *line, _ *publish.Plan, _ json.RawMessage) error {
			if _, err := l.publish("run-3", 2); err != nil {
				return err
			}
			l.hold(2)
			_, err := l.publish("run-4", 1)
			if fault.KindOf(err) != fault.Conflict {
				return fmt.Errorf("the older one again: %w", err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := openLine(t, fiveCells)
			p, err := l.stage.Plan(t.Context(), l.input("run-1", 1))
			if err != nil {
				t.Fatal(err)
			}
			// The second pointer was written, and the journal does not say so.
			_, before, _, err := l.advance(p, nil, func() bool { return l.moved == 2 })
			if err != nil {
				t.Fatal(err)
			}
			l.Clock().Step(time.Minute)
			_, all := l.verify()
			for n, f := range all {
				if want := id(1, n); f.State != publish.Incorrect || f.Expected != want || (f.Actual == want) != (n < 2) {
					t.Errorf("cell %d: %s, expected %s, actual %s", n, f.State, f.Expected, f.Actual)
				}
			}
			if err := complete(l, p, before); err != nil {
				t.Fatal(err)
			}
			if name != "by a newer image" {
				l.hold(1)
			}
			l.correct()
			if name == "by going on" {
				ports, _ := l.Ports(t.Context(), l.cells[1])
				if h, err := ports.Parameters.History(t.Context(), channel); err != nil || len(h) != 2 {
					t.Errorf("the pointer has %d versions, %v", len(h), err)
				}
			}
		})
	}
}

// Scenario 18, the other way out: what cannot be finished is put back.
func TestAThrottledCellHasTheMovedPointersPutBack(t *testing.T) {
	l := openLine(t, fiveCells, twin.Rule{Service: "ssm", Operation: "PutParameter", Account: "222222222222", Region: "us-east-1",
		Match: `"/golden/demo/latest"`, Nth: 2, Times: -1, Error: &twin.RuleError{Code: "ThrottlingException"}})
	got, err := l.publish("run-1", 1)
	if fault.KindOf(err) != fault.Failed {
		t.Errorf("got %v", err)
	}
	for n, p := range got.Pointers {
		if (p.Outcome == publish.PutBack) != (n < 4) {
			t.Errorf("%s %s: %s", p.Account, p.Region, p.Outcome)
		}
	}
	l.hold(0)
	l.correct()
}

func TestALostAnswerMovesAPointerOnce(t *testing.T) {
	l := openLine(t, fiveCells[:3], twin.Rule{Service: "ssm", Operation: "PutParameter", Region: "us-east-1",
		Match: `"/golden/demo/latest"`, Nth: 2, LostResponse: true})
	if _, err := l.publish("run-1", 1); err != nil {
		t.Fatal(err)
	}
	ports, _ := l.Ports(t.Context(), l.cells[1])
	if h, err := ports.Parameters.History(t.Context(), channel); err != nil || len(h) != 2 {
		t.Errorf("the pointer has %d versions, %v", len(h), err)
	}
	l.hold(1)
	l.correct()
}

// Reads that lag neither hang nor multiply the writes.
func TestReadsThatLagAreWaitedFor(t *testing.T) {
	l := openLine(t, fiveCells[:2], twin.Rule{Service: "ssm", From: race.Start.Add(time.Second), Stale: twin.Duration(7 * time.Second)})
	if _, err := l.publish("run-1", 1); err != nil {
		t.Fatal(err)
	}
	l.Clock().Step(time.Minute)
	ports, _ := l.Ports(t.Context(), l.cells[1])
	for name, most := range map[string]int{channel: 2, publish.EnvelopeName(channel): 3} {
		if h, err := ports.Parameters.History(t.Context(), name); err != nil || len(h) > most {
			t.Errorf("%s has %d versions, %v", name, len(h), err)
		}
	}
	l.hold(1)
	l.correct()
}

// Scenario 20: a hundred versions, of which the oldest has a label.
func TestAHundredVersionsWithALabelledOldestMakeRoom(t *testing.T) {
	l := openLine(t, fiveCells[:1])
	client := l.parameters(0)
	for range 99 {
		_, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String(channel), Value: aws.String(id(0, 0)), Overwrite: aws.Bool(true)})
		if err != nil {
			t.Fatal(err)
		}
		l.Clock().Step(3 * time.Second)
	}
	if _, err := client.LabelParameterVersion(t.Context(), &ssm.LabelParameterVersionInput{Name: aws.String(channel), ParameterVersion: aws.Int64(1), Labels: []string{"revoked"}}); err != nil {
		t.Fatal(err)
	}
	got, err := l.publish("run-1", 1)
	if err != nil || got.Version != 101 {
		t.Fatalf("%+v, %v", got, err)
	}
	l.hold(1)
	l.correct()
	h, err := client.GetParameterHistory(t.Context(), &ssm.GetParameterHistoryInput{Name: aws.String(channel)})
	if err != nil || h.Parameters[0].Version != 2 {
		t.Errorf("the oldest is version %d, %v", h.Parameters[0].Version, err)
	}
}

// Scenario 21: whoever has the lease dies. It runs out, another run publishes; when the
// dead one comes back it is stopped, and where its call was already under way, what it
// did is put right or, if it dies then, found.
func TestALeaseOfTheDeadRunsOutAndTheirLateWriteIsFound(t *testing.T) {
	for name, dies := range map[string]bool{"it lives and puts it right": false, "it dies and verify finds it": true} {
		t.Run(name, func(t *testing.T) {
			l := openLine(t, fiveCells[:2])
			older, err := l.stage.Plan(t.Context(), l.input("run-1", 1))
			if err != nil {
				t.Fatal(err)
			}
			state, _, _, err := l.advance(older, nil, func() bool { return l.moved == 1 })
			if err != nil {
				t.Fatal(err)
			}
			begun := l.Clock().Now()
			if _, err := l.publish("run-2", 2); err != nil { // over one that moved and one that did not
				t.Fatal(err)
			}
			if waited := l.Clock().Now().Sub(begun); waited < time.Minute || waited > 5*time.Minute {
				t.Errorf("the newer run took %s", waited)
			}
			l.hold(2)
			// The call that was under way lands now.
			late := older.Moves[1]
			ports, _ := l.Ports(t.Context(), late.Cell)
			if _, err := ports.Parameters.Put(context.Background(), publish.NewVersion{Name: channel, Value: late.Image,
				DataType: publish.DataTypeImage, Description: late.Envelope.String(), Overwrite: true}); err != nil {
				t.Fatal(err)
			}
			l.Clock().Step(time.Minute)
			if states, all := l.verify(); states[publish.Incorrect] != 1 || !strings.Contains(strings.Join(all[1].Why, ";"), "older image over") {
				t.Errorf("verify: %v, %v", states, all[1].Why)
			}
			if dies {
				if _, err := l.publish("run-3", 3); err != nil { // nobody is kept from publishing
					t.Fatal(err)
				}
				l.hold(3)
			} else {
				raw, _, _, err := l.advance(older, state, nil)
				if err == nil {
					_, err = publish.Result(raw)
				}
				if fault.KindOf(err) != fault.Conflict {
					t.Errorf("the late run: %v", err)
				}
				l.hold(2)
			}
			l.correct()
		})
	}
}

// Going back and forth through the real wire, and what stays of it.
func TestARollbackOverTheWireIsFollowedByWhatIsNewer(t *testing.T) {
	l := openLine(t, fiveCells[:2])
	for age := 1; age < 3; age++ {
		if _, err := l.publish(fmt.Sprintf("run-%d", age), age); err != nil {
			t.Fatal(err)
		}
	}
	var places []publish.Place
	for _, c := range l.cells {
		places = append(places, publish.Place{Cell: c, Channel: channel})
	}
	p, err := l.stage.PlanRollback(t.Context(), publish.Rollback{Run: "back-1", Places: places})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := l.advance(p, nil, nil); err != nil {
		t.Fatal(err)
	}
	l.hold(1)
	l.correct()
	out, err := l.parameters(1).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String(channel + ":previous")})
	if err != nil || aws.ToString(out.Parameter.Value) != id(0, 1) {
		t.Errorf("previous is %+v, %v", out, err)
	}
	env, err := l.parameters(1).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String(publish.EnvelopeName(channel))})
	var d publish.EnvelopeDocument
	if err != nil || json.Unmarshal([]byte(aws.ToString(env.Parameter.Value)), &d) != nil || d.Generation != 1 || d.Image != id(1, 1) || env.Parameter.Type != types.ParameterTypeString {
		t.Errorf("envelope %+v, %v", d, err)
	}
	if _, err := l.publish("run-3", 3); err != nil {
		t.Fatal(err)
	}
	l.hold(3)
	l.correct()
}
