package groups

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goldenami/rehydrate/rollout"
)

const (
	// gather is how long the first of several questions waits for another one. They are
	// asked by goroutines of one tick, so they come at once; but on a busy machine one by
	// one, and then they are waited for up to gatherMost.
	gather     = 20 * time.Millisecond
	gatherMost = 200 * time.Millisecond
	// behind is how long, more than that, they wait for the call before: what is asked
	// for while AWS, or this machine, is slow goes into one call.
	behind = 2 * time.Second
	// groupPage is how many groups DescribeAutoScalingGroups tells of in one page
	// (MaxRecords), instancePages the instance ids that are asked for together: some
	// pages of the 200 values that a filter takes.
	groupPage     = 100
	instancePages = 1000
)

// Batched puts the reads of single groups, and of instances, that are asked for at the
// same time into few calls. Safe for concurrent use; nothing is kept: who asks after an
// answer has been asked for gets a new one.
func Batched(p rollout.Ports) rollout.Ports {
	groups, instances := p.Groups, p.Instances
	p.Groups = batchedGroups{groups, &loader[rollout.Group]{most: groupPage, load: func(ctx context.Context, names []string) (map[string]rollout.Group, error) {
		list, err := groups.Find(ctx, names, nil)
		out := make(map[string]rollout.Group, len(list))
		for _, g := range list {
			out[g.Name] = g
		}
		return out, err
	}}}
	p.Instances = batchedInstances{&loader[rollout.Instance]{most: instancePages, load: func(ctx context.Context, ids []string) (map[string]rollout.Instance, error) {
		list, err := instances.Describe(ctx, ids)
		out := make(map[string]rollout.Instance, len(list))
		for _, i := range list {
			out[i.ID] = i
		}
		return out, err
	}}}
	if use, ok := instances.(rollout.ImageUse); ok { // which spares a plan all the rest
		p.Instances = usedInstances{p.Instances, use}
	}
	return p
}

type usedInstances struct {
	rollout.Instances
	rollout.ImageUse
}

type batchedGroups struct {
	rollout.Groups
	one *loader[rollout.Group]
}

// Find implements rollout.Groups. Only a question for one group by name waits for others.
func (b batchedGroups) Find(ctx context.Context, names []string, tags map[string]string) ([]rollout.Group, error) {
	if len(names) != 1 {
		return b.Groups.Find(ctx, names, tags)
	}
	found, err := b.one.get(ctx, names)
	if err != nil {
		return nil, err
	}
	if g, ok := found[names[0]]; ok {
		return []rollout.Group{g}, nil
	}
	return nil, nil
}

type batchedInstances struct{ many *loader[rollout.Instance] }

// Describe implements rollout.Instances.
func (b batchedInstances) Describe(ctx context.Context, ids []string) ([]rollout.Instance, error) {
	found, err := b.many.get(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]rollout.Instance, 0, len(ids))
	for _, id := range ids {
		if i, ok := found[id]; ok {
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b rollout.Instance) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// loader gathers keys that are asked for at the same time.
type loader[V any] struct {
	most int
	load func(context.Context, []string) (map[string]V, error)

	mu   sync.Mutex
	open *round[V] // still takes keys; nil: none
	last *round[V] // the latest that was called; nil: none
}

// round is one call.
type round[V any] struct {
	begun time.Time
	keys  []string
	seen  map[string]bool
	done  chan struct{}
	found map[string]V
	err   error
}

func (l *loader[V]) get(ctx context.Context, keys []string) (map[string]V, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	l.mu.Lock()
	r := l.open
	first := r == nil
	if first {
		r = &round[V]{begun: time.Now(), seen: map[string]bool{}, done: make(chan struct{})}
		l.open = r
	}
	for _, k := range keys {
		if !r.seen[k] {
			r.seen[k] = true
			r.keys = append(r.keys, k)
		}
	}
	full := len(r.keys) >= l.most
	if full {
		l.open = nil // whoever filled it makes the call
	}
	l.mu.Unlock()
	if full || first && l.wait(ctx, r) {
		l.call(ctx, r)
	}
	select {
	case <-r.done:
		return r.found, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// wait is for the others. False says that the round has filled up meanwhile.
func (l *loader[V]) wait(ctx context.Context, r *round[V]) bool {
	t := time.NewTimer(gather)
	defer t.Stop()
	for have, more := 0, l.keys(r); more > have; have, more = more, l.keys(r) {
		t.Reset(gather)
		select {
		case <-t.C:
		case <-r.done:
		case <-ctx.Done():
		}
		if time.Since(r.begun) >= gatherMost || ctx.Err() != nil {
			break
		}
	}
	if before := l.before(); before != nil {
		t.Reset(behind)
		select {
		case <-before.done:
		case <-r.done:
		case <-t.C:
		case <-ctx.Done():
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open != r {
		return false
	}
	l.open = nil
	return true
}

func (l *loader[V]) keys(r *round[V]) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(r.keys)
}

func (l *loader[V]) before() *round[V] {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

func (l *loader[V]) call(ctx context.Context, r *round[V]) {
	l.mu.Lock()
	l.last = r
	l.mu.Unlock()
	defer close(r.done)
	r.found, r.err = l.load(ctx, r.keys)
}
