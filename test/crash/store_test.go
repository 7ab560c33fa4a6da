package crash

import (
	"context"

	"github.com/goldenami/rehydrate/internal/journal"
)

// crash is what a process that ends without warning panics with: nothing that stands
// behind it in the pipeline is done, as after kill -9.
type crash struct{}

// store is a journal's store whose at-th Create ends the process, before or after it
// has written.
type store struct {
	journal.Store
	at    int
	after bool
	n     int
	key   string // that was being written
}

func (s *store) Create(ctx context.Context, key string, body []byte) error {
	s.n++
	last := s.n == s.at
	if last {
		s.key = key
	}
	if last && !s.after {
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
