package ebs

import (
	"errors"
	"fmt"
	"os"
)

// cell is one block that is here or on its way.
type cell struct {
	done  chan struct{} // closed when data or err is set
	data  []byte        // nil: the block holds no data
	err   error
	used  int64 // when it was asked for, by the disk's clock
	ahead bool  // it was fetched before it was asked for
	asked bool
}

// start gives the cell of a block that is here or on its way; it sees to it that it
// is.
func (d *Disk) start(index int64) *cell {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clock++
	if c := d.cells[index]; c != nil {
		c.used, c.asked = d.clock, true
		return c
	}
	return d.add(index, false, func() ([]byte, error) { return d.fetch(index) })
}

// prefetch does the same for a block that nobody has asked for: only if it is known
// to hold data, and if a call is free.
func (d *Disk) prefetch(index int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	token := d.list.ready(index)
	if token == "" || d.cells[index] != nil || d.closed {
		return
	}
	select {
	case d.slots <- struct{}{}:
	default:
		return
	}
	d.stats.Ahead++
	d.add(index, true, func() ([]byte, error) {
		defer d.release()
		return d.get(index, token)
	})
}

// add begins to fetch a block; the lock is held.
func (d *Disk) add(index int64, ahead bool, fetch func() ([]byte, error)) *cell {
	d.evict()
	c := &cell{done: make(chan struct{}), used: d.clock, ahead: ahead, asked: !ahead}
	if d.closed {
		c.err = fmt.Errorf("read block %d of %s: %w", index, d.snapshot, os.ErrClosed)
		close(c.done)
		return c
	}
	d.cells[index] = c
	d.work.Go(func() {
		defer close(c.done)
		if c.data, c.err = fetch(); c.err == nil {
			return
		}
		d.mu.Lock() // a later read may try again
		defer d.mu.Unlock()
		if d.cells[index] == c {
			delete(d.cells, index)
		}
	})
	return c
}

// evict drops the block that was not used for longest, if there are too many. One
// that is on its way stays: somebody waits for it.
func (d *Disk) evict() {
	if len(d.cells) < d.keep {
		return
	}
	oldest, at := d.clock+1, int64(-1)
	for i, c := range d.cells {
		select {
		case <-c.done:
			if c.used < oldest {
				oldest, at = c.used, i
			}
		default:
		}
	}
	if c := d.cells[at]; c != nil {
		if c.ahead && !c.asked {
			d.stats.Wasted++
		}
		delete(d.cells, at)
	}
}

// wait gives a block's bytes, nil for zeros. Where reading ahead has failed, it is
// asked for as if it had not been.
func (d *Disk) wait(c *cell, index int64) ([]byte, error) {
	for tries := 0; ; tries++ {
		select {
		case <-c.done:
		case <-d.ctx.Done():
		}
		if err := d.ended(); err != nil { // also where the block is here: both may be so
			return nil, fmt.Errorf("read block %d of %s: %w", index, d.snapshot, err)
		}
		if c.err == nil || !c.ahead || tries > 0 {
			return c.data, c.err
		}
		c = d.start(index)
	}
}

// ended says why nothing is read any more, nil while it is.
func (d *Disk) ended() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return os.ErrClosed
	}
	return d.ctx.Err()
}

// fetch reads one block through the API, with a new token if the first is refused.
func (d *Disk) fetch(index int64) ([]byte, error) {
	for tries := 0; ; tries++ {
		token, err := d.list.token(index)
		if err != nil || token == "" {
			return nil, err
		}
		if err := d.acquire(); err != nil {
			return nil, err
		}
		b, err := d.get(index, token)
		d.release()
		if errors.Is(err, ErrToken) && tries == 0 {
			d.list.refused(token, index)
			continue
		}
		return b, err
	}
}

// get makes the call; a slot is held.
func (d *Disk) get(index int64, token string) ([]byte, error) {
	d.flying()
	b, err := d.api.Get(d.ctx, d.snapshot, index, token)
	if err != nil {
		return nil, fmt.Errorf("read block %d of %s: %w", index, d.snapshot, err)
	}
	if len(b) != d.list.block {
		return nil, fmt.Errorf("read block %d of %s: got %d bytes, want %d", index, d.snapshot, len(b), d.list.block)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stats.Fetched++
	return b, nil
}

func (d *Disk) flying() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stats.InFlight = max(d.stats.InFlight, len(d.slots))
}

func (d *Disk) acquire() error {
	select {
	case d.slots <- struct{}{}:
		return nil
	case <-d.ctx.Done():
		return d.ctx.Err()
	}
}

func (d *Disk) release() { <-d.slots }

// stream is a reader that went from block to block: next is the block that would
// follow, window how many are read ahead of it.
type stream struct {
	next   int64
	window int
	used   int64
}

// follow looks whether a read goes on where an earlier one ended, and says how many
// blocks to read ahead of it. One step from a block to the next proves little; from
// the second on the window doubles.
func (d *Disk) follow(first, last int64) (ahead int) {
	if d.ahead == 0 {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clock++
	s, oldest := (*stream)(nil), &d.streams[0]
	for i := range d.streams {
		x := &d.streams[i]
		if x.used > 0 && (x.next == first || x.next-1 == first) {
			s = x
		}
		if x.used < oldest.used {
			oldest = x
		}
	}
	switch {
	case s == nil:
		*oldest = stream{next: last + 1, used: d.clock}
	case last < s.next: // the same block again
		s.used = d.clock
	default:
		s.next, s.used = last+1, d.clock
		ahead = min(s.window, d.ahead)
		s.window = max(1, min(2*s.window, d.ahead))
	}
	return ahead
}
