package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/internal/wait"
)

// yard counts jobs that work beside each other.
type yard struct {
	mu     sync.Mutex
	now    map[string]int // begun and not ended, by cell
	most   map[string]int
	begun  []string
	ended  []string
	starts map[string]int // mutations made, by job
}

func newYard() *yard {
	return &yard{now: map[string]int{}, most: map[string]int{}, starts: map[string]int{}}
}

// job makes its thing and looks after it every minute, looks times.
func (y *yard) job(cell, name string, looks int) unit.Job {
	return unit.Job{Name: "roll/" + name, Cell: cell, Unit: unit.Func("test.job", func(_ context.Context, s *builderState) (unit.Next, error) {
		y.mu.Lock()
		defer y.mu.Unlock()
		if s.Step == "" {
			y.starts[name]++
			y.begun = append(y.begun, name)
			for _, c := range []string{cell, ""} {
				y.now[c]++
				y.most[c] = max(y.most[c], y.now[c])
			}
			s.Step = "watch"
			return unit.Again(time.Minute), nil
		}
		if s.Polls++; s.Polls < looks {
			return unit.Again(time.Minute), nil
		}
		y.now[cell]--
		y.now[""]--
		y.ended = append(y.ended, name)
		s.Step = "done"
		return unit.Done(), nil
	})}
}

func pool(t *testing.T, store journal.Store) *Pool {
	t.Helper()
	if store == nil {
		store = journal.NewFolder(t.TempDir())
	}
	return &Pool{Local: &Local{Journal: journal.Open(store, "r1"), Clock: wait.Wall{}}}
}

func (y *yard) jobs(cells, each, looks int) []unit.Job {
	var out []unit.Job
	for c := range cells {
		for n := range each {
			out = append(out, y.job(fmt.Sprintf("c%d", c), fmt.Sprintf("c%d-%d", c, n), looks))
		}
	}
	return out
}

func TestPool_keeps_to_its_limits_and_ends_every_unit(t *testing.T) {
	for _, c := range []struct{ together, perCell, wantAll, wantCell int }{
		{0, 0, 1, 1}, {1, 0, 1, 1}, {4, 0, 4, 4}, {4, 1, 3, 1}, {100, 2, 6, 2}, {100, 0, 15, 5},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				y := newYard()
				states, err := pool(t, nil).Run(t.Context(), y.jobs(3, 5, 3), unit.Policy{Together: c.together, InCell: func(string) int { return c.perCell }})
				if err != nil || len(states) != 15 || len(y.ended) != 15 {
					t.Fatalf("%d states, %d ended, %v", len(states), len(y.ended), err)
				}
				// The first cell's jobs begin first. How many of another's meet follows from
				// who of those that are due at one moment is the first to end: any order is.
				if y.most[""] != c.wantAll || y.most["c0"] != c.wantCell || c.perCell > 0 && max(y.most["c1"], y.most["c2"]) > c.perCell {
					t.Errorf("at most %v, want %d together and %d in a cell", y.most, c.wantAll, c.wantCell)
				}
				if c.together < 2 && !slices.Equal(y.begun[:3], []string{"c0-0", "c0-1", "c0-2"}) {
					t.Errorf("began %v", y.begun)
				}
			})
		})
	}
}

func TestPool_takes_the_time_of_the_longest_not_of_all(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard()
		begun := time.Now()
		if _, err := pool(t, nil).Run(t.Context(), y.jobs(4, 10, 5), unit.Policy{Together: 40}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took != 5*time.Minute {
			t.Errorf("took %s, want 5m", took)
		}
	})
}

func TestPool_lets_no_unit_begin_when_told_to_stop_and_runs_the_others_to_their_end(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard()
		n := 0
		_, err := pool(t, nil).Run(t.Context(), y.jobs(1, 9, 2), unit.Policy{Together: 3,
			Ended: func(string, json.RawMessage) error { n++; return nil },
			Leave: func() unit.Leave {
				if n > 1 {
					return unit.Stop
				}
				return unit.Go
			}})
		if err != nil || len(y.ended) != len(y.begun) || n != len(y.ended) {
			t.Fatalf("began %v, ended %v, %v", y.begun, y.ended, err)
		}
		if len(y.begun) != 4 { // three, and one in the place of the first that ended
			t.Errorf("began %v", y.begun)
		}
	})
}

func TestPool_ends_as_waiting_for_an_approval_that_the_watch_does_not_give(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := unit.Func("test.approval", func(context.Context, *int) (unit.Next, error) { return unit.Next{Approval: "change board"}, nil })
		_, err := pool(t, nil).Run(t.Context(), []unit.Job{{Name: "a", Unit: u}}, unit.Policy{})
		var w *Waiting
		if fault.KindOf(err) != fault.Waiting || !errors.As(err, &w) || w.Approval != "change board" {
			t.Errorf("got %v", err)
		}
	})
}

func TestPool_ends_rather_than_wait_longer_than_asked_and_goes_on_when_due(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := unit.Func("test.soak", func(_ context.Context, s *int) (unit.Next, error) {
			if *s++; *s == 1 {
				return unit.Again(time.Hour), nil
			}
			return unit.Done(), nil
		})
		p := pool(t, nil)
		p.MaxWait = time.Minute
		o := unit.Policy{Every: 20 * time.Second, Watch: func(context.Context) (bool, error) { return false, nil }}
		_, err := p.Run(t.Context(), []unit.Job{{Name: "soak", Unit: u}}, o)
		var w *Waiting
		if fault.KindOf(err) != fault.Waiting || !errors.As(err, &w) || !w.Until.Equal(time.Now().Add(time.Hour)) {
			t.Fatalf("got %v", err)
		}
		time.Sleep(59 * time.Minute)
		p.MaxWait = 2 * time.Minute
		begun := time.Now()
		if _, err := p.Run(t.Context(), []unit.Job{{Name: "soak", Unit: u}}, o); err != nil || time.Since(begun) != time.Minute {
			t.Errorf("waited %s, %v", time.Since(begun), err)
		}
	})
}

func TestPool_brings_due_times_together(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := map[time.Time]int{}
		var mu sync.Mutex
		var jobs []unit.Job
		for n := range 20 {
			jobs = append(jobs, unit.Job{Name: fmt.Sprintf("u%02d", n), Unit: unit.Func("test.poll", func(_ context.Context, s *int) (unit.Next, error) {
				mu.Lock()
				defer mu.Unlock()
				at[time.Now()]++
				if *s++; *s == 5 {
					return unit.Done(), nil
				}
				return unit.Again(time.Duration(30+n) * time.Second), nil
			})})
		}
		p := pool(t, nil)
		p.Tick = 15 * time.Second
		if _, err := p.Run(t.Context(), jobs, unit.Policy{Together: 20}); err != nil {
			t.Fatal(err)
		}
		if len(at) > 20 {
			t.Errorf("100 Advances at %d moments", len(at))
		}
	})
}
