package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"sync/atomic"

	"github.com/goldenami/rehydrate/internal/inventory/rootfs"
	"github.com/goldenami/rehydrate/internal/record"
)

// countedRoot counts the files that reading a folder opens, and their bytes.
type countedRoot struct {
	*rootfs.FS
	files, bytes atomic.Int64
}

// Open implements fs.FS.
func (c *countedRoot) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		c.files.Add(1)
		c.bytes.Add(info.Size())
	}
	return f, nil
}

func (c *countedRoot) cost(r *record.ReadCost) { r.Bytes = c.bytes.Load() }

// countedDisk counts the 512 KiB blocks that reading a disk image touches.
type countedDisk struct {
	disk io.ReaderAt
	size int64

	mu     sync.Mutex
	blocks map[int64]bool
	bytes  int64
}

const countedBlock = 512 << 10

// ReadAt implements io.ReaderAt.
func (c *countedDisk) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.disk.ReadAt(p, off)
	if n > 0 {
		c.mu.Lock()
		c.bytes += int64(n)
		for b := off / countedBlock; b <= (off+int64(n)-1)/countedBlock; b++ {
			c.blocks[b] = true
		}
		c.mu.Unlock()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("read disk image: %w", err)
	}
	return n, err
}

func (c *countedDisk) cost(r *record.ReadCost) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Bytes, r.Blocks, r.Total = c.bytes, len(c.blocks), int((c.size+countedBlock-1)/countedBlock)
}
