package world_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

func TestTimersFireInOrderOfTimeThenOfSetting(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{Dir: t.TempDir()})
	var fired []string
	w.OnTimer("note", func(tx *world.Tx, payload json.RawMessage) error {
		fired = append(fired, fmt.Sprintf("%s@%s", payload, tx.Now.Sub(start)))
		if string(payload) == `"b"` {
			tx.At(tx.Now.Add(time.Second), "note", "b+1")
		}
		return nil
	})
	w.Start()
	var cancelled string
	do(t, w, func(tx *world.Tx) error {
		tx.At(tx.Now.Add(3*time.Second), "note", "d")
		tx.At(tx.Now.Add(time.Second), "note", "a")
		tx.At(tx.Now.Add(time.Second), "note", "b")
		cancelled = tx.At(tx.Now.Add(2*time.Second), "note", "never")
		tx.At(tx.Now.Add(2*time.Second), "note", "c")
		return nil
	})
	do(t, w, func(tx *world.Tx) error { tx.Cancel(cancelled); tx.Cancel("unknown"); return nil })
	w.Clock().Step(2500 * time.Millisecond)
	if want := []string{`"a"@1s`, `"b"@1s`, `"c"@2s`, `"b+1"@2s`}; !slices.Equal(fired, want) {
		t.Errorf("fired = %v", fired)
	}
	if now := w.Clock().Now(); now.Sub(start) != 2500*time.Millisecond {
		t.Errorf("now = %v", now)
	}
	w.Clock().StepTo(start) // never back
	if now := w.Clock().Now(); now.Sub(start) != 2500*time.Millisecond {
		t.Errorf("now = %v", now)
	}
}

func TestTimersSurviveReopening(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := open(t, world.Options{Dir: dir})
	do(t, w, func(tx *world.Tx) error { tx.At(tx.Now.Add(time.Hour), "note", 1); return nil })
	w = open(t, world.Options{Dir: dir})
	n := 0
	w.OnTimer("note", func(tx *world.Tx, _ json.RawMessage) error {
		n++
		if tx.Account != "1" || tx.Region != "r" {
			t.Errorf("fired in %s %s", tx.Account, tx.Region)
		}
		return nil
	})
	w.Start()
	w.Clock().Step(2 * time.Hour)
	w.Clock().Step(2 * time.Hour)
	if n != 1 {
		t.Errorf("fired %d times", n)
	}
}

func TestATimerThatFailsIsLoggedAndLeavesNothingElse(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{})
	fail := func(how func() error) world.TimerFunc {
		return func(tx *world.Tx, _ json.RawMessage) error {
			world.Table[item](tx, "items").Put("x", item{})
			return how()
		}
	}
	w.OnTimer("fails", fail(func() error { return errNo }))
	w.OnTimer("panics", fail(func() error { panic("bug") }))
	w.Start()
	do(t, w, func(tx *world.Tx) error {
		for _, kind := range []string{"fails", "panics", "nobody"} {
			tx.At(tx.Now.Add(time.Second), kind, nil)
		}
		return nil
	})
	w.Clock().Step(time.Minute)
	want(t, w)
	events, _ := w.Events()
	var kinds []string
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	if !slices.Equal(kinds, []string{"twin.timer.failed", "twin.timer.failed", "twin.timer.unknown"}) {
		t.Errorf("events = %v", events)
	}
}

func TestTransactionsSeeEverythingThatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, err := world.Open(world.Options{Start: start, Mode: world.Real})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		w.OnTimer("put", func(tx *world.Tx, _ json.RawMessage) error {
			world.Table[item](tx, "items").Put("x", item{Name: tx.Now.Sub(start).String()})
			return nil
		})
		w.Start()
		do(t, w, func(tx *world.Tx) error { tx.At(tx.Now.Add(time.Second), "put", nil); return nil })
		time.Sleep(time.Second) // the clock's own goroutine may or may not have run
		want(t, w, "x=1s")
	})
}

func TestAfterReopeningTimeHasNotGoneBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		w, err := world.Open(world.Options{Dir: dir, Start: start})
		if err != nil {
			t.Fatal(err)
		}
		w.Start()
		_ = w.Clock().Sleep(context.Background(), "cli", start.Add(time.Hour)) // a jump, and no transaction
		time.Sleep(10 * time.Second)                                           // seen by nobody but a client that asks
		seen := w.Clock().Now()
		w.Close()
		time.Sleep(5 * time.Second)
		again, err := world.Open(world.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		if now := again.Clock().Now(); now.Sub(seen) != 5*time.Second {
			t.Errorf("time moved by %v while the twin was down for 5s", now.Sub(seen))
		}
	})
}
