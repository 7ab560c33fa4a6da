package world

import (
	"context"
	"sync"
	"time"
)

// work counts what transactions have begun with Go and what has not ended yet.
type work struct {
	mu   sync.Mutex
	n    int
	none chan struct{} // closed when n falls to 0
}

func (k *work) begin() (end func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.n++; k.n == 1 {
		k.none = make(chan struct{})
	}
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.n--; k.n == 0 {
			close(k.none)
		}
	}
}

// wait returns when nothing is under way, or ctx ends.
func (k *work) wait(ctx context.Context) {
	k.mu.Lock()
	none, busy := k.none, k.n > 0
	k.mu.Unlock()
	if busy {
		select {
		case <-none:
		case <-ctx.Done():
		}
	}
}

// StepSettled is StepTo for who cannot see what goes on: before every timer it lets the
// work end that transactions have begun with Go, so that a command that an agent has
// taken is not overtaken by its own timeout. Work that is still under way when ctx ends
// is not waited for any more; time goes to t all the same. Not to be called from within
// such work.
func (c *Clock) StepSettled(ctx context.Context, t time.Time) {
	for more := true; more; more = c.step(t) {
		c.w.work.wait(ctx)
	}
	c.poke()
}
