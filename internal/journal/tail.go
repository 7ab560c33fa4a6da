package journal

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// manyReads is how many units are read at a time.
const manyReads = 64

// Tail is the end of a unit's history that says where it stands: its last After record
// and what follows that, or everything when there is none. A Before is only ever followed
// by its After, so that these are one or two records however long the history is.
func (j *Journal) Tail(ctx context.Context, unit string) ([]Record, error) {
	keys, err := j.keys(ctx, unit)
	if err != nil {
		return nil, err
	}
	return j.tail(ctx, keys)
}

// Tails are the tails of those units of the run that are wanted, by name. The run is
// listed once.
func (j *Journal) Tails(ctx context.Context, wanted func(unit string) bool) (map[string][]Record, error) {
	prefix := "runs/" + j.run + "/"
	all, err := j.store.List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", j.run, err)
	}
	keys := map[string][]string{}
	for _, k := range all {
		if unit := path.Dir(strings.TrimPrefix(k, prefix)); keys[unit] != nil || wanted(unit) {
			keys[unit] = append(keys[unit], k)
		}
	}
	out := map[string][]Record{}
	var guard sync.Mutex
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(manyReads)
	for unit, k := range keys {
		work.Go(func() error {
			records, err := j.tail(ctx, k)
			guard.Lock()
			defer guard.Unlock()
			out[unit] = records
			return err
		})
	}
	return out, work.Wait()
}

// tail reads keys from their end.
func (j *Journal) tail(ctx context.Context, keys []string) ([]Record, error) {
	var out []Record
	for _, k := range slices.Backward(keys) {
		r, err := j.read(ctx, k)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
		if r.Phase == After {
			break
		}
	}
	slices.Reverse(out)
	return out, nil
}

// keys are those of a unit's records, in order.
func (j *Journal) keys(ctx context.Context, unit string) ([]string, error) {
	prefix := path.Join("runs", j.run, unit) + "/"
	keys, err := j.store.List(ctx, prefix)
	if err != nil {
		return nil, fmt.Errorf("read run %s: %w", j.run, err)
	}
	return slices.DeleteFunc(keys, func(k string) bool {
		return strings.Contains(strings.TrimPrefix(k, prefix), "/") // of a unit whose name begins with this one's
	}), nil
}
