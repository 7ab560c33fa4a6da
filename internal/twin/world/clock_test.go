package world_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

// auto opens a world in memory whose clock jumps, inside a synctest bubble.
func auto(t *testing.T) *world.World {
	t.Helper()
	w, err := world.Open(world.Options{Start: start, Mode: world.Auto})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// virtual is how far virtual and wall time moved while f ran.
func passed(w *world.World, f func()) (virtual, wall time.Duration) {
	v, r := w.Clock().Now(), time.Now()
	f()
	return w.Clock().Now().Sub(v), time.Since(r)
}

func TestTimeJumpsWhenEveryoneSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := auto(t)
		defer w.Close()
		var at time.Duration
		w.OnTimer("note", func(tx *world.Tx, _ json.RawMessage) error { at = tx.Now.Sub(start); return nil })
		w.Start()
		do(t, w, func(tx *world.Tx) error { tx.At(tx.Now.Add(20*time.Minute), "note", nil); return nil })
		virtual, wall := passed(w, func() {
			if err := w.Clock().Sleep(context.Background(), "cli", start.Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
		if virtual != time.Hour || wall != 0 || at != 20*time.Minute {
			t.Errorf("virtual %v, wall %v, timer at %v", virtual, wall, at)
		}
	})
}

func TestWithoutSleepersTimeRunsAsOnTheWall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := auto(t)
		defer w.Close()
		var fired atomic.Int32
		w.OnTimer("note", func(*world.Tx, json.RawMessage) error { fired.Add(1); return nil })
		w.Start()
		do(t, w, func(tx *world.Tx) error { tx.At(tx.Now.Add(90*time.Second), "note", nil); return nil })
		time.Sleep(89 * time.Second)
		synctest.Wait()
		if fired.Load() != 0 {
			t.Error("fired early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if fired.Load() != 1 {
			t.Error("not fired on time")
		}
		if d := w.Clock().Now().Sub(start); d != 91*time.Second {
			t.Errorf("virtual time is %v", d)
		}
	})
}

// TestWhatKeepsTimeFromJumping: with each of these, an hour's sleep takes as long
// on the wall as the thing lasts, and then jumps.
func TestWhatKeepsTimeFromJumping(t *testing.T) {
	tests := map[string]struct {
		begin func(c *world.Clock) (end func())
		wall  time.Duration
	}{
		"a hold":                         {func(c *world.Clock) func() { return c.Hold("packer") }, 10 * time.Second},
		"a request in flight":            {func(c *world.Clock) func() { return c.Enter("other") }, 10*time.Second + 30*time.Second},
		"the sleeper's own request":      {func(c *world.Clock) func() { return c.Enter("cli") }, 10 * time.Second},
		"an unregistered one in flight":  {func(c *world.Clock) func() { return c.Enter("") }, 15 * time.Second},
		"an unregistered one seen":       {func(c *world.Clock) func() { c.Enter("")(); return func() {} }, 5 * time.Second},
		"a registered client that works": {func(c *world.Clock) func() { c.Enter("other")(); return func() {} }, 30 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := auto(t)
				defer w.Close()
				w.Start()
				end := test.begin(w.Clock())
				time.AfterFunc(10*time.Second, end)
				virtual, wall := passed(w, func() {
					if err := w.Clock().Sleep(context.Background(), "cli", start.Add(time.Hour)); err != nil {
						t.Error(err)
					}
				})
				if virtual != time.Hour || wall < test.wall || wall > test.wall+2*time.Second {
					t.Errorf("virtual %v, wall %v, want wall %v", virtual, wall, test.wall)
				}
			})
		})
	}
}

func TestBackgroundWorkHoldsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := auto(t)
		defer w.Close()
		w.Start()
		do(t, w, func(tx *world.Tx) error {
			tx.Go("command in i-1", func(context.Context) {
				time.Sleep(7 * time.Second)
				_ = tx.World().Do("1", "r", func(tx *world.Tx) error { tx.Event("done", nil); return nil })
			})
			return nil
		})
		if s := w.Clock().Status(); !slices.Equal(s.Holds, []string{"command in i-1"}) {
			t.Errorf("holds = %v", s.Holds)
		}
		_, wall := passed(w, func() { _ = w.Clock().Sleep(context.Background(), "cli", start.Add(time.Hour)) })
		events, _ := w.Events()
		if wall != 7*time.Second || len(events) != 1 || events[0].Time.Sub(start) != 7*time.Second {
			t.Errorf("wall %v, events %v", wall, events)
		}
	})
}

func TestWorkOfAFailedTransactionNeverStarts(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{})
	_ = w.Do("1", "r", func(tx *world.Tx) error {
		tx.Go("never", func(context.Context) { t.Error("started") })
		return errNo
	})
	w.Close()
}

