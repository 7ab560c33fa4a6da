package gate_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/schedule"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/internal/wait"
	"github.com/goldenami/rehydrate/rollout/gate"
)

// alarms is a CloudWatch of one cell after the other, with an outage.
type alarms struct {
	mu    sync.Mutex
	now   map[string]gate.Alarm
	fired map[string]time.Time
	err   error
	hist  error
	asked []string // cells
}

func (a *alarms) States(_ context.Context, c gate.Cell, names []string) (map[string]gate.Alarm, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, c.String())
	out := map[string]gate.Alarm{}
	for _, n := range names {
		if x, ok := a.now[n]; ok {
			out[n] = x
		}
	}
	return out, a.err
}

func (a *alarms) Fired(_ context.Context, _ gate.Cell, n string, since time.Time) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.fired[n]
	return ok && !at.Before(since), a.hist
}

// set changes an alarm's state as of now.
func (a *alarms) set(name, state string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now == nil {
		a.now, a.fired = map[string]gate.Alarm{}, map[string]time.Time{}
	}
	if state == "ALARM" {
		a.fired[name] = time.Now()
	}
	a.now[name] = gate.Alarm{State: state, Since: time.Now()}
}

func (a *alarms) outage(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
}

// probe answers from a list, and with its last word from then on.
type probe struct {
	health []gate.Health
	looks  int
}

func (p *probe) Look(context.Context) (gate.Health, string) {
	h := p.health[min(p.looks, len(p.health)-1)]
	p.looks++
	return h, "it is " + string(h)
}

// heard are the texts of events.
type heard struct{ texts []string }

func (h *heard) Emit(e event.Event) { h.texts = append(h.texts, string(e.Kind)+" "+e.Text) }

func (h *heard) has(t *testing.T, want string) {
	t.Helper()
	if all := strings.Join(h.texts, "\n"); !strings.Contains(all, want) {
		t.Errorf("%q was not said:\n%s", want, all)
	}
}

// finish advances a unit to its end and returns its state and the number of states
// that differ, which is what a journal would keep.
func finish(t *testing.T, u unit.Unit, state json.RawMessage) (json.RawMessage, int) {
	t.Helper()
	records := 0
	for range 10_000 {
		next, n, err := u.Advance(t.Context(), state)
		if err != nil {
			t.Fatal(err)
		}
		if string(next) != string(state) {
			records++
		}
		state = next
		if n.Done {
			return state, records
		}
		if n.Approval != "" {
			t.Fatalf("it asks for approval of %s", n.Approval)
		}
		if n.After <= 0 || n.Whole != 0 && n.Whole < n.After {
			t.Fatalf("a wait of %s, %s in all", n.After, n.Whole)
		}
		time.Sleep(n.After)
	}
	t.Fatal("it does not end")
	return nil, 0
}

func verdict(t *testing.T, raw json.RawMessage, want gate.Verdict, reason string) {
	t.Helper()
	if v, why := gate.Outcome(raw); v != want || !strings.Contains(why, reason) {
		t.Errorf("verdict %s (%s), want %s (%s)", v, why, want, reason)
	}
}

func ring(a *alarms, h *heard) gate.RingGate {
	return gate.RingGate{Ring: "dev", Soak: time.Hour, Alarms: []string{"web-5xx"}, Watch: a, Clock: wait.Wall{}, Events: h}
}

func TestAGoodSoakPassesAtItsEndAndKeepsFewRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, h, p := &alarms{}, &heard{}, &probe{health: []gate.Health{gate.Good}}
		a.set("web-5xx", "OK")
		g := ring(a, h)
		g.Checks = []gate.Check{{Name: "home", Every: time.Minute, Failures: 3, Probe: p}}
		begun := time.Now()
		raw, records := finish(t, gate.After(g), nil)
		verdict(t, raw, gate.Pass, "1 alarms OK, 1 checks good after 1h0m0s")
		if took := time.Since(begun); took != time.Hour || records != 2 || p.looks != 61 {
			t.Errorf("it took %s, %d records, %d looks", took, records, p.looks)
		}
		h.has(t, "progress ring dev soaks for 1h0m0s, until 2000-01-01T01:00:00Z")
	})
}

func TestAnAlarmRollsTheRingBack(t *testing.T) {
	for name, c := range map[string]struct {
		on, off time.Duration // when it goes on, and off again
		kill    bool          // nobody watches in between
		want    string
	}{
		"while it soaks":                 {on: 10 * time.Minute, off: 2 * time.Hour, want: "is in ALARM"},
		"between two looks":              {on: 10*time.Minute + time.Second, off: 10*time.Minute + 20*time.Second, want: "was in ALARM since"},
		"while nobody watched":           {on: 10 * time.Minute, off: 20 * time.Minute, kill: true, want: "was in ALARM since"},
		"in the last moment of the soak": {on: time.Hour - time.Second, off: 2 * time.Hour, want: "is in ALARM"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, h := &alarms{}, &heard{}
				a.set("web-5xx", "OK")
				go func() {
					time.Sleep(c.on)
					a.set("web-5xx", "ALARM")
					time.Sleep(c.off - c.on)
					a.set("web-5xx", "OK")
				}()
				u := gate.After(ring(a, h))
				var state json.RawMessage
				if c.kill {
					state, _, _ = u.Advance(t.Context(), nil)
					time.Sleep(40 * time.Minute)
					u = gate.After(ring(a, h)) // another process
				}
				raw, _ := finish(t, u, state)
				verdict(t, raw, gate.Rollback, c.want)
				time.Sleep(3 * time.Hour)
			})
		})
	}
}

func TestAnAlarmOfTheRollItselfCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, h := &alarms{}, &heard{}
		g := ring(a, h)
		g.Began = time.Now()
		time.Sleep(time.Minute)
		a.set("web-5xx", "ALARM")
		time.Sleep(time.Minute)
		a.set("web-5xx", "OK")
		raw, _ := finish(t, gate.After(g), nil)
		verdict(t, raw, gate.Rollback, "was in ALARM since 2000-01-01T00:00:00Z")
		g.Began = time.Time{}
		a.set("web-5xx", "OK")
		raw, _ = finish(t, gate.After(g), nil)
		verdict(t, raw, gate.Pass, "") // an alarm before the soak is none of it
	})
}

// Scenario 31: the wall clock of the soak is kept, not begun again and not cut short.
func TestASoakGoesOnWhereItWasWhoeverWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, h := &alarms{}, &heard{}
		a.set("web-5xx", "OK")
		begun := time.Now()
		u := gate.After(ring(a, h))
		state, _, err := u.Advance(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Minute)
		raw, _ := finish(t, gate.After(ring(a, h)), state)
		verdict(t, raw, gate.Pass, "")
		if took := time.Since(begun); took != time.Hour {
			t.Errorf("it took %s", took)
		}
		// One that was away for longer than the soak looks once more before it passes.
		a.set("web-5xx", "ALARM")
		raw, _ = finish(t, gate.After(ring(a, h)), state)
		verdict(t, raw, gate.Rollback, "ALARM")
	})
}

func TestUnknownNeitherPassesNorRollsBack(t *testing.T) {
	throttled := errors.New("describe alarms: Rate exceeded")
	for name, c := range map[string]struct {
		from, to time.Duration // of the trouble; 0 is never
		do, undo func(*alarms)
		took     time.Duration
		want     gate.Verdict
		why      string
	}{
		"throttled for 10 minutes in the middle": {10 * time.Minute, 20 * time.Minute, func(a *alarms) { a.outage(throttled) }, func(a *alarms) { a.outage(nil) }, time.Hour, gate.Pass, ""},
		"throttled for 10 minutes at the end":    {55 * time.Minute, 65 * time.Minute, func(a *alarms) { a.outage(throttled) }, func(a *alarms) { a.outage(nil) }, 65 * time.Minute, gate.Pass, ""},
		"throttled from the middle on":           {10 * time.Minute, 0, func(a *alarms) { a.outage(throttled) }, nil, 75 * time.Minute, gate.Unknown, "Rate exceeded"},
		"no data":                                {10 * time.Minute, 0, func(a *alarms) { a.set("web-5xx", "INSUFFICIENT_DATA") }, nil, 75 * time.Minute, gate.Unknown, "INSUFFICIENT_DATA"},
		"deleted":                                {10 * time.Minute, 0, func(a *alarms) { a.mu.Lock(); delete(a.now, "web-5xx"); a.mu.Unlock() }, nil, 75 * time.Minute, gate.Unknown, "does not exist"},
		"a state that we do not know":            {10 * time.Minute, 0, func(a *alarms) { a.set("web-5xx", "MAYBE") }, nil, 75 * time.Minute, gate.Unknown, "MAYBE"},
		"a history that cannot be read":          {10 * time.Minute, 0, func(a *alarms) { a.set("web-5xx", "OK"); a.mu.Lock(); a.hist = throttled; a.mu.Unlock() }, nil, 75 * time.Minute, gate.Unknown, "history"},
		"doubt that comes after the soak":        {59 * time.Minute, 0, func(a *alarms) { a.outage(throttled) }, nil, 75 * time.Minute, gate.Unknown, "Rate exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, h := &alarms{}, &heard{}
				a.set("web-5xx", "OK")
				go func() {
					time.Sleep(c.from)
					c.do(a)
					if c.to > 0 {
						time.Sleep(c.to - c.from - time.Second) // not in the moment of a look
						c.undo(a)
					}
				}()
				begun := time.Now()
				raw, records := finish(t, gate.After(ring(a, h)), nil)
				verdict(t, raw, c.want, c.why)
				if took := time.Since(begun); took != c.took || records > 4 {
					t.Errorf("it took %s, want %s; %d records", took, c.took, records)
				}
				h.has(t, "warned ring dev: ")
			})
		})
	}
}

