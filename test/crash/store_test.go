package crash

import (
	"context"
	"sync"

	"github.com/goldenami/rehydrate/internal/engine"
	"github.com/goldenami/rehydrate/internal/journal"
)

// crash is what a process that ends without warning panics with: nothing that stands
// behind it in the pipeline is done, as after kill -9.
type crash struct{}

// crashed says whether a panic is one, also when it came from beside the run.
func crashed(p any) bool {
	if beside, ok := p.(*engine.Panic); ok {
		p = beside.Value
	}
	_, ok := p.(crash)
	return ok
}

// store is a journal's store whose at-th Create ends the process, before or after it
// has written. Nothing is written after that.
type store struct {
	journal.Store
	at    int
	after bool

	mu  sync.Mutex
	n   int
	key string // that was being written
}

func (s *store) Create(ctx context.Context, key string, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	last := s.n == s.at
	if last {
		s.key = key
	}
	if s.at > 0 && s.n > s.at || last && !s.after {
		panic(crash{})
	}
	if err := s.Store.Create(ctx, key, body); err != nil {
		return err
	}
	if last {
		panic(crash{})
	}
	return nil
}