func TestAPanicInTheBackgroundIsLogged(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{})
	do(t, w, func(tx *world.Tx) error {
		tx.Go("work", func(context.Context) { panic("bug") })
		return nil
	})
	w.Close()
	if events, _ := w.Events(); len(events) != 1 || events[0].Kind != "twin.panic" {
		t.Errorf("events = %v", events)
	}
}

func TestCloseCancelsWorkAndSleepers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := auto(t)
		w.Start()
		do(t, w, func(tx *world.Tx) error {
			tx.Go("long", func(ctx context.Context) { <-ctx.Done() })
			return nil
		})
		slept := make(chan error, 1)
		go func() { slept <- w.Clock().Sleep(context.Background(), "cli", start.Add(time.Hour)) }()
		synctest.Wait()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if err := <-slept; !errors.Is(err, context.Canceled) {
			t.Errorf("sleep = %v", err)
		}
	})
}

func TestASleeperThatGivesUpIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := auto(t)
		defer w.Close()
		w.Start()
		release := w.Clock().Hold("busy")
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if err := w.Clock().Sleep(ctx, "cli", start.Add(time.Hour)); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		release()
		time.Sleep(40 * time.Second)
		if s := w.Clock().Status(); s.Asleep != 0 || s.Now.Sub(start) != 43*time.Second {
			t.Errorf("status = %+v", s)
		}
	})
}

func TestTwoSleepersWakeAtTheirOwnTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := auto(t)
		defer w.Close()
		w.Start()
		var mu sync.Mutex
		var woke []time.Duration
		var wg sync.WaitGroup
		for _, client := range []string{"a", "b"} {
			w.Clock().Enter(client)() // nobody waits for one that has not been heard of
			wg.Go(func() {
				for i := range 5 {
					step := time.Duration(i+1) * time.Minute
					if client == "b" {
						step *= 7
					}
					until := w.Clock().Now().Add(step)
					if err := w.Clock().Sleep(context.Background(), client, until); err != nil {
						t.Error(err)
					}
					now := w.Clock().Now()
					mu.Lock()
					woke = append(woke, now.Sub(start))
					mu.Unlock()
					if !now.Equal(until) {
						t.Errorf("%s woke %v late", client, now.Sub(until))
					}
				}
				// The client ends: after 30 s of silence it holds nobody up.
			})
		}
		wg.Wait()
		if !slices.IsSorted(woke) {
			t.Errorf("woke = %v", woke)
		}
	})
}

// TestManyAtOnce is for the race detector.
func TestManyClientsAtOnce(t *testing.T) {
	t.Parallel()
	w, err := world.Open(world.Options{Dir: t.TempDir(), Start: start})
	if err != nil {
		t.Fatal(err)
	}
	w.OnTimer("tick", func(tx *world.Tx, _ json.RawMessage) error {
		world.Table[item](tx, "items").Put(tx.Hex(4), item{})
		tx.Event("tick", nil)
		return nil
	})
	w.Start()
	var wg sync.WaitGroup
	for c := range 8 {
		wg.Go(func() {
			name := fmt.Sprint("c", c)
			for i := range 30 {
				leave := w.Clock().Enter(name)
				err := w.Do("1", "r", func(tx *world.Tx) error {
					tx.At(tx.Now.Add(time.Duration(i)*time.Second), "tick", i)
					tx.Go("bg", func(context.Context) {})
					for range world.Table[item](tx, "items").All() {
						break
					}
					return nil
				})
				leave()
				if err != nil {
					t.Error(err)
				}
				if err := w.Clock().Sleep(context.Background(), "all", w.Clock().Now().Add(time.Millisecond)); err != nil {
					t.Error(err)
				}
				_ = w.Clock().Status()
				_ = w.EventsSince(i)
			}
		})
	}
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

func TestTheStatusForgetsWhoIsSilent(t *testing.T) {
	for _, mode := range []world.Mode{world.Auto, world.Real} { // Real never looks for a jump
		synctest.Test(t, func(t *testing.T) {
			w := auto(t)
			defer w.Close()
			c := w.Clock()
			if err := c.SetMode(mode, 0); err != nil {
				t.Fatal(err)
			}
			c.Enter("silent")()
			leave := c.Enter("served")
			own := c.Enter("")
			own()
			time.Sleep(4 * time.Second)
			if s := c.Status(); !slices.Equal(s.Clients, []string{"served", "silent"}) || !s.Unregistered {
				t.Errorf("%s: after 4 s: %+v", mode, s)
			}
			time.Sleep(27 * time.Second)
			if s := c.Status(); !slices.Equal(s.Clients, []string{"served"}) || s.Unregistered {
				t.Errorf("%s: after 31 s: %+v", mode, s)
			}
			leave()
		})
	}
}
