package engine

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

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
