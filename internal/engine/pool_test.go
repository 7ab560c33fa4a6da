package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
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
		{0, 0, 1, 1}, {1, 0, 1, 1}, {4, 0, 4, 3}, {4, 1, 3, 1}, {100, 2, 6, 2}, {100, 0, 15, 5},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				y := newYard()
				states, err := pool(t, nil).Run(t.Context(), y.jobs(3, 5, 3), unit.Policy{Together: c.together, InCell: func(string) int { return c.perCell }})
				if err != nil || len(states) != 15 || len(y.ended) != 15 {
					t.Fatalf("%d states, %d ended, %v", len(states), len(y.ended), err)
				}
				if y.most[""] != c.wantAll || y.most["c1"] != c.wantCell {
					t.Errorf("at most %d together and %d in a cell, want %d and %d", y.most[""], y.most["c1"], c.wantAll, c.wantCell)
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

func TestPool_an_error_that_stays_ends_what_begins_and_not_what_runs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard()
		jobs := y.jobs(1, 4, 3)
		jobs[1] = unit.Job{Name: "roll/bad", Cell: "c0", Unit: unit.Func("test.bad", func(context.Context, *int) (unit.Next, error) {
			return unit.Next{}, fault.New(fault.Conflict, "look", "somebody else's")
		})}
		_, err := pool(t, nil).Run(t.Context(), jobs, unit.Policy{Together: 2})
		if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "roll/bad: somebody else's") {
			t.Errorf("got %v", err)
		}
		if !slices.Equal(y.begun, []string{"c0-0"}) || !slices.Equal(y.ended, y.begun) {
			t.Errorf("began %v, ended %v", y.begun, y.ended)
		}
	})
}

func TestPool_waits_out_what_passes_and_marks_the_next_try_as_a_repetition(t *testing.T) {
	for name, passing := range map[string]error{
		"throttled": fault.New(fault.Throttled, "", "slow down"), "connection": fmt.Errorf("post: %w", io.ErrUnexpectedEOF),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []bool
				begun := time.Now()
				u := unit.Func("test.flaky", func(ctx context.Context, _ *int) (unit.Next, error) {
					told = append(told, unit.Repeated(ctx))
					if time.Since(begun) < 10*time.Minute {
						return unit.Next{}, passing
					}
					return unit.Done(), nil
				})
				tries := 0
				_, err := pool(t, nil).Run(t.Context(), []unit.Job{{Name: "a", Unit: u}}, unit.Policy{Failing: func(n string, since time.Time, err error) {
					if tries++; n != "a" || !since.Equal(begun) || err == nil {
						t.Errorf("%s has failed since %s: %v", n, since, err)
					}
				}})
				if err != nil || len(told) != tries+1 || told[0] || !told[len(told)-1] || tries > 10 {
					t.Errorf("told %v, %d tries failed, %v", told, tries, err)
				}
			})
		})
	}
}

func TestPool_gives_up_what_does_not_pass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		u := unit.Func("test.down", func(context.Context, *int) (unit.Next, error) {
			return unit.Next{}, fault.New(fault.Throttled, "", "down")
		})
		_, err := pool(t, nil).Run(t.Context(), []unit.Job{{Name: "a", Unit: u}}, unit.Policy{})
		if took := time.Since(begun); fault.KindOf(err) != fault.Throttled || took < 55*time.Minute || took > time.Hour {
			t.Errorf("gave up after %s: %v", took, err)
		}
	})
}

func TestPool_looks_before_anything_moves_and_at_least_as_often_as_told(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard()
		var at []time.Duration
		begun := time.Now()
		_, err := pool(t, nil).Run(t.Context(), y.jobs(1, 2, 10), unit.Policy{Together: 2, Every: 20 * time.Second,
			Watch: func(context.Context) (bool, error) {
				at = append(at, time.Since(begun))
				if len(at) == 1 && len(y.begun) > 0 {
					t.Error("something had moved")
				}
				return false, nil
			}})
		if err != nil || len(at) < 30 {
			t.Fatalf("looked at %v, %v", at, err)
		}
		for n := 1; n < len(at); n++ {
			if at[n]-at[n-1] > 30*time.Second {
				t.Errorf("not looked between %s and %s", at[n-1], at[n])
			}
		}
	})
}

