package journal

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// counting counts what is read of a store.
type counting struct {
	Store
	lists, gets atomic.Int32
}

func (c *counting) List(ctx context.Context, prefix string) ([]string, error) {
	c.lists.Add(1)
	return c.Store.List(ctx, prefix)
}

func (c *counting) Get(ctx context.Context, key string) ([]byte, error) {
	c.gets.Add(1)
	return c.Store.Get(ctx, key)
}

// write writes a unit's history: b and a are Before and After.
func write(t *testing.T, j *Journal, unit, phases string) {
	t.Helper()
	for n, p := range phases {
		r := Record{Seq: n + 1, Unit: unit, Kind: "k", Phase: Before}
		if p == 'a' {
			r.Phase = After
		}
		if err := j.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTail_is_the_end_of_a_history_in_two_reads(t *testing.T) {
	for phases, want := range map[string]int{"": 0, "b": 1, "ba": 1, "bab": 2, "baba": 1, "babababababab": 2, "bb": 2, "a": 1, "abb": 3} {
		s := &counting{Store: NewFolder(t.TempDir())}
		j := Open(s, "r1")
		write(t, j, "roll/dev/web", phases)
		write(t, j, "roll/dev/web/under", "bab")
		all, err := j.Records(t.Context(), "roll/dev/web")
		if err != nil || len(all) != len(phases) {
			t.Fatalf("%q: %d records, %v", phases, len(all), err)
		}
		s.gets.Store(0)
		got, err := j.Tail(t.Context(), "roll/dev/web")
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(all[len(all)-want:], got, cmp.Comparer(func(a, b Record) bool { return a.Seq == b.Seq && a.Phase == b.Phase && a.Unit == b.Unit })); d != "" {
			t.Errorf("%q: %s", phases, d)
		}
		if int(s.gets.Load()) != want {
			t.Errorf("%q: %d reads", phases, s.gets.Load())
		}
	}
}

func TestTails_are_those_of_the_units_wanted_and_list_once(t *testing.T) {
	s := &counting{Store: NewFolder(t.TempDir())}
	j := Open(s, "r1")
	for n := range 100 {
		write(t, j, fmt.Sprintf("roll/dev/web-%d", n), "babababa")
	}
	write(t, j, "roll/dev", "bab")
	write(t, j, "bake", "ba")
	write(t, Open(s, "r2"), "roll/dev/web-0", "b")
	got, err := j.Tails(t.Context(), func(unit string) bool { return strings.HasPrefix(unit, "roll/") })
	if err != nil || len(got) != 101 || len(got["roll/dev"]) != 2 || len(got["roll/dev/web-0"]) != 1 || got["roll/dev/web-99"][0].Seq != 8 {
		t.Errorf("%d units, %v, %v", len(got), got["roll/dev"], err)
	}
	if s.lists.Load() != 1 || s.gets.Load() != 102 {
		t.Errorf("%d lists, %d reads", s.lists.Load(), s.gets.Load())
	}
	none, err := Open(s, "r3").Tails(t.Context(), func(string) bool { return true })
	if err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
}

func TestTails_tell_of_a_damaged_record(t *testing.T) {
	s := NewFolder(t.TempDir())
	if err := s.Create(t.Context(), "runs/r1/bake/000001.json", []byte("{")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(s, "r1").Tails(t.Context(), func(string) bool { return true }); err == nil || !strings.Contains(err.Error(), "runs/r1/bake/000001.json") {
		t.Errorf("got %v", err)
	}
}