func TestChecksFailTheRingAfterAsManyBadLooksAsTheyMay(t *testing.T) {
	const g, b, x = gate.Good, gate.Bad, gate.Hidden
	for name, c := range map[string]struct {
		health []gate.Health
		soak   time.Duration
		took   time.Duration
		want   gate.Verdict
		why    string
	}{
		"bad three times":              {[]gate.Health{g, b, b, b, g}, time.Hour, 3 * time.Minute, gate.Rollback, "bad 3 times in a row: it is bad"},
		"bad twice, then good":         {[]gate.Health{b, b, g, b, b, g}, time.Hour, time.Hour, gate.Pass, ""},
		"unknown does not clear":       {[]gate.Health{b, b, x, b}, time.Hour, 3 * time.Minute, gate.Rollback, "3 times"},
		"unknown for ever":             {[]gate.Health{x}, time.Hour, 75 * time.Minute, gate.Unknown, "could not be made"},
		"no soak: good at once":        {[]gate.Health{g}, 0, 0, gate.Pass, ""},
		"no soak: good at the second":  {[]gate.Health{b, g}, 0, time.Minute, gate.Pass, ""},
		"no soak: bad":                 {[]gate.Health{b}, 0, 2 * time.Minute, gate.Rollback, "3 times"},
		"bad at the very end: no pass": {append(repeat(g, 60), b), time.Hour, 62 * time.Minute, gate.Rollback, "3 times"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := ring(&alarms{}, &heard{})
				r.Alarms, r.Soak = nil, c.soak
				r.Checks = []gate.Check{{Name: "home", Every: time.Minute, Failures: 3, Probe: &probe{health: c.health}}}
				begun := time.Now()
				raw, _ := finish(t, gate.After(r), nil)
				verdict(t, raw, c.want, c.why)
				if took := time.Since(begun); took != c.took {
					t.Errorf("it took %s, want %s", took, c.took)
				}
			})
		})
	}
}

func repeat(h gate.Health, n int) []gate.Health {
	out := make([]gate.Health, n)
	for i := range out {
		out[i] = h
	}
	return out
}

func TestAlarmsAreLookedAtInEveryCellOrWhereTheirARNSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &alarms{}
		a.set("web-5xx", "OK")
		a.set("latency", "OK")
		g := ring(a, &heard{})
		g.Soak = 0
		g.Cells = []gate.Cell{{Account: "1", Region: "eu"}, {Account: "2", Region: "us"}}
		g.Alarms = []string{"web-5xx", "arn:aws:cloudwatch:ap:3:alarm:latency"}
		raw, _ := finish(t, gate.After(g), nil)
		verdict(t, raw, gate.Pass, "")
		slices.Sort(a.asked)
		if got := strings.Join(a.asked, " "); got != "1/eu 2/us 3/ap" {
			t.Errorf("asked %s", got)
		}
	})
}

func TestOutcomeOfWhatIsNoEndIsUnknown(t *testing.T) {
	for raw, why := range map[string]string{"": "read", "{}": "not ended", `{"verdict":"fine"}`: "does not know", `[1]`: "read"} {
		verdict(t, json.RawMessage(raw), gate.Unknown, why)
	}
}

func TestPreflightRefusesWhatIsNotThereAndRemarksTheRest(t *testing.T) {
	a := &alarms{}
	a.set("on", "ALARM")
	a.set("idle", "INSUFFICIENT_DATA")
	g := ring(a, nil)
	g.Alarms = []string{"on", "idle", "gone"}
	g.Checks = []gate.Check{{Name: "home", Probe: &probe{health: repeat(gate.Good, 1)}}, {Name: "targets", Probe: absent("there is no target group x")}}
	g.Expected = 2 * time.Hour
	opens, err := schedule.Parse("at(2000-01-01T00:00:00)")
	if err != nil {
		t.Fatal(err)
	}
	g.Calendar = schedule.Calendar{Windows: []schedule.Window{{Opens: opens, Duration: time.Hour}}}
	refusals, remarks := gate.Preflight(t.Context(), g)
	said := strings.Join(refusals, "\n") + "\n--\n" + strings.Join(remarks, "\n")
	for _, want := range []string{"alarm gone does not exist", "check targets: there is no target group x", "no window of ring dev opens", "--", "on is in ALARM: the ring would not begin", "treat_missing_data"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in:\n%s", want, said)
		}
	}
	if len(refusals) != 3 || len(remarks) != 2 {
		t.Errorf("%d refusals, %d remarks:\n%s", len(refusals), len(remarks), said)
	}
	a.err = errors.New("denied")
	if refusals, _ = gate.Preflight(t.Context(), g); !strings.Contains(strings.Join(refusals, "\n"), "alarms could not be read: denied") {
		t.Errorf("unreadable alarms: %v", refusals)
	}
}

type absent string

func (absent) Look(context.Context) (gate.Health, string) { return gate.Hidden, "" }

func (a absent) Exists(context.Context) (string, error) { return string(a), nil }