func TestPool_parks_a_unit_until_the_watch_wakes_it(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paused := true
		begun := time.Now()
		u := unit.Func("test.held", func(_ context.Context, s *int) (unit.Next, error) {
			if paused {
				return unit.Next{Approval: "the andon"}, nil
			}
			*s = 1
			return unit.Done(), nil
		})
		p := pool(t, nil)
		o := unit.Policy{Every: 20 * time.Second, Answers: func(a string) bool { return a == "the andon" },
			Watch: func(context.Context) (bool, error) {
				was := paused
				paused = time.Since(begun) < time.Hour
				return was != paused, nil
			}}
		p.MaxWait = 10 * time.Minute
		_, err := p.Run(t.Context(), []unit.Job{{Name: "a", Unit: u}}, o)
		if took := time.Since(begun); fault.KindOf(err) != fault.Waiting || took > 10*time.Minute {
			t.Fatalf("waited %s: %v", took, err)
		}
		p.MaxWait = 0
		got, err := p.Run(t.Context(), []unit.Job{{Name: "a", Unit: u}}, o)
		if err != nil || string(got["a"]) != "1" || time.Since(begun) > time.Hour+time.Minute {
			t.Errorf("%s after %s, %v", got["a"], time.Since(begun), err)
		}
		records, err := p.Journal.Records(t.Context(), "a")
		if err != nil || len(records) > 5 {
			t.Errorf("%d records of a wait, %v", len(records), err)
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

func TestPool_an_error_of_the_watch_ends_the_wait_at_once(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard()
		stop := errors.New("cancelled")
		begun := time.Now()
		_, err := pool(t, nil).Run(t.Context(), y.jobs(1, 1, 60), unit.Policy{Every: 20 * time.Second, Watch: func(context.Context) (bool, error) {
			if time.Since(begun) > 2*time.Minute {
				return false, stop
			}
			return false, nil
		}})
		if !errors.Is(err, stop) || time.Since(begun) > 3*time.Minute {
			t.Errorf("%v after %s", err, time.Since(begun))
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

func TestPool_interrupted_leaves_every_unit_where_it_was(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard()
		store := journal.NewFolder(t.TempDir())
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(90*time.Second, cancel)
		if _, err := pool(t, store).Run(ctx, y.jobs(2, 3, 4), unit.Policy{Together: 6}); !errors.Is(err, context.Canceled) || fault.KindOf(err) != fault.Interrupted {
			t.Fatalf("got %v", err)
		}
		if _, err := pool(t, store).Run(t.Context(), y.jobs(2, 3, 4), unit.Policy{Together: 6}); err != nil {
			t.Fatal(err)
		}
		for name, n := range y.starts {
			if n != 1 {
				t.Errorf("%s was begun %d times", name, n)
			}
		}
	})
}

// locked is a store whose nth Create ends the process, whoever makes it.
type locked struct {
	mu sync.Mutex
	crashing
}

func (l *locked) Create(ctx context.Context, key string, body []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.crashing.Create(ctx, key, body)
}

func TestPool_crashed_at_every_record_boundary_ends_the_same(t *testing.T) {
	for _, after := range []bool{false, true} {
		boundaries := 0
		for at := 1; ; at++ {
			crashed := false
			synctest.Test(t, func(t *testing.T) {
				made := map[string]int{}
				var mu sync.Mutex
				jobs := func() (out []unit.Job) {
					for _, n := range []string{"a", "b", "c"} {
						out = append(out, unit.Job{Name: n, Unit: unit.Func("test.builder", func(_ context.Context, s *builderState) (unit.Next, error) {
							mu.Lock()
							defer mu.Unlock()
							switch s.Step {
							case "":
								if made[n] == 0 { // probe first
									made[n]++
								}
								s.Step = "watch"
								return unit.Again(time.Minute), nil
							default:
								s.Step = "done"
								return unit.Done(), nil
							}
						})})
					}
					return out
				}
				store := journal.NewFolder(t.TempDir())
				_, err := pool(t, &locked{crashing: crashing{Store: store, at: at, after: after}}).Run(t.Context(), jobs(), unit.Policy{Together: 2})
				if crashed = errors.Is(err, errCrash); !crashed && err != nil {
					t.Fatal(err)
				}
				got, err := pool(t, store).Run(t.Context(), jobs(), unit.Policy{Together: 2})
				if err != nil {
					t.Fatalf("resume after boundary %d: %v", at, err)
				}
				for _, n := range []string{"a", "b", "c"} {
					if !strings.Contains(string(got[n]), `"done"`) || made[n] != 1 {
						t.Errorf("boundary %d (after %v): %s %s, made %d times", at, after, n, got[n], made[n])
					}
				}
			})
			if !crashed {
				break
			}
			boundaries++
		}
		if boundaries != 12 {
			t.Errorf("crashed at %d boundaries, want 12", boundaries)
		}
	}
}

func TestPool_hears_of_units_that_ended_in_an_earlier_process(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard()
		store := journal.NewFolder(t.TempDir())
		if _, err := pool(t, store).Run(t.Context(), y.jobs(1, 2, 1), unit.Policy{}); err != nil {
			t.Fatal(err)
		}
		var heard []string
		_, err := pool(t, store).Run(t.Context(), y.jobs(1, 3, 1), unit.Policy{Ended: func(name string, _ json.RawMessage) error {
			heard = append(heard, name)
			return nil
		}})
		if err != nil || !slices.Equal(heard, []string{"roll/c0-0", "roll/c0-1", "roll/c0-2"}) || len(y.begun) != 3 {
			t.Errorf("heard of %v, began %v, %v", heard, y.begun, err)
		}
	})
}
