// Package ebs reads an EBS snapshot as a disk, block by block, through the EBS
// direct API: nothing is launched, attached or copied.
//
// Only blocks that are asked for are fetched, each once while it is remembered; a
// reader that goes on from block to block is read ahead of, further the longer it
// does. Blocks that were never written are not in the snapshot and read as zeros.
package ebs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Blocks is what the EBS direct API offers of a snapshot.
type Blocks interface {
	// Page lists blocks that hold data, ascending, from index from on; with next, the
	// Next of an earlier page, it goes on from there and from does not count.
	Page(ctx context.Context, snapshot string, from int64, next string) (Page, error)
	// Get reads one block whole; its checksum has been verified.
	Get(ctx context.Context, snapshot string, index int64, token string) ([]byte, error)
}

// ErrToken is in the chain of an error of Page or Get when a token is no longer
// good; another listing gives new ones.
var ErrToken = errors.New("the token is not valid any more")

// Page is a part of a snapshot's list of blocks.
type Page struct {
	Blocks     []Block
	BlockSize  int       // bytes, 524288
	VolumeSize int64     // bytes
	Expires    time.Time // of the tokens; zero: not known
	Next       string    // empty: the list ends here
}

// Block is one block that holds data, and what it takes to read it.
type Block struct {
	Index int64
	Token string
}

// Options bound what reading costs; the zero value is meant for AWS.
type Options struct {
	// Ahead is how many blocks a sequential reader is read ahead of, at the most; 0 is
	// 8, below 0 none.
	Ahead int
	// Limit is the most calls in flight; 0 is 16. The default quota of
	// GetSnapshotBlock is 1,000 calls a second and account, of calls that take tens of
	// milliseconds.
	Limit int
	// Keep is how many blocks are remembered; 0 is 256, which is 128 MiB.
	Keep int
}

// Disk is a snapshot as an io.ReaderAt, for several goroutines at once.
type Disk struct {
	ctx      context.Context
	cancel   context.CancelFunc
	api      Blocks
	snapshot string
	list     *listing
	ahead    int
	limit    int
	keep     int
	slots    chan struct{} // calls in flight

	mu      sync.Mutex
	cells   map[int64]*cell
	clock   int64
	streams [4]stream
	stats   Stats
	closed  bool
	work    sync.WaitGroup // calls that nobody may be waiting for
}

// Stats are what reading cost until now.
type Stats struct {
	Fetched  int // GetSnapshotBlock calls that brought a block
	Lists    int // pages of the block list
	InFlight int // the most calls there were at one time
	Ahead    int // blocks that were read ahead
	Wasted   int // of them, those that nobody has asked for
}

// Open lists the snapshot's first blocks; the rest of the list follows while they
// are read. The context is used for every later read. Close ends what is under way.
func Open(ctx context.Context, api Blocks, snapshot string, o Options) (*Disk, error) {
	usual := func(n, v int) int {
		if n == 0 {
			return v
		}
		return max(n, 0)
	}
	d := &Disk{api: api, snapshot: snapshot, ahead: usual(o.Ahead, 8), limit: max(usual(o.Limit, 16), 1), keep: usual(o.Keep, 256), cells: map[int64]*cell{}}
	d.keep = max(d.keep, 2*d.limit, 2*d.ahead) // a block must outlive the wait for it
	d.slots = make(chan struct{}, d.limit)
	d.ctx, d.cancel = context.WithCancel(ctx)
	var err error
	if d.list, err = newListing(d); err != nil {
		d.cancel()
		return nil, err
	}
	if o.Ahead >= 0 {
		for i := range int64(head) {
			d.prefetch(i)
		}
	}
	return d, nil
}

// head is how many blocks are fetched at once from the front of the disk: partition
// table, superblock and the first inodes are asked for one after the other.
const head = 3

// Close ends calls that are under way, and waits for that. Costs can still be asked
// for.
func (d *Disk) Close() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.cancel()
	d.work.Wait()
	return nil
}

// Size is the volume's size in bytes.
func (d *Disk) Size() int64 { return d.list.volume }

// Cost is how many blocks were fetched, of how many that hold data, and their bytes.
// It waits for the end of the block list; total is 0 when that could not be had.
func (d *Disk) Cost() (fetched, total int, bytes int64) {
	total = d.list.count()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stats.Fetched, total, int64(d.stats.Fetched) * int64(d.list.block)
}

// Stats are what reading cost until now.
func (d *Disk) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats
	for _, c := range d.cells {
		if c.ahead && !c.asked {
			s.Wasted++
		}
	}
	return s
}

// ReadAt reads across blocks; a block without data reads as zeros.
func (d *Disk) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read %s: negative offset", d.snapshot)
	}
	if off >= d.list.volume {
		return 0, io.EOF
	}
	var end error
	if left := d.list.volume - off; int64(len(p)) > left {
		p, end = p[:left], io.EOF
	}
	if len(p) == 0 {
		return 0, end
	}
	size := int64(d.list.block)
	first, last := off/size, (off+int64(len(p))-1)/size
	var cells []*cell // from the block that is copied on
	asked := first
	ahead := d.follow(first, last)
	for n := 0; n < len(p); {
		index, in := (off+int64(n))/size, (off+int64(n))%size
		for ; asked <= last && asked < index+int64(d.limit); asked++ {
			cells = append(cells, d.start(asked))
		}
		for ; asked > last && ahead > 0; ahead-- {
			d.prefetch(asked)
			asked++
		}
		b, err := d.wait(cells[0], index)
		if err != nil {
			return n, err
		}
		cells = cells[1:]
		part := p[n:min(len(p), n+int(size-in))]
		if b == nil {
			clear(part)
		} else {
			copy(part, b[in:])
		}
		n += len(part)
	}
	return len(p), end
}
