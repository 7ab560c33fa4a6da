package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

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
