package gate_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/rollout/gate"
)

func TestAnAlarmInTheMiddleOfARollCallsTheRingBack(t *testing.T) {
	for name, c := range map[string]struct {
		began bool
		do    func(a *alarms)
		want  gate.Verdict
	}{
		"on":                             {do: func(a *alarms) { a.set("web-5xx", "ALARM") }, want: gate.Rollback},
		"on and off between two looks":   {began: true, do: func(a *alarms) { a.set("web-5xx", "ALARM"); a.set("web-5xx", "OK") }, want: gate.Rollback},
		"on and off before it has begun": {do: func(a *alarms) { a.set("web-5xx", "ALARM"); a.set("web-5xx", "OK") }, want: gate.Pass},
		"without data":                   {began: true, do: func(a *alarms) { a.set("web-5xx", "INSUFFICIENT_DATA") }, want: gate.Pass},
		"OK":                             {began: true, do: func(*alarms) {}, want: gate.Pass},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &alarms{}
				a.set("web-5xx", "OK")
				m, began := gate.Moving(ring(a, &heard{})), time.Time{}
				if c.began {
					began = time.Now()
				}
				for range 3 {
					if v, why := m.Look(t.Context(), began); v != gate.Pass {
						t.Fatal(v, why)
					}
					time.Sleep(20 * time.Second)
				}
				c.do(a)
				time.Sleep(time.Second)
				if v, why := m.Look(t.Context(), began); v != c.want || v == gate.Rollback && !strings.Contains(why, "web-5xx") {
					t.Errorf("%s: %s, want %s", v, why, c.want)
				}
			})
		})
	}
}

func TestOneLookInTheMiddleOfARollIsOneCallForEachCell(t *testing.T) {
	a := &alarms{}
	a.set("web-5xx", "OK")
	a.set("latency", "OK")
	g := ring(a, &heard{})
	g.Alarms = []string{"web-5xx", "latency", "web-5xx"}
	for i := range 20 {
		g.Cells = append(g.Cells, gate.Cell{Account: "1", Region: string(rune('a' + i))})
	}
	if v, why := gate.Moving(g).Look(t.Context(), time.Now()); v != gate.Pass || len(a.asked) != 20 {
		t.Errorf("%s %s, %d calls", v, why, len(a.asked))
	}
	g.Alarms, a.asked = nil, nil
	if v, _ := gate.Moving(g).Look(t.Context(), time.Now()); v != gate.Pass || len(a.asked) != 0 {
		t.Errorf("%s, %d calls for no alarm", v, len(a.asked))
	}
}

func TestAlarmsThatCannotBeReadForLongAreUnknownUntilTheyCan(t *testing.T) {
	for name, c := range map[string]struct{ do, undo func(*alarms) }{
		"throttled": {func(a *alarms) { a.outage(errors.New("Rate exceeded")) }, func(a *alarms) { a.outage(nil) }},
		"deleted":   {func(a *alarms) { a.mu.Lock(); delete(a.now, "web-5xx"); a.mu.Unlock() }, func(a *alarms) { a.set("web-5xx", "OK") }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, h := &alarms{}, &heard{}
				a.set("web-5xx", "OK")
				m, begun := gate.Moving(ring(a, h)), time.Now()
				c.do(a)
				for time.Since(begun) < 2*gate.Blindness {
					want := gate.Pass
					if time.Since(begun) >= gate.Blindness {
						want = gate.Unknown
					}
					if v, why := m.Look(t.Context(), begun.Add(-time.Second)); v != want {
						t.Errorf("after %s: %s (%s), want %s", time.Since(begun), v, why, want)
					}
					time.Sleep(20 * time.Second)
				}
				c.undo(a)
				if v, why := m.Look(t.Context(), begun.Add(-time.Second)); v != gate.Pass {
					t.Errorf("%s: %s", v, why)
				}
				h.has(t, "warned ring dev: since 2000-01-01T00:00:00Z alarm")
				h.has(t, "found ring dev: its alarms can be read again")
				if len(h.texts) != 2 {
					t.Errorf("%q", h.texts)
				}
			})
		})
	}
}
