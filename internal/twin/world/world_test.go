package world_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/twin/world"
)

type item struct {
	Name string   `json:"name"`
	Tags []string `json:"tags,omitempty"`
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func open(t testing.TB, o world.Options) *world.World {
	t.Helper()
	if o.Start.IsZero() {
		o.Start = start
	}
	if o.Mode == "" {
		o.Mode = world.Manual
	}
	w, err := world.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func do(t testing.TB, w *world.World, fn func(tx *world.Tx) error) {
	t.Helper()
	if err := w.Do("1", "r", fn); err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, w *world.World, key, name string) {
	t.Helper()
	do(t, w, func(tx *world.Tx) error {
		world.Table[item](tx, "items").Put(key, item{Name: name})
		return nil
	})
}

// list is "key=name" of every row, in order.
func list(t testing.TB, w *world.World) []string {
	t.Helper()
	var out []string
	do(t, w, func(tx *world.Tx) error {
		for k, v := range world.Table[item](tx, "items").All() {
			out = append(out, k+"="+v.Name)
		}
		return nil
	})
	return out
}

func want(t testing.TB, w *world.World, rows ...string) {
	t.Helper()
	if got := list(t, w); !slices.Equal(got, rows) {
		t.Errorf("rows = %v, want %v", got, rows)
	}
}

var errNo = errors.New("no")

func TestAFailedTransactionLeavesNoTrace(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{})
	put(t, w, "a", "1")
	put(t, w, "b", "1")
	put(t, w, "c", "1")
	err := w.Do("1", "r", func(tx *world.Tx) error {
		rows := world.Table[item](tx, "items")
		rows.Put("a", item{Name: "2"})
		rows.Delete("b")
		rows.Delete("c")
		rows.Put("c", item{Name: "2"})
		rows.Put("d", item{Name: "2"})
		tx.Event("never", nil)
		tx.At(tx.Now.Add(time.Second), "never", 1)
		return errNo
	})
	if !errors.Is(err, errNo) {
		t.Fatal(err)
	}
	want(t, w, "a=1", "b=1", "c=1")
	w.OnTimer("never", func(*world.Tx, json.RawMessage) error { t.Error("the timer fired"); return nil })
	w.Start()
	w.Clock().Step(time.Minute)
	if events, _ := w.Events(); len(events) != 0 {
		t.Errorf("events = %v", events)
	}
}

func TestAPanicUndoesAndReleases(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{})
	put(t, w, "a", "1")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = w.Do("1", "r", func(tx *world.Tx) error {
			world.Table[item](tx, "items").Put("a", item{Name: "2"})
			panic("bug")
		})
	}()
	want(t, w, "a=1")
}

func TestAccountsAndRegionsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{})
	put(t, w, "a", "1")
	for _, at := range [][2]string{{"2", "r"}, {"1", "s"}} {
		err := w.Do(at[0], at[1], func(tx *world.Tx) error {
			if n := world.Table[item](tx, "items").Len(); n != 0 {
				t.Errorf("%v sees %d rows", at, n)
			}
			if n := world.Table[item](tx.In("1", "r"), "items").Len(); n != 1 {
				t.Errorf("In sees %d rows", n)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestRowsMayChangeDuringIteration(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{})
	for i := range 100 {
		put(t, w, fmt.Sprintf("%03d", i), "1")
	}
	var seen []string
	do(t, w, func(tx *world.Tx) error {
		rows := world.Table[item](tx, "items")
		for k, v := range rows.All() {
			seen = append(seen, k+v.Name)
			if k == "000" {
				for i := 10; i < 100; i++ { // enough that the order is compacted
					rows.Delete(fmt.Sprintf("%03d", i))
				}
				rows.Put("001", item{Name: "2"})
				rows.Put("new", item{Name: "2"})
			}
		}
		return nil
	})
	if len(seen) != 10 || seen[1] != "0012" {
		t.Errorf("seen = %v", seen)
	}
}

func TestTheSameSeedAndHistoryGiveTheSameIDs(t *testing.T) {
	t.Parallel()
	ids := func(seed int64) (out []string) {
		do(t, open(t, world.Options{Seed: seed}), func(tx *world.Tx) error {
			out = append(out, tx.ID("i-"), tx.ID("i-"), tx.UUID(), tx.Hex(64))
			return nil
		})
		return out
	}
	a, b, c := ids(1), ids(1), ids(2)
	if !slices.Equal(a, b) || slices.Equal(a, c) || a[0] == a[1] || len(a[0]) != 19 || len(a[3]) != 64 {
		t.Errorf("%v\n%v\n%v", a, b, c)
	}
}

func TestEventsAreNumberedAndKept(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{})
	var log strings.Builder
	w.LogTo(&log)
	for range 3 {
		do(t, w, func(tx *world.Tx) error { tx.Event("x", map[string]any{"a": 1}); return nil })
	}
	if since := w.EventsSince(1); len(since) != 2 || since[0].N != 2 || since[1].N != 3 || since[0].Account != "1" {
		t.Errorf("since 1: %+v", since)
	}
	if since := w.EventsSince(99); len(since) != 0 {
		t.Errorf("since 99: %+v", since)
	}
	if n := strings.Count(log.String(), "\n"); n != 3 || !strings.HasPrefix(log.String(), `{"n":1,"time":"2026-01-01T00:00:00Z"`) {
		t.Errorf("log = %s", log.String())
	}
}
