package usage

import (
	"context"
	"time"

	"github.com/goldenami/rehydrate/internal/wait"
)

// FreshFor is how old a look at the world may be for something to be taken away on it.
const FreshFor = 30 * time.Second

// Fresh is a look at the world that is taken again when it is too old to act on.
type Fresh[L any] struct {
	Clock wait.Clock
	Look  func(ctx context.Context) (L, error)

	last  L
	since time.Time // when the last look began; zero: there was none
}

// Get is a look that began at most FreshFor ago, or a new one. After an error the next
// call looks again.
func (f *Fresh[L]) Get(ctx context.Context) (L, error) {
	if now := f.Clock.Now(); f.since.IsZero() || now.Sub(f.since) > FreshFor {
		l, err := f.Look(ctx)
		if err != nil {
			var none L
			return none, err
		}
		f.last, f.since = l, now
	}
	return f.last, nil
}
