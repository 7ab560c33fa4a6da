package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/internal/wait"
)

// outside is a world with one thing that must be made exactly once, and that takes
// a while to be ready.
type outside struct{ made, ready int }

type builderState struct {
	Step  string
	Made  bool
	Polls int
}

// builder makes the thing, watches it, and ends: probe first, one mutation a step.
func (o *outside) builder() unit.Unit {
	return unit.Func("test.builder", func(_ context.Context, s *builderState) (unit.Next, error) {
		switch s.Step {
		case "":
			if o.made == 0 {
				o.made++
			}
			s.Step, s.Made = "watch", true
			return unit.Again(time.Minute), nil
		case "watch":
			if o.ready++; o.ready < 4 {
				return unit.Again(time.Minute), nil
			}
			s.Step = "done"
			return unit.Next{}, nil
		}
		return unit.Done(), nil
	})
}

func TestRun_ends_with_the_last_state(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outside{}
		store := journal.NewFolder(t.TempDir())
		got, err := (&Local{Journal: journal.Open(store, "r1"), Clock: wait.Wall{}}).Run(t.Context(), "bake", o.builder())
		if err != nil {
			t.Fatal(err)
		}
		var s builderState
		if err := json.Unmarshal(got, &s); err != nil || s.Step != "done" || o.made != 1 {
			t.Errorf("state %+v, made %d, err %v", s, o.made, err)
		}
	})
}

func TestRun_does_not_record_polls_that_changed_nothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outside{}
		j := journal.Open(journal.NewFolder(t.TempDir()), "r1")
		if _, err := (&Local{Journal: j, Clock: wait.Wall{}}).Run(t.Context(), "bake", o.builder()); err != nil {
			t.Fatal(err)
		}
		records, err := j.Records(t.Context(), "bake")
		if err != nil {
			t.Fatal(err)
		}
		// start, watched, done: three Advances that changed something, two records each.
		if len(records) != 6 {
			t.Errorf("%d records, want 6: %+v", len(records), records)
		}
	})
}

func TestRun_of_an_ended_unit_does_nothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outside{}
		l := &Local{Journal: journal.Open(journal.NewFolder(t.TempDir()), "r1"), Clock: wait.Wall{}}
		first, err := l.Run(t.Context(), "bake", o.builder())
		if err != nil {
			t.Fatal(err)
		}
		ready := o.ready
		second, err := l.Run(t.Context(), "bake", o.builder())
		if err != nil || string(first) != string(second) || o.ready != ready {
			t.Errorf("advanced again: %s, %v", second, err)
		}
	})
}

var errCrash = errors.New("crashed")

// crashing is a store whose nth Create ends the process, before or after it wrote.
type crashing struct {
	journal.Store
	at    int
	after bool
	n     int
}

func (c *crashing) Create(ctx context.Context, key string, body []byte) error {
	c.n++
	if c.n == c.at && !c.after {
		return errCrash
	}
	if err := c.Store.Create(ctx, key, body); err != nil {
		return err
	}
	if c.n == c.at {
		return errCrash
	}
	return nil
}

func TestRun_crashed_at_every_record_boundary_ends_the_same(t *testing.T) {
	for _, after := range []bool{false, true} {
		boundaries := 0
		for at := 1; ; at++ {
			crashed := false
			synctest.Test(t, func(t *testing.T) {
				o := &outside{}
				store := journal.NewFolder(t.TempDir())
				l := &Local{Journal: journal.Open(&crashing{Store: store, at: at, after: after}, "r1"), Clock: wait.Wall{}}
				_, err := l.Run(t.Context(), "bake", o.builder())
				if crashed = errors.Is(err, errCrash); !crashed && err != nil {
					t.Fatal(err)
				}
				l.Journal = journal.Open(store, "r1")
				got, err := l.Run(t.Context(), "bake", o.builder())
				if err != nil {
					t.Fatalf("resume after boundary %d: %v", at, err)
				}
				if !strings.Contains(string(got), `"done"`) || o.made != 1 {
					t.Errorf("boundary %d (after %v): state %s, made %d times", at, after, got, o.made)
				}
			})
			if !crashed {
				break
			}
			boundaries++
		}
		if boundaries != 6 {
			t.Errorf("crashed at %d boundaries, want 6", boundaries)
		}
	}
}

