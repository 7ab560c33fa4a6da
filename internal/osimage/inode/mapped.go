package inode

import (
	"io"
	"io/fs"
)

// Run is where a stretch of a file's blocks lies.
type Run struct {
	Start uint64 // the disk's block; without Data meaningless
	Count uint64 // blocks, at least 1
	Data  bool   // false: a hole, or space never written: zeros
}

// Mapped is a file whose blocks are scattered over a disk.
type Mapped struct {
	Disk   io.ReaderAt
	Size   int64  // of the file
	Block  int64  // bytes of a block
	Blocks uint64 // of the file system; no run may reach beyond
	// Find is the run that begins with a block of the file.
	Find func(block uint64) (Run, error)
}

// ReadAt reads the runs that the bytes lie in.
func (m Mapped) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	if off >= m.Size {
		return 0, io.EOF
	}
	var end error
	if int64(len(p)) > m.Size-off {
		p, end = p[:m.Size-off], io.EOF
	}
	for n := 0; n < len(p); {
		at := off + int64(n)
		r, err := m.Find(uint64(at / m.Block))
		if err != nil {
			return n, err
		}
		if r.Count == 0 || r.Data && (r.Start >= m.Blocks || r.Count > m.Blocks-r.Start) {
			return n, Damaged("blocks %d to %d of %d", r.Start, r.Start+r.Count, m.Blocks)
		}
		in := at % m.Block
		part := p[n:]
		if r.Count < uint64(len(part))/uint64(m.Block)+2 {
			part = part[:min(int64(len(part)), int64(r.Count)*m.Block-in)]
		}
		if !r.Data {
			clear(part)
		} else if got, err := m.Disk.ReadAt(part, int64(r.Start)*m.Block+in); got < len(part) {
			return n + got, unexpected(err)
		}
		n += len(part)
	}
	return len(p), end
}
