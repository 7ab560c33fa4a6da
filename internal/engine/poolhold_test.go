package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goldenami/rehydrate/internal/unit"
	"github.com/goldenami/rehydrate/internal/wait"
)

// going is a clock that goes on between two looks at it, as all but a test's do.
type going struct {
	wait.Wall
	looks  time.Duration
	sleeps int
}

func (c *going) Now() time.Time {
	c.looks++
	return time.Now().Add(c.looks * time.Microsecond)
}

func (c *going) Sleep(ctx context.Context, until time.Time) error {
	if c.sleeps++; c.sleeps > 1000 {
		return errors.New("it does not sleep, it spins")
	}
	return c.Wall.Sleep(ctx, until)
}

func TestPool_that_is_held_while_its_window_is_open_sleeps_from_look_to_look(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard()
		var open atomic.Bool
		begun := time.Now()
		c := &going{}
		p := pool(t, nil)
		p.Clock = c
		_, err := p.Run(t.Context(), y.jobs(1, 2, 2), unit.Policy{Every: 20 * time.Second,
			Leave: func() unit.Leave {
				if open.Load() {
					return unit.Go
				}
				return unit.Hold
			},
			Until: func() time.Time { return c.Now() }, // the window is open
			Watch: func(context.Context) (bool, error) {
				if time.Since(begun) >= time.Hour {
					open.Store(true)
				}
				return false, nil
			}})
		if err != nil || len(y.ended) != 2 || c.sleeps > 250 {
			t.Errorf("%d sleeps, ended %v, %v", c.sleeps, y.ended, err)
		}
	})
}
