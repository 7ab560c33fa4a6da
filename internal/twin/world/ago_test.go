package world_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/goldenami/rehydrate/internal/twin/wiretest"
	"github.com/goldenami/rehydrate/internal/twin/world"
)

// picture is a table as its readers see it.
func picture(tx *world.Tx) (out []string) {
	for k, v := range world.Table[int](tx, "t").All() {
		out = append(out, fmt.Sprint(k, "=", v))
	}
	return out
}

// Whatever happens, a look back shows what a look at that time has shown, changes
// nothing, and leaves rows where they were.
func TestALookBackShowsWhatWasSeenThen(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := wiretest.World(t)
		w.Remember(time.Hour)
		w.Start()
		do := func(f func(tx *world.Tx)) {
			if err := w.Do("1", "r", func(tx *world.Tx) error { f(tx); return nil }); err != nil {
				rt.Fatal(err)
			}
		}
		seen := map[time.Duration][]string{}
		age := time.Duration(0)
		for range rapid.IntRange(1, 30).Draw(rt, "turns") {
			w.Clock().Step(time.Minute)
			age += time.Minute
			do(func(tx *world.Tx) {
				rows := world.Table[int](tx, "t")
				for range rapid.IntRange(0, 4).Draw(rt, "changes") {
					key := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "key")
					if rapid.Bool().Draw(rt, "put") {
						rows.Put(key, rapid.Int().Draw(rt, "value"))
					} else {
						rows.Delete(key)
					}
				}
				seen[age] = picture(tx)
			})
			back := rapid.SampledFrom(slices.Sorted(maps.Keys(seen))).Draw(rt, "back to")
			var got []string
			err := w.DoAgo("1", "r", age-back, func(tx *world.Tx) error {
				got = picture(tx)
				world.Table[int](tx, "t").Put("e", 1)
				tx.At(tx.Now.Add(time.Second), "never", nil)
				return nil
			})
			if d := cmp.Diff(seen[back], got); err != nil || d != "" {
				rt.Fatalf("%v\n%s", err, d)
			}
			do(func(tx *world.Tx) {
				if d := cmp.Diff(seen[age], picture(tx)); d != "" {
					rt.Fatalf("looking back changed the present:\n%s", d)
				}
			})
		}
	})
}

func TestALookBackStartsNothingAndFailsAlone(t *testing.T) {
	w := wiretest.World(t)
	w.OnTimer("x", func(*world.Tx, json.RawMessage) error { t.Error("a timer of a look back fired"); return nil })
	w.Remember(time.Hour)
	w.Start()
	bad := errors.New("bad")
	err := w.DoAgo("1", "r", time.Minute, func(tx *world.Tx) error {
		tx.At(tx.Now, "x", nil)
		tx.Event("never", nil)
		return bad
	})
	w.Clock().Step(time.Hour)
	if events, _ := w.Events(); !errors.Is(err, bad) || len(events) != 0 {
		t.Errorf("%v, %v", err, events)
	}
}

func TestWhatIsNotRememberedIsThePresent(t *testing.T) {
	w := wiretest.World(t)
	w.Start()
	put := func(v int) {
		if err := w.Do("1", "r", func(tx *world.Tx) error { world.Table[int](tx, "t").Put("a", v); return nil }); err != nil {
			t.Fatal(err)
		}
		w.Clock().Step(time.Minute)
	}
	ago := func(d time.Duration) (v int) {
		if err := w.DoAgo("1", "r", d, func(tx *world.Tx) error { v, _ = world.Table[int](tx, "t").Get("a"); return nil }); err != nil {
			t.Fatal(err)
		}
		return v
	}
	put(1)
	w.Remember(90 * time.Second)
	put(2)
	if got := ago(time.Hour); got != 1 {
		t.Errorf("before the memory began: %d", got)
	}
	put(3)
	put(4)
	if got := ago(time.Hour); got != 2 {
		t.Errorf("older than what is kept: %d, want the oldest kept", got)
	}
	w.Remember(0)
	if got := ago(time.Hour); got != 4 {
		t.Errorf("forgotten: %d", got)
	}
}

// watch is a plan of one fault.
type watch struct{ kind world.FaultKind }

func (p watch) Fault(account, region string, now time.Time, kind world.FaultKind, s world.Subject) (string, bool) {
	return "as asked for " + s.ID, kind == p.kind && account == "1" && region == "r" && now.Equal(wiretest.Start)
}

func TestServicesAskThePlanAndHearOfOutages(t *testing.T) {
	w := wiretest.World(t)
	var came []string
	w.OnFault(world.ZoneLost, func(tx *world.Tx, o world.Outage) {
		for _, zone := range []string{"ra", "rb"} {
			if o.In("1", "r") && !o.In("2", "r") && o.Hits(world.Subject{Zone: zone}) {
				came = append(came, zone)
			}
		}
	})
	var seen []string
	w.Watch(func(tx *world.Tx, e world.Event) { seen = append(seen, tx.Account+" "+e.Kind) })
	err := w.Do("1", "r", func(tx *world.Tx) error {
		if _, hit := tx.Fault(world.CopyFails, world.Subject{ID: "i"}); hit {
			t.Error("without a plan")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.SetFaults(watch{world.CopyFails})
	err = w.Do("1", "r", func(tx *world.Tx) error {
		if why, hit := tx.Fault(world.CopyFails, world.Subject{ID: "i"}); !hit || why != "as asked for i" {
			t.Errorf("%q %v", why, hit)
		}
		if _, hit := tx.Fault(world.NoCapacity, world.Subject{}); hit {
			t.Error("another kind")
		}
		o := world.Outage{Kind: world.ZoneLost, Account: "1", Hits: func(s world.Subject) bool { return s.Zone == "ra" }}
		if !tx.Strike(o) {
			t.Error("nobody heard")
		}
		if tx.Strike(world.Outage{Kind: world.SpotInterruption}) {
			t.Error("somebody heard of what nobody deals with")
		}
		return nil
	})
	if d := cmp.Diff([]string{"ra"}, came); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
	if d := cmp.Diff([]string{"1 fault", "1 fault"}, seen); d != "" {
		t.Error(d)
	}
}
