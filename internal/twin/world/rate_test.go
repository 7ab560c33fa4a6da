package world_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// rated is a world in which an hour is a second, in a bubble of the test's time.
func rated(t *testing.T) *world.World {
	t.Helper()
	w, err := world.Open(world.Options{Start: wiretest.Start, Mode: world.Rate, Rate: 3600})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestAtARateAnHourIsASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := rated(t)
		defer w.Close()
		var fired time.Time
		w.OnTimer("x", func(tx *world.Tx, _ json.RawMessage) error { fired = time.Now(); return nil })
		w.Start()
		begun := time.Now()
		if err := w.Do("1", "r", func(tx *world.Tx) error { tx.At(tx.Now.Add(30*time.Minute), "x", nil); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := w.Clock().Sleep(t.Context(), "me", wiretest.Start.Add(2*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took < 2*time.Second || took > 2100*time.Millisecond {
			t.Errorf("two hours took %s", took)
		}
		if took := fired.Sub(begun); took < 500*time.Millisecond || took > 600*time.Millisecond {
			t.Errorf("half an hour took %s", took)
		}
	})
}

func TestUnderAHoldARateIsTheWalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := rated(t)
		defer w.Close()
		w.Start()
		time.Sleep(time.Second)
		release := w.Clock().Hold("a command runs")
		time.Sleep(10 * time.Second)
		release()
		time.Sleep(time.Second)
		if passed := w.Clock().Now().Sub(wiretest.Start); passed != 2*time.Hour+10*time.Second {
			t.Errorf("%s passed", passed)
		}
	})
}

func TestTheModeChangesWithoutAJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := rated(t)
		defer w.Close()
		w.Start()
		c := w.Clock()
		pass := func(m world.Mode, rate float64, want time.Duration) {
			t.Helper()
			before := c.Now()
			if err := c.SetMode(m, rate); err != nil {
				t.Fatal(err)
			}
			if c.Now() != before {
				t.Errorf("%s: it jumped by %s", m, c.Now().Sub(before))
			}
			time.Sleep(time.Second)
			if d := c.Now().Sub(before); d != want {
				t.Errorf("%s: %s passed in a second, want %s", m, d, want)
			}
		}
		pass(world.Rate, 60, time.Minute)
		pass(world.Manual, 0, 0)
		pass(world.Real, 0, time.Second)
		pass(world.Rate, 0.5, time.Second/2)
		pass(world.Auto, 0, time.Second)
		if s := c.Status(); s.Mode != world.Auto || s.Rate != 0 {
			t.Errorf("%+v", s)
		}
		for _, bad := range []struct {
			m    world.Mode
			rate float64
		}{{"fast", 1}, {"", 0}, {world.Rate, 0}, {world.Rate, -1}, {world.Rate, world.MaxRate + 1}} {
			if err := c.SetMode(bad.m, bad.rate); err == nil {
				t.Errorf("%q %v was taken", bad.m, bad.rate)
			}
		}
	})
}
