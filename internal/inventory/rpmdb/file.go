package rpmdb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

const (
	// chunk is how much is read at a time: databases are read nearly whole and nearly
	// in order, and a disk image is fetched in blocks of this order of size.
	chunk = 256 << 10
	// kept is how many chunks are held; chains of pages jump between few places.
	kept = 16
	// maxWhole bounds a file that has to be held in memory, because it can only be
	// read from its beginning.
	maxWhole = 128 << 20
)

// file is an open database file, read by position through a small cache.
type file struct {
	name    string
	size    int64
	info    fs.FileInfo
	r       io.ReaderAt
	closer  io.Closer
	scratch []byte
	slots   []slot
	last    int // slot used last
	next    int // slot replaced next
}

type slot struct {
	start int64
	data  []byte
}

// open opens the file called name.
func open(root fs.FS, name string) (*file, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	var r io.ReaderAt
	if err == nil {
		r, err = positional(f, name, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &file{name: name, size: info.Size(), info: info, r: r, closer: f}, nil
}

// positional makes f readable by position.
func positional(f fs.File, name string, size int64) (io.ReaderAt, error) {
	switch f := f.(type) {
	case io.ReaderAt:
		return f, nil
	case io.ReadSeeker:
		return seeker{f}, nil
	}
	if size > maxWhole {
		return nil, fmt.Errorf("%s cannot be read by position and is larger than %d MiB", name, maxWhole>>20)
	}
	whole, err := io.ReadAll(io.LimitReader(f, size))
	return held(whole), err
}

// seeker reads by position where seeking is all there is; one reader at a time.
type seeker struct{ io.ReadSeeker }

func (s seeker) ReadAt(p []byte, off int64) (int, error) {
	if _, err := s.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	return io.ReadFull(s, p)
}

// held is a file in memory.
type held []byte

func (h held) ReadAt(p []byte, off int64) (int, error) {
	if off >= int64(len(h)) {
		return 0, io.EOF
	}
	n := copy(p, h[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) close() {
	if f != nil {
		f.closer.Close()
	}
}

// at returns n bytes at off, fewer only if the file ends. They are valid until the
// next call and must not be changed.
func (f *file) at(off int64, n int) ([]byte, error) {
	if off < 0 || off >= f.size || n <= 0 {
		return nil, nil
	}
	n = int(min(int64(n), f.size-off))
	start := off &^ (chunk - 1)
	if off+int64(n) <= start+chunk {
		s, err := f.slot(start)
		if err != nil {
			return nil, err
		}
		from := min(int(off-start), len(s))
		return s[from:min(from+n, len(s))], nil
	}
	var out []byte
	for len(out) < n { // across chunks
		more, err := f.at(off+int64(len(out)), min(n-len(out), int(chunk-(off+int64(len(out)))%chunk)))
		if err != nil {
			return nil, err
		}
		if len(more) == 0 {
			break
		}
		out = append(out, more...)
	}
	return out, nil
}

// direct reads n bytes at off past the cache, for what lies scattered: fewer only if
// the file ends. They are valid until the next call of direct.
func (f *file) direct(off int64, n int) ([]byte, error) {
	if cap(f.scratch) < n {
		f.scratch = make([]byte, n)
	}
	b := f.scratch[:n]
	n, err := f.r.ReadAt(b, off)
	if n == len(b) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return b[:n], nil
	}
	return nil, fmt.Errorf("read %s: %w", f.name, err)
}

// slot returns the chunk that starts at start.
func (f *file) slot(start int64) ([]byte, error) {
	if f.last < len(f.slots) && f.slots[f.last].start == start {
		return f.slots[f.last].data, nil
	}
	for i := range f.slots {
		if f.slots[i].start == start {
			f.last = i
			return f.slots[i].data, nil
		}
	}
	if len(f.slots) < kept {
		f.last = len(f.slots)
		f.slots = append(f.slots, slot{data: make([]byte, min(chunk, f.size-start), chunk)})
	} else {
		f.last, f.next = f.next, (f.next+1)%kept
	}
	s := &f.slots[f.last]
	s.start, s.data = -1, s.data[:min(chunk, f.size-start)]
	n, err := f.r.ReadAt(s.data, start)
	if n == len(s.data) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.start, s.data = start, s.data[:n] // short: the file shrank, or its stat lies
		return s.data, nil
	}
	return nil, fmt.Errorf("read %s: %w", f.name, err)
}
