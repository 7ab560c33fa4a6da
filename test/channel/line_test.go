package channel

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/goldenami/rehydrate/internal/event"
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
