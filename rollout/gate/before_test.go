package gate_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/schedule"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/rollout/gate"
)

// nightly opens at 22:00 UTC for six hours; synctest begins at midnight, 1 January 2000.
func nightly(t *testing.T, freezes ...schedule.Freeze) schedule.Calendar {
	t.Helper()
	opens, err := schedule.Parse("cron(0 22 * * ? *)")
	if err != nil {
		t.Fatal(err)
	}
	return schedule.Calendar{Windows: []schedule.Window{{Opens: opens, Duration: 6 * time.Hour}}, Freezes: freezes}
}

func TestBeforeWaitsForTheWindow(t *testing.T) {
	for name, c := range map[string]struct {
		at      time.Duration // after midnight
		freezes []schedule.Freeze
		begins  time.Duration
	}{
		"in the night":          {3 * time.Hour, nil, 3 * time.Hour},
		"in the day":            {9 * time.Hour, nil, 22 * time.Hour},
		"in a freeze":           {3 * time.Hour, []schedule.Freeze{{Name: "new year", To: time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC)}}, 24 * time.Hour},
		"in a freeze until day": {3 * time.Hour, []schedule.Freeze{{Name: "new year", To: time.Date(2000, 1, 2, 12, 0, 0, 0, time.UTC)}}, 46 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				midnight := time.Now()
				time.Sleep(c.at)
				h := &heard{}
				g := ring(&alarms{}, h)
				g.Alarms, g.Calendar = nil, nightly(t, c.freezes...)
				raw, _ := finish(t, gate.Before(g), nil)
				verdict(t, raw, gate.Pass, "ring dev may begin")
				if at := time.Since(midnight); at != c.begins {
					t.Errorf("it began at %s, want %s", at, c.begins)
				}
				if c.at != c.begins {
					h.has(t, "changed ring dev waits until 2000-01-0")
				}
			})
		})
	}
}

func TestBeforeSaysWhenTheWindowIsTooShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(2 * time.Hour)
		h := &heard{}
		g := ring(&alarms{}, h)
		g.Alarms, g.Calendar, g.Expected = nil, nightly(t), 3*time.Hour
		raw, _ := finish(t, gate.Before(g), nil)
		verdict(t, raw, gate.Pass, "")
		h.has(t, "warned ring dev is expected to take until 2000-01-01T05:00:00Z, but at 2000-01-01T04:00:00Z the window closes: no group begins after that")
		if look := g.Open(time.Now().Add(2 * time.Hour)); look.Open || !look.Opens.Equal(time.Date(2000, 1, 1, 22, 0, 0, 0, time.UTC)) {
			t.Errorf("after the window: %+v", look)
		}
	})
}

func TestBeforeEndsWhenNoWindowOpensAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opens, err := schedule.Parse("at(1999-12-24T00:00:00)")
		if err != nil {
			t.Fatal(err)
		}
		g := ring(&alarms{}, &heard{})
		g.Alarms, g.Calendar = nil, schedule.Calendar{Windows: []schedule.Window{{Opens: opens, Duration: time.Hour}}}
		raw, _ := finish(t, gate.Before(g), nil)
		verdict(t, raw, gate.Closed, "no window opens any more")
	})
}

func TestBeforeAsksUntilItIsAnswered(t *testing.T) {
	for name, c := range map[string]struct {
		approved bool
		want     gate.Verdict
		why      string
	}{
		"approved": {true, gate.Pass, "may begin"},
		"refused":  {false, gate.Refused, "refused by ann at 2000-01-01T00:00:00Z (CHG-1)"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &heard{}
				g := ring(&alarms{}, h)
				g.Alarms, g.Approval = nil, "the board"
				u := gate.Before(g)
				state, next, err := u.Advance(t.Context(), nil)
				for range 2 { // an Advance alone approves nothing
					if err != nil || next.Approval != "ring dev by the board" || next.Done {
						t.Fatalf("%+v, %v", next, err)
					}
					state, next, err = u.Advance(t.Context(), state)
				}
				d := unit.Decision{Approved: c.approved, By: "ann", Comment: "CHG-1", Wall: time.Now()}
				state, next, err = u.Advance(unit.Decided(t.Context(), d), state)
				if err != nil || !next.Done {
					t.Fatalf("%+v, %v", next, err)
				}
				verdict(t, state, c.want, c.why)
				h.has(t, "by ann")
			})
		})
	}
}

// The approval comes first: its window may be over when it does.
func TestBeforeAnApprovalIsNotAskedForTwiceWhileTheWindowIsAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(5 * time.Hour)
		g := ring(&alarms{}, &heard{})
		g.Alarms, g.Approval, g.Calendar = nil, "the board", nightly(t)
		state, _, _ := gate.Before(g).Advance(t.Context(), nil)
		state, next, err := gate.Before(g).Advance(unit.Decided(t.Context(), unit.Decision{Approved: true, By: "ann"}), state)
		if err != nil || next.After != 17*time.Hour || next.Approval != "" {
			t.Fatalf("%+v, %v", next, err)
		}
		time.Sleep(next.After)
		raw, _ := finish(t, gate.Before(g), state)
		verdict(t, raw, gate.Pass, "")
	})
}

func TestBeforeDoesNotBeginUnderAnAlarmOrBlind(t *testing.T) {
	for name, c := range map[string]struct {
		state string
		err   error
		want  gate.Verdict
		why   string
		took  time.Duration
	}{
		"an alarm is on":    {"ALARM", nil, gate.Closed, "does not begin under an alarm", 0},
		"an alarm is OK":    {"OK", nil, gate.Pass, "", 0},
		"no data":           {"INSUFFICIENT_DATA", nil, gate.Pass, "", 0},
		"cannot be read":    {"OK", errors.New("Rate exceeded"), gate.Unknown, "Rate exceeded", gate.Patience},
		"it does not exist": {"", nil, gate.Unknown, "does not exist", gate.Patience},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &alarms{err: c.err}
				if c.state != "" {
					a.set("web-5xx", c.state)
				}
				begun := time.Now()
				raw, _ := finish(t, gate.Before(ring(a, &heard{})), nil)
				verdict(t, raw, c.want, c.why)
				if took := time.Since(begun); took != c.took {
					t.Errorf("it took %s, want %s", took, c.took)
				}
			})
		})
	}
}

func TestAnInterruptIsNoVerdict(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := &alarms{err: context.Canceled}
	for _, u := range []unit.Unit{gate.Before(ring(a, &heard{})), gate.After(ring(a, &heard{}))} {
		if raw, _, err := u.Advance(ctx, nil); !errors.Is(err, context.Canceled) || raw != nil {
			t.Errorf("%s: %s, %v", u.Kind(), raw, err)
		}
	}
}
