package engine

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/journal"
	"github.com/goldenami/rehydrate/internal/unit"
)

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
