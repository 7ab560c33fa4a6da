// Package ebs reads an EBS snapshot as a disk, block by block, through the EBS
// direct API: nothing is launched, attached or copied.
package ebs

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Blocks is what the EBS direct API offers of a snapshot.
type Blocks interface {
	// List names the blocks that hold data, and how the snapshot is laid out.
	List(ctx context.Context, snapshot string) (Listing, error)
	// Get reads one block whole; its checksum has been verified.
	Get(ctx context.Context, snapshot string, index int64, token string) ([]byte, error)
}

// Listing is a snapshot's block list.
type Listing struct {
	Tokens     map[int64]string // by block index; a block that is missing is all zeros
	BlockSize  int              // bytes, 524288
	VolumeSize int64            // bytes
	Expires    time.Time        // of the tokens
}

// Disk is a snapshot as an io.ReaderAt. Blocks are fetched once; neighbours of a
// missing block are fetched with it, a few at a time.
type Disk struct {
	ctx      context.Context
	api      Blocks
	snapshot string
	list     Listing
	ahead    int
	limit    int

	mu    sync.Mutex
	cache map[int64][]byte
	got   int
}

// Options bound what reading costs.
type Options struct {
	// Ahead is how many following blocks are fetched with a missing one; 0 is none.
	Ahead int
	// Limit is the most calls in flight; 0 is 8.
	Limit int
}

// Open lists the snapshot's blocks. The context is used for every later read.
func Open(ctx context.Context, api Blocks, snapshot string, o Options) (*Disk, error) {
	l, err := api.List(ctx, snapshot)
	if err != nil {
		return nil, fmt.Errorf("list blocks of %s: %w", snapshot, err)
	}
	if l.BlockSize < 512 || l.BlockSize > 64<<20 || l.VolumeSize <= 0 {
		return nil, fmt.Errorf("list blocks of %s: block size %d and volume size %d make no disk", snapshot, l.BlockSize, l.VolumeSize)
	}
	if o.Limit <= 0 {
		o.Limit = 8
	}
	return &Disk{ctx: ctx, api: api, snapshot: snapshot, list: l, ahead: o.Ahead, limit: o.Limit, cache: map[int64][]byte{}}, nil
}

// Size is the volume's size in bytes.
func (d *Disk) Size() int64 { return d.list.VolumeSize }

// Cost is how many blocks were fetched, of how many that hold data, and their bytes.
func (d *Disk) Cost() (fetched, total int, bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.got, len(d.list.Tokens), int64(d.got) * int64(d.list.BlockSize)
}

// ReadAt reads across blocks; a block without data reads as zeros.
func (d *Disk) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read %s: negative offset", d.snapshot)
	}
	if off >= d.list.VolumeSize {
		return 0, io.EOF
	}
	short := false
	if left := d.list.VolumeSize - off; int64(len(p)) > left {
		p, short = p[:left], true
	}
	size := int64(d.list.BlockSize)
	if err := d.load(off/size, (off+int64(len(p))-1)/size); err != nil {
		return 0, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for n := 0; n < len(p); {
		index, in := (off+int64(n))/size, (off+int64(n))%size
		part := p[n:min(len(p), n+int(size-in))]
		if b := d.cache[index]; b != nil {
			copy(part, b[in:])
		} else {
			clear(part)
		}
		n += len(part)
	}
	if short {
		return len(p), io.EOF
	}
	return len(p), nil
}

// load fetches the blocks from first to last that hold data and are not here yet.
func (d *Disk) load(first, last int64) error {
	d.mu.Lock()
	var want []int64
	for i := first; i <= last; i++ {
		if _, ok := d.list.Tokens[i]; ok && d.cache[i] == nil {
			want = append(want, i)
		}
	}
	if len(want) > 0 {
		for i := last + 1; i <= last+int64(d.ahead); i++ {
			if _, ok := d.list.Tokens[i]; ok && d.cache[i] == nil {
				want = append(want, i)
			}
		}
	}
	d.mu.Unlock()
	if len(want) == 0 {
		return nil
	}
	g, ctx := errgroup.WithContext(d.ctx)
	g.SetLimit(d.limit)
	for _, i := range slices.Compact(want) {
		g.Go(func() error { return d.fetch(ctx, i) })
	}
	return g.Wait()
}

func (d *Disk) fetch(ctx context.Context, index int64) error {
	if err := d.renew(ctx); err != nil {
		return err
	}
	d.mu.Lock()
	token := d.list.Tokens[index]
	d.mu.Unlock()
	b, err := d.api.Get(ctx, d.snapshot, index, token)
	if err != nil {
		return fmt.Errorf("read block %d of %s: %w", index, d.snapshot, err)
	}
	if len(b) != d.list.BlockSize {
		return fmt.Errorf("read block %d of %s: got %d bytes, want %d", index, d.snapshot, len(b), d.list.BlockSize)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cache[index] = b
	d.got++
	return nil
}

// renew lists the blocks again when the tokens are about to expire (they live for
// seven days; a read that outlives them should not fail).
func (d *Disk) renew(ctx context.Context) error {
	d.mu.Lock()
	fresh := d.list.Expires.IsZero() || time.Until(d.list.Expires) > time.Minute
	d.mu.Unlock()
	if fresh {
		return nil
	}
	l, err := d.api.List(ctx, d.snapshot)
	if err != nil {
		return fmt.Errorf("list blocks of %s again: %w", d.snapshot, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list.Tokens, d.list.Expires = l.Tokens, l.Expires
	return nil
}
