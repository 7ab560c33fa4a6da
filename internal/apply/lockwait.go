package apply

import (
	"context"
	"errors"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

// Waiting is how an adapter waits for its package manager's own lock.
type Waiting struct {
	Clock wait.Clock
	Limit time.Duration    // how long to wait in all
	What  string           // the lock's name for people, such as "apt's lock"
	Busy  func(error) bool // says that another process holds the lock
}

// Run runs c, again and again while another process holds the lock. After the limit
// it answers Conflict.
func (w Waiting) Run(ctx context.Context, r Runner, c Command) (out []byte, err error) {
	var last error
	perr := wait.Poll(ctx, w.Clock, w.What, 2*time.Second, w.Limit, func(ctx context.Context) (bool, error) {
		out, last = r.Run(ctx, c)
		return last == nil || !w.Busy(last), nil
	})
	if perr != nil && ctx.Err() == nil {
		return nil, fault.As(errors.Join(perr, last), fault.Conflict, "another package manager is at work on this node")
	}
	if perr != nil {
		return nil, perr
	}
	return out, last
}
