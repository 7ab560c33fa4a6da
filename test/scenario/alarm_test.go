package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/internal/awscloud/alarms"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/rollout"
	"github.com/goldenami/rehydrate/rollout/gate"
)

// bells is the alarm errors in the account's CloudWatch, with an outage.
type bells struct {
	gate.Alarms
	a     *account
	of    string // the ring
	cw    *cloudwatch.Client
	mu    sync.Mutex
	err   error
	asked []time.Time
}

// alarm is the alarm of a ring.
func (a *account) alarm(of string) *bells {
	a.t.Helper()
	cfg := a.twin.Config(region, "scenario")
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	b := &bells{a: a, of: of, cw: cloudwatch.NewFromConfig(cfg),
		Alarms: alarms.New(func(context.Context, string, string) (*session.Session, error) { return session.Of(cfg), nil })}
	_, err := b.cw.PutMetricAlarm(a.t.Context(), &cloudwatch.PutMetricAlarmInput{AlarmName: aws.String("errors"), MetricName: aws.String("5xx"), Namespace: aws.String("web"),
		Statistic: cwtypes.StatisticSum, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold})
	if err != nil {
		a.t.Fatal(err)
	}
	b.ring(false)
	return b
}

func (b *bells) outOfOrder() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *bells) States(ctx context.Context, c gate.Cell, names []string) (map[string]gate.Alarm, error) {
	b.mu.Lock()
	b.asked = append(b.asked, b.a.Now())
	b.mu.Unlock()
	if err := b.outOfOrder(); err != nil {
		return nil, err
	}
	return b.Alarms.States(ctx, c, names)
}

func (b *bells) Fired(ctx context.Context, c gate.Cell, name string, since time.Time) (bool, error) {
	if err := b.outOfOrder(); err != nil {
		return false, err
	}
	return b.Alarms.Fired(ctx, c, name, since)
}

func (b *bells) ring(on bool) {
	b.a.t.Helper()
	state := map[bool]cwtypes.StateValue{true: cwtypes.StateValueAlarm, false: cwtypes.StateValueOk}[on]
	if _, err := b.cw.SetAlarmState(b.a.t.Context(), &cloudwatch.SetAlarmStateInput{AlarmName: aws.String("errors"), StateValue: state, StateReason: aws.String("3 errors in a minute")}); err != nil {
		b.a.t.Fatal(err)
	}
}

func (b *bells) outage(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

// alarmed are gates that are nothing but the alarm of one ring.
type alarmed struct {
	g gate.RingGate
}

func (x alarmed) of(p rollout.RingPlan) gate.RingGate {
	g := x.g
	g.Ring, g.Soak = p.Name, p.Soak
	if p.Name != x.g.Ring {
		g.Alarms = nil
	}
	return g
}

func (x alarmed) Before(p rollout.RingPlan) unit.Unit { return gate.Before(x.of(p)) }
func (x alarmed) After(p rollout.RingPlan, began time.Time) unit.Unit {
	g := x.of(p)
	g.Began = began
	return gate.After(g)
}
func (x alarmed) Opens(_ rollout.RingPlan, now time.Time) time.Time { return now }
func (x alarmed) Moving(p rollout.RingPlan) func(context.Context, time.Time) rollout.Verdict {
	m := gate.Moving(x.of(p))
	return func(ctx context.Context, began time.Time) rollout.Verdict { return verdict(m.Look(ctx, began)) }
}

func (x alarmed) Verdict(state json.RawMessage) (rollout.Verdict, error) {
	return verdict(gate.Outcome(state)), nil
}

func verdict(v gate.Verdict, text string) rollout.Verdict {
	out := map[gate.Verdict]string{gate.Pass: rollout.Pass, gate.Rollback: rollout.Back}[v]
	if out == "" {
		out = rollout.Halt
	}
	return rollout.Verdict{Outcome: out, Text: text}
}

// watched is a process that rolls under the alarm.
func (a *account) watched(b *bells) *rollout.Execution {
	x := a.execution()
	x.Gates = alarmed{gate.RingGate{Ring: b.of, Alarms: []string{"errors"}, Watch: b, Clock: a, Events: x.Stage.Events}}
	return x
}

// when does something as soon as so many instances of a group run the new image.
func (a *account) when(group string, n int, do func()) {
	var look func()
	look = func() {
		if a.runs(group)[newImage] < n {
			a.in(10*time.Second, look)
			return
		}
		do()
	}
	a.in(10*time.Second, look)
}

func (a *account) rollUnder(b *bells, p *rollout.Plan) ([]record.Roll, error) {
	a.t.Helper()
	a.inv.Roll(true)
	defer a.inv.Roll(false)
	return a.watched(b).Roll(a.t.Context(), p)
}

func TestScenario25_an_alarm_of_the_ring_in_the_middle_of_its_roll_takes_the_ring_back_and_no_group_begins(t *testing.T) {
	for name, c := range map[string]struct {
		brief  bool // it is off again before anybody has looked
		orders string
	}{
		"one that stays":            {},
		"one between two looks":     {brief: true},
		"one while we are held":     {orders: "pause"},
		"one while we are held now": {orders: "pause-now"},
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t)
			for g, n := range map[string]int32{"first": 2, "done": 2, "web": 10, "z": 2, "later": 2} {
				a.group(g, n)
			}
			b, p := a.alarm("ring2"), a.plan(newImage, []string{"first"}, []string{"done", "web", "z"}, []string{"later"})
			var fired time.Time
			a.when("web", 4, func() {
				if c.orders != "" {
					a.switches.pull(c.orders)
					a.in(5*time.Minute, func() { a.switches.pull("run") })
				}
				fired = a.Now()
				b.ring(true)
				if c.brief {
					b.ring(false)
				}
			})
			got, err := a.rollUnder(b, p)
			if fault.KindOf(err) != fault.RolledBack || fired.IsZero() || !strings.Contains(err.Error(), "alarm errors") || !strings.Contains(err.Error(), "later rings were not touched") {
				t.Errorf("fired %s: %v", fired, err)
			}
			if d := cmp.Diff(map[string]string{"first": rollout.Done, "done": rollout.RolledBack, "web": rollout.RolledBack}, outcomes(got)); d != "" {
				t.Error(d)
			}
			a.wants(newImage, map[string]int{"first": 2})
			a.wants(oldImage, map[string]int{"done": 2, "web": 10, "z": 2, "later": 2})
			if n := len(a.refreshes("z")) + len(a.refreshes("later")); n != 0 {
				t.Errorf("%d refreshes of groups that were not to begin", n)
			}
			noticed := slices.IndexFunc(b.asked, func(at time.Time) bool { return !at.Before(fired) })
			if noticed < 0 || b.asked[noticed].Sub(fired) > 30*time.Second {
				t.Error("the alarm was not noticed within 30 s")
			}
		})
	}
}

