package ebs

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// stride is how far apart lists begun in the middle of a snapshot may be: a page of
	// the API has up to 10,000 blocks, so one page covers it (ListSnapshotBlocks,
	// MaxResults).
	stride = 10_000
	// maxKept bounds the remembered tokens; a fully written disk of 500 GiB has fewer.
	maxKept = 1 << 20
	// maxVolume is the largest volume that there is, 64 TiB.
	maxVolume = 64 << 40
	// margin is how long before their end tokens are renewed.
	margin = time.Minute
)

// listing is what is known of a snapshot's block list. It is read from the front, in
// the background; a block further on that somebody needs is looked up at once.
type listing struct {
	d      *Disk
	block  int   // bytes of one
	volume int64 // bytes
	blocks int64 // that the volume has, data or not

	whole chan struct{} // closed when the list from the front has ended
	total int           // of blocks that hold data; set before whole is closed

	mu      sync.Mutex
	tokens  map[int64]string
	known   []span // where tokens says all there is
	expires time.Time
	asking  map[int64]chan struct{} // lists begun in the middle, by their first index
}

// span is a stretch of blocks, end excluded.
type span struct{ from, end int64 }

// newListing reads the first page, and the others in the background.
func newListing(d *Disk) (*listing, error) {
	l := &listing{d: d, whole: make(chan struct{}), tokens: map[int64]string{}, asking: map[int64]chan struct{}{}}
	c := &chain{l: l}
	if err := c.step(); err != nil {
		return nil, err
	}
	d.work.Go(func() {
		defer close(l.whole)
		for !c.ended() {
			if c.step() != nil {
				return // whoever needs a block from there asks, and is told
			}
		}
		l.total = c.count
	})
	return l, nil
}

// chain reads a list page by page.
type chain struct {
	l     *listing
	from  int64 // everything before it is known, from where the chain began
	next  string
	count int // blocks that hold data
	empty int // pages in a row without a block
}

// maxEmpty is how many pages without a block may follow one another.
const maxEmpty = 100

func (c *chain) ended() bool { return c.from >= c.l.blocks }

// step reads and remembers a page. If the page's token has expired it begins anew
// behind the last block.
func (c *chain) step() error {
	p, err := c.l.page(c.from, c.next)
	if c.next != "" && errors.Is(err, ErrToken) {
		p, err = c.l.page(c.from, "")
	}
	if err != nil {
		return err
	}
	if c.empty++; len(p.Blocks) > 0 {
		c.empty = 0
	}
	if c.empty > maxEmpty {
		return fmt.Errorf("list blocks of %s: %d pages in a row without a block", c.l.d.snapshot, c.empty)
	}
	c.count += len(p.Blocks)
	c.from, c.next = c.l.keep(p, c.from), p.Next
	return nil
}

// count is how many blocks hold data; 0 when the list could not be read to its end.
func (l *listing) count() int {
	<-l.whole // or the end of the context, which ends the list
	return l.total
}

// page asks for one page and checks it.
func (l *listing) page(from int64, next string) (Page, error) {
	if err := l.d.acquire(); err != nil {
		return Page{}, err
	}
	l.d.flying()
	p, err := l.d.api.Page(l.d.ctx, l.d.snapshot, from, next)
	l.d.release()
	l.d.mu.Lock()
	l.d.stats.Lists++
	l.d.mu.Unlock()
	if err == nil {
		err = l.check(p, from)
	}
	if err != nil {
		return Page{}, fmt.Errorf("list blocks of %s: %w", l.d.snapshot, err)
	}
	return p, nil
}

