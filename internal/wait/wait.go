// Package wait is the only place that sleeps or polls. Time comes from a Clock:
// the wall's, or the twin's, which is asked over its admin endpoint.
package wait

import (
	"context"
	"fmt"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
)

// Clock tells the time and sleeps.
type Clock interface {
	Now() time.Time
	// Sleep returns at t, or with the context's error before.
	Sleep(ctx context.Context, until time.Time) error
}

// Wall is the machine's own clock.
type Wall struct{}

// Now is the time in UTC.
func (Wall) Now() time.Time { return time.Now().UTC() }

// Sleep waits on a timer.
func (Wall) Sleep(ctx context.Context, until time.Time) error {
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Poll calls ask every interval until it says done, errs, or limit has passed on
// the clock. what completes the sentence "timed out waiting for ...".
func Poll(ctx context.Context, c Clock, what string, every, limit time.Duration, ask func(context.Context) (done bool, err error)) error {
	deadline := c.Now().Add(limit)
	for {
		done, err := ask(ctx)
		if done || err != nil {
			return err
		}
		next := c.Now().Add(every)
		if next.After(deadline) {
			return fault.New(fault.Failed, "", "timed out after %s waiting for %s", limit, what)
		}
		if err := c.Sleep(ctx, next); err != nil {
			return fmt.Errorf("wait for %s: %w", what, err)
		}
	}
}
