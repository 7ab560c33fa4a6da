// Package gates drives the gates of rings, and who is notified, through the real SDK
// against the twin, in virtual time.
package gates

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/goldenami/rehydrate/internal/awscloud/alarms"
	"github.com/goldenami/rehydrate/internal/awscloud/session"
	"github.com/goldenami/rehydrate/internal/awscloud/targets"
	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/twin/backing"
	twincw "github.com/goldenami/rehydrate/internal/twin/cloudwatch"
	"github.com/goldenami/rehydrate/internal/twin/ec2"
	"github.com/goldenami/rehydrate/internal/twin/elbv2"
	"github.com/goldenami/rehydrate/internal/twin/eventbridge"
	twinsns "github.com/goldenami/rehydrate/internal/twin/sns"
	"github.com/goldenami/rehydrate/internal/twin/wire"
	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
	"github.com/goldenami/rehydrate/rollout/gate"
	"github.com/goldenami/rehydrate/rollout/gate/probe"
)

// rig is a twin whose time passes when somebody sleeps on it.
type rig struct {
	t     *testing.T
	twin  *twin.Twin
	cfg   aws.Config
	cw    *cloudwatch.Client
	later map[time.Time]func() // what happens, and when
	said  []string
}

func open(t *testing.T, faults ...twin.Rule) *rig {
	t.Helper()
	r := &rig{t: t, later: map[time.Time]func(){}}
	dir := t.TempDir()
	tw, err := twin.New(twin.Options{Start: wiretest.Start, Mode: world.Manual, Faults: faults,
		Build: func(w *world.World, _ string) (twin.Services, error) {
			compute := ec2.New(w, &backing.Router{}, dir)
			return twin.Services{Wire: []*wire.Service{compute.Wire(), elbv2.New(w, compute).Wire(), twincw.New(nil).Wire(), twinsns.New(), eventbridge.New()}}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	r.twin = tw
	t.Cleanup(func() {
		if err := tw.Close(); err != nil {
			t.Errorf("close the twin: %v", err)
		}
	})
	wiretest.Record(t, tw.World())
	r.cfg = aws.Config{Region: wiretest.Region, BaseEndpoint: aws.String("http://127.0.0.1"), Credentials: wiretest.Key(wiretest.Account),
		HTTPClient: &http.Client{Transport: wire.Transport{Handler: tw, Client: "test"}}, Retryer: func() aws.Retryer { return aws.NopRetryer{} }}
	r.cw = cloudwatch.NewFromConfig(r.cfg)
	return r
}

// Now and Sleep make the rig the clock of what is tested.
func (r *rig) Now() time.Time { return r.twin.World().Clock().Now() }

func (r *rig) Sleep(ctx context.Context, until time.Time) error {
	for {
		next := until
		for at := range r.later {
			if at.Before(next) {
				next = at
			}
		}
		if next.After(r.Now()) {
			r.twin.World().Clock().StepTo(next)
		}
		do := r.later[next]
		delete(r.later, next)
		if do != nil {
			do()
		}
		if !next.Before(until) {
			return ctx.Err()
		}
	}
}

func (r *rig) at(d time.Duration, do func()) { r.later[wiretest.Start.Add(d)] = do }

func (r *rig) open(_ context.Context, account, region string) (*session.Session, error) {
	cfg := r.cfg.Copy()
	if account != "" {
		cfg.Credentials = wiretest.Key(account)
	}
	if region != "" {
		cfg.Region = region
	}
	return session.Of(cfg), nil
}

func (r *rig) alarm(name string, state cwtypes.StateValue) {
	r.t.Helper()
	_, err := r.cw.PutMetricAlarm(r.t.Context(), &cloudwatch.PutMetricAlarmInput{AlarmName: &name, MetricName: aws.String("5xx"), Namespace: aws.String("web"),
		Statistic: cwtypes.StatisticSum, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold})
	if err != nil {
		r.t.Fatal(err)
	}
	r.set(name, state)
}

func (r *rig) set(name string, state cwtypes.StateValue) {
	r.t.Helper()
	if _, err := r.cw.SetAlarmState(r.t.Context(), &cloudwatch.SetAlarmStateInput{AlarmName: &name, StateValue: state, StateReason: aws.String("3 errors in a minute")}); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) ring() gate.RingGate {
	return gate.RingGate{Ring: "dev", Soak: time.Hour, Alarms: []string{"web-5xx"}, Watch: alarms.New(r.open), Clock: r,
		Events: event.Func(func(e event.Event) { r.said = append(r.said, string(e.Kind)+" "+e.Text) })}
}

// run is one process that runs the unit through the engine.
func (r *rig) run(store journal.Store, g gate.RingGate, maxWait time.Duration) (json.RawMessage, error) {
	l := &engine.Local{Journal: journal.Open(store, "r1"), Clock: r, MaxWait: maxWait}
	return l.Run(r.t.Context(), "roll/dev/after", gate.After(g))
}

func (r *rig) ends(store journal.Store, g gate.RingGate, want gate.Verdict, why string, at time.Duration) {
	r.t.Helper()
	raw, err := r.run(store, g, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	if v, text := gate.Outcome(raw); v != want || !strings.Contains(text, why) {
		r.t.Errorf("%s: %s; want %s: %s\n%s", v, text, want, why, strings.Join(r.said, "\n"))
	}
	if took := r.Now().Sub(wiretest.Start); took != at {
		r.t.Errorf("it ended after %s, want %s", took, at)
	}
}

// Scenario 25: an alarm while a ring soaks.
func TestAnAlarmWhileARingSoaksRollsItBack(t *testing.T) {
	r := open(t)
	r.alarm("web-5xx", cwtypes.StateValueOk)
	r.at(25*time.Minute, func() { r.set("web-5xx", cwtypes.StateValueAlarm) })
	r.ends(journal.NewFolder(t.TempDir()), r.ring(), gate.Rollback, "alarm web-5xx is in ALARM (3 errors in a minute)", 25*time.Minute)
}

// Scenario 31: the process that may not wait leaves; another one goes on with the same
// soak, and finds an alarm of the time between in its history.
func TestASoakGoesOnInAnotherProcessAndMissesNoAlarm(t *testing.T) {
	for name, fired := range map[string]bool{"quiet": false, "an alarm for a minute": true} {
		t.Run(name, func(t *testing.T) {
			r, store := open(t), journal.NewFolder(t.TempDir())
			r.alarm("web-5xx", cwtypes.StateValueOk)
			_, err := r.run(store, r.ring(), 20*time.Minute)
			var w *engine.Waiting
			if !errors.As(err, &w) || !w.Until.Equal(wiretest.Start.Add(time.Hour)) || !w.Due().Equal(wiretest.Start.Add(gate.Interval)) {
				t.Fatalf("got %v", err)
			}
			if fired {
				r.at(30*time.Minute, func() { r.set("web-5xx", cwtypes.StateValueAlarm) })
				r.at(31*time.Minute, func() { r.set("web-5xx", cwtypes.StateValueOk) })
			}
			if err := r.Sleep(t.Context(), wiretest.Start.Add(50*time.Minute)); err != nil {
				t.Fatal(err)
			}
			if fired {
				r.ends(store, r.ring(), gate.Rollback, "alarm web-5xx was in ALARM since", 50*time.Minute)
				return
			}
			r.ends(store, r.ring(), gate.Pass, "", time.Hour)
		})
	}
}

// The alarms' API is throttled for ten minutes: that is no OK, whenever it happens.
func TestThrottledAlarmsAreNotOK(t *testing.T) {
	for name, c := range map[string]struct {
		from, until time.Duration
		fires       time.Duration // 0: never
		want        gate.Verdict
		why         string
		at          time.Duration
	}{
		"in the middle":                   {20 * time.Minute, 30 * time.Minute, 0, gate.Pass, "", time.Hour},
		"over the end":                    {55 * time.Minute, 65 * time.Minute, 0, gate.Pass, "", 65 * time.Minute},
		"over the end, with an alarm":     {55 * time.Minute, 65 * time.Minute, 58 * time.Minute, gate.Rollback, "is in ALARM", 65 * time.Minute},
		"until nobody believes it's well": {55 * time.Minute, 5 * time.Hour, 0, gate.Unknown, "Throttling", 75 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, twin.Rule{Service: "monitoring", Operation: "DescribeAlarms", From: wiretest.Start.Add(c.from), Until: wiretest.Start.Add(c.until),
				Error: &twin.RuleError{Code: "Throttling", Message: "Rate exceeded", Status: 400}})
			r.alarm("web-5xx", cwtypes.StateValueOk)
			if c.fires > 0 {
				r.at(c.fires, func() { r.set("web-5xx", cwtypes.StateValueAlarm) })
			}
			r.ends(journal.NewFolder(t.TempDir()), r.ring(), c.want, c.why, c.at)
			if said := strings.Join(r.said, "\n"); !strings.Contains(said, "warned ring dev: alarms could not be read") {
				t.Errorf("nothing was said:\n%s", said)
			}
		})
	}
}

func TestAlarmsOfAnotherRegionAreLookedAtThere(t *testing.T) {
	r := open(t)
	r.alarm("web-5xx", cwtypes.StateValueOk)
	g := r.ring()
	g.Soak = 0
	g.Cells = []gate.Cell{{Account: wiretest.Account, Region: wiretest.Region}, {Account: wiretest.Account, Region: "us-east-1"}}
	refusals, _ := gate.Preflight(t.Context(), g)
	if len(refusals) != 1 || refusals[0] != "alarm web-5xx in "+wiretest.Account+"/us-east-1 does not exist" {
		t.Errorf("refused %q", refusals)
	}
	g.Alarms = []string{"arn:aws:cloudwatch:" + wiretest.Region + ":" + wiretest.Account + ":alarm:web-5xx"}
	if refusals, remarks := gate.Preflight(t.Context(), g); len(refusals)+len(remarks) != 0 {
		t.Errorf("by ARN: %q, %q", refusals, remarks)
	}
	r.ends(journal.NewFolder(t.TempDir()), g, gate.Pass, "", 0)
}

func TestTargetGroupsAreFoundByTheirARN(t *testing.T) {
	r := open(t)
	elb := elasticloadbalancingv2.NewFromConfig(r.cfg)
	made, err := elb.CreateTargetGroup(t.Context(), &elasticloadbalancingv2.CreateTargetGroupInput{Name: aws.String("web"), Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: r.vpc()})
	if err != nil {
		t.Fatal(err)
	}
	g := r.ring()
	g.Alarms, g.Soak = nil, 0
	arn := *made.TargetGroups[0].TargetGroupArn
	look := func(arn string) probe.Targets {
		return probe.Targets{Groups: targets.New(r.open), ARN: arn, Healthy: 90, Timeout: time.Minute}
	}
	g.Checks = []gate.Check{{Name: "here", Probe: look(arn), Failures: 1}, {Name: "gone", Probe: look(arn + "0")}}
	refusals, _ := gate.Preflight(t.Context(), g)
	if len(refusals) != 1 || refusals[0] != "check gone: there is no target group "+arn+"0" {
		t.Errorf("refused %q", refusals)
	}
	g.Checks = g.Checks[:1]
	r.ends(journal.NewFolder(t.TempDir()), g, gate.Rollback, "check here was bad 1 times in a row: the target group has no targets", 0)
}
