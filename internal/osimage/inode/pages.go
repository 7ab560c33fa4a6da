package inode

import (
	"errors"
	"io"
	"sync"
)

// pageSize divides the 512 KiB blocks of an EBS snapshot, so that reading a page
// whole never touches a block that its bytes would not have touched.
const (
	pageSize = 16 << 10
	maxPages = 1024 // 16 MiB
)

// Pages remembers the pieces of a disk that were read last: file systems read the
// same few pages of inodes again and again, a few bytes at a time.
type Pages struct {
	disk io.ReaderAt
	size int64

	mu    sync.Mutex
	pages map[int64]*page
	clock int64
}

type page struct {
	b    []byte
	used int64
}

// NewPages caches a disk of size bytes.
func NewPages(disk io.ReaderAt, size int64) *Pages {
	return &Pages{disk: disk, size: size, pages: map[int64]*page{}}
}

// ReadAt reads through the cache; long reads go to the disk itself.
func (c *Pages) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= c.size {
		return 0, io.EOF
	}
	if len(p) > 4*pageSize {
		return c.disk.ReadAt(p, off)
	}
	n := 0
	for n < len(p) {
		at := off + int64(n)
		if at >= c.size {
			return n, io.EOF
		}
		b, err := c.page(at / pageSize)
		if err != nil {
			return n, err
		}
		in := at % pageSize
		if in >= int64(len(b)) {
			return n, io.EOF
		}
		n += copy(p[n:], b[in:])
	}
	return n, nil
}

func (c *Pages) page(index int64) ([]byte, error) {
	c.mu.Lock()
	c.clock++
	if p := c.pages[index]; p != nil {
		p.used = c.clock
		c.mu.Unlock()
		return p.b, nil
	}
	c.mu.Unlock()
	b := make([]byte, min(pageSize, c.size-index*pageSize))
	n, err := c.disk.ReadAt(b, index*pageSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pages) >= maxPages {
		c.evict()
	}
	c.pages[index] = &page{b[:n], c.clock}
	return b[:n], nil
}

// evict drops the half that was not used for longest.
func (c *Pages) evict() {
	var oldest, newest int64 = c.clock, 0
	for _, p := range c.pages {
		oldest, newest = min(oldest, p.used), max(newest, p.used)
	}
	middle := oldest + (newest-oldest)/2
	for i, p := range c.pages {
		if p.used <= middle {
			delete(c.pages, i)
		}
	}
}