func TestARingThatWasCalledBackGoesBackInAnotherProcessAlsoWhenTheAlarmIsOff(t *testing.T) {
	a := open(t)
	a.group("done", 2)
	a.group("web", 10)
	b, p := a.alarm("ring1"), a.plan(newImage, []string{"done", "web"})
	ctx, kill := context.WithCancel(t.Context())
	a.when("web", 4, func() {
		b.ring(true)
		a.in(time.Minute, kill)
	})
	if _, err := a.watched(b).Roll(ctx, p); !errors.Is(err, context.Canceled) || !a.said("turned instance refresh") {
		t.Fatal(err)
	}
	b.ring(false)
	b.outage(errors.New("throttled")) // and nobody can ask when it was on
	a.in(40*time.Minute, func() { b.outage(nil) })
	a.wait(5 * time.Minute)
	got, err := a.rollUnder(b, p)
	if fault.KindOf(err) != fault.RolledBack {
		t.Error(err)
	}
	if d := cmp.Diff(map[string]string{"done": rollout.RolledBack, "web": rollout.RolledBack}, outcomes(got)); d != "" {
		t.Error(d)
	}
	a.wants(oldImage, map[string]int{"done": 2, "web": 10})
}

func TestAnAlarmBeforeTheFirstGroupOfARingLeavesTheRingAlone(t *testing.T) {
	a := open(t)
	a.group("web", 2)
	b, p := a.alarm("ring1"), a.plan(newImage, []string{"web"})
	a.switches.pull("pause")
	a.in(5*time.Minute, func() { b.ring(true) })
	a.in(10*time.Minute, func() { a.switches.pull("run") })
	got, err := a.rollUnder(b, p)
	if fault.KindOf(err) != fault.GateSaysNo || !strings.Contains(err.Error(), "no instance of the ring was replaced") || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	a.wants(oldImage, map[string]int{"web": 2})
	if len(a.refreshes("web")) != 0 {
		t.Error("a refresh was begun")
	}
}

func TestNoGroupBeginsWhileTheAlarmsOfItsRingCannotBeRead(t *testing.T) {
	a := open(t)
	a.group("web", 4)
	a.group("z", 2)
	b, p := a.alarm("ring1"), a.plan(newImage, []string{"web", "z"})
	var back time.Time
	a.when("web", 2, func() {
		b.outage(errors.New("describe alarms: Rate exceeded"))
		a.in(time.Hour, func() { b.outage(nil); back = a.Now() })
	})
	got, err := a.rollUnder(b, p)
	if err != nil || len(got) != 2 || got[0].Outcome != rollout.Done || got[1].Outcome != rollout.Done {
		t.Fatalf("%+v, %v", got, err)
	}
	if late := got[1].StartedAt.Sub(back); late < 0 || late > time.Minute {
		t.Errorf("the next group began %s after the alarms could be read again", late)
	}
	if !a.said("Rate exceeded: no further group begins until it is known") || !a.said("its alarms can be read again") {
		t.Error("nothing was said about it")
	}
	a.wants(newImage, map[string]int{"web": 4, "z": 2})
}