// check refuses a list that makes no disk, or not the disk that an earlier page
// described.
func (l *listing) check(p Page, from int64) error {
	switch {
	case p.BlockSize < 512 || p.BlockSize > 64<<20 || p.VolumeSize <= 0 || p.VolumeSize > maxVolume:
		return fmt.Errorf("block size %d and volume size %d make no disk", p.BlockSize, p.VolumeSize)
	case l.block == 0: // the first page
		l.block, l.volume = p.BlockSize, p.VolumeSize
		l.blocks = (p.VolumeSize + int64(p.BlockSize) - 1) / int64(p.BlockSize)
	case l.block != p.BlockSize || l.volume != p.VolumeSize:
		return fmt.Errorf("the volume has %d bytes in blocks of %d on one page, %d in blocks of %d on another", l.volume, l.block, p.VolumeSize, p.BlockSize)
	}
	seen := make(map[string]int64, len(p.Blocks))
	for _, b := range p.Blocks {
		switch other, twice := seen[b.Token]; {
		case b.Index < from:
			return fmt.Errorf("block %d comes where block %d or a later one should: it is there twice, or out of order", b.Index, from)
		case b.Index >= l.blocks:
			return fmt.Errorf("block %d lies outside the volume, which has %d", b.Index, l.blocks)
		case b.Token == "":
			return fmt.Errorf("block %d has no token", b.Index)
		case twice:
			return fmt.Errorf("blocks %d and %d have the same token", other, b.Index)
		}
		seen[b.Token], from = b.Index, b.Index+1
	}
	return nil
}

// keep remembers a page that was listed from an index on, and gives where it ends.
func (l *listing) keep(p Page, from int64) int64 {
	end := from
	if n := len(p.Blocks); n > 0 {
		end = p.Blocks[n-1].Index + 1
	}
	if p.Next == "" {
		end = l.blocks
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.tokens)+len(p.Blocks) > maxKept {
		clear(l.tokens)
		l.known = nil
	}
	for _, b := range p.Blocks {
		l.tokens[b.Index] = b.Token
	}
	// Tokens that live for less than the margin would be renewed for ever: they are
	// used until one is refused.
	if time.Until(p.Expires) > margin && (l.expires.IsZero() || p.Expires.Before(l.expires)) {
		l.expires = p.Expires
	}
	for i := range l.known {
		if k := &l.known[i]; from <= k.end && k.from <= end {
			k.from, k.end = min(k.from, from), max(k.end, end)
			return end
		}
	}
	l.known = append(l.known, span{from, end})
	return end
}

// ready is the token of a block that is known to hold data; "" otherwise.
func (l *listing) ready(index int64) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stale() {
		return ""
	}
	return l.tokens[index]
}

func (l *listing) stale() bool { return !l.expires.IsZero() && time.Until(l.expires) < margin }

func (l *listing) knows(index int64) bool {
	for _, k := range l.known {
		if k.from <= index && index < k.end {
			return true
		}
	}
	return false
}

// token is what it takes to read a block; "" when the block holds no data.
func (l *listing) token(index int64) (string, error) {
	for {
		l.mu.Lock()
		if l.stale() {
			l.forget()
		}
		if l.knows(index) {
			t := l.tokens[index]
			l.mu.Unlock()
			return t, nil
		}
		from := index / stride * stride
		wait, asked := l.asking[from]
		if !asked {
			wait = make(chan struct{})
			l.asking[from] = wait
		}
		l.mu.Unlock()
		if asked {
			select {
			case <-wait:
				continue
			case <-l.d.ctx.Done():
				return "", l.d.ctx.Err()
			}
		}
		err := l.look(from, index)
		l.mu.Lock()
		delete(l.asking, from)
		l.mu.Unlock()
		close(wait)
		if err != nil {
			return "", err
		}
	}
}

// look lists from an index on until another is known.
func (l *listing) look(from, index int64) error {
	for c := (&chain{l: l, from: from}); c.from <= index; {
		if err := c.step(); err != nil {
			return err
		}
	}
	return nil
}

// refused forgets all tokens because one of them was refused; not if it has been
// replaced already.
func (l *listing) refused(token string, index int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tokens[index] == token {
		l.forget()
	}
}

// forget drops every token; lists that are needed are asked for again.
func (l *listing) forget() {
	clear(l.tokens)
	l.known, l.expires = nil, time.Time{}
}