func TestRun_tells_the_first_step_after_a_crash_that_it_may_be_a_repetition(t *testing.T) {
	for name, c := range map[string]struct {
		after bool // the second boundary, of the After record
		at    int
		want  []bool // what each Advance of both processes was told
	}{
		"nothing was begun":     {at: 1, want: []bool{false, false}},
		"begun, not advanced":   {at: 1, after: true, want: []bool{true, false}},
		"advanced, not saved":   {at: 2, want: []bool{false, true, false}},
		"advanced and saved":    {at: 2, after: true, want: []bool{false, false}},
		"second step not saved": {at: 4, want: []bool{false, false, true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []bool
				u := unit.Func("test.told", func(ctx context.Context, s *int) (unit.Next, error) {
					told = append(told, unit.Repeated(ctx))
					*s++
					return unit.Next{Done: *s == 2}, nil
				})
				store := journal.NewFolder(t.TempDir())
				l := &Local{Journal: journal.Open(&crashing{Store: store, at: c.at, after: c.after}, "r1"), Clock: wait.Wall{}}
				if _, err := l.Run(t.Context(), "x", u); !errors.Is(err, errCrash) {
					t.Fatalf("got %v, want a crash", err)
				}
				l.Journal = journal.Open(store, "r1")
				if _, err := l.Run(t.Context(), "x", u); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(told, c.want) {
					t.Errorf("told %v, want %v", told, c.want)
				}
			})
		})
	}
}

func TestRun_stops_when_another_executor_is_ahead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := journal.NewFolder(t.TempDir())
		j := journal.Open(store, "r1")
		u := unit.Func("test.race", func(ctx context.Context, s *int) (unit.Next, error) {
			*s++
			// The other one writes our next number while we work.
			err := j.Append(ctx, journal.Record{Seq: 2, Unit: "bake", Kind: "test.race", Phase: journal.After})
			return unit.Done(), err
		})
		_, err := (&Local{Journal: j, Clock: wait.Wall{}}).Run(t.Context(), "bake", u)
		if fault.KindOf(err) != fault.Conflict {
			t.Errorf("got %v, want a conflict", err)
		}
	})
}

func TestRun_ends_rather_than_wait_longer_than_asked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := unit.Func("test.soak", func(_ context.Context, s *int) (unit.Next, error) {
			if *s++; *s == 1 {
				return unit.Again(time.Hour), nil
			}
			return unit.Done(), nil
		})
		l := &Local{Journal: journal.Open(journal.NewFolder(t.TempDir()), "r1"), Clock: wait.Wall{}, MaxWait: time.Minute}
		_, err := l.Run(t.Context(), "soak", u)
		if fault.KindOf(err) != fault.Waiting {
			t.Fatalf("got %v, want waiting", err)
		}
		var w *Waiting
		if !errors.As(err, &w) || w.Unit != "soak" || !w.Until.Equal(time.Now().Add(time.Hour)) {
			t.Errorf("it waits for %+v, want soak in an hour", w)
		}
		time.Sleep(59 * time.Minute) // virtual
		begun := time.Now()
		l.MaxWait = 2 * time.Minute
		if _, err := l.Run(t.Context(), "soak", u); err != nil {
			t.Fatal(err)
		}
		if slept := time.Since(begun); slept != time.Minute {
			t.Errorf("waited %s after the resume, want the minute that was left", slept)
		}
	})
}

func TestRun_keeps_the_old_state_after_an_error(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := true
		u := unit.Func("test.flaky", func(_ context.Context, s *[]string) (unit.Next, error) {
			if len(*s) == 1 && fail {
				return unit.Next{}, fmt.Errorf("network down")
			}
			*s = append(*s, "step")
			return unit.Next{Done: len(*s) == 2}, nil
		})
		l := &Local{Journal: journal.Open(journal.NewFolder(t.TempDir()), "r1"), Clock: wait.Wall{}}
		if _, err := l.Run(t.Context(), "x", u); err == nil || !strings.Contains(err.Error(), "network down") {
			t.Fatalf("got %v", err)
		}
		fail = false
		got, err := l.Run(t.Context(), "x", u)
		if err != nil || string(got) != `["step","step"]` {
			t.Errorf("got %s, %v", got, err)
		}
	})
}
