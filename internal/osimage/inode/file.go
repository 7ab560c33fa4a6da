package inode

import (
	"errors"
	"io"
	"io/fs"
	"time"
)

// info describes a file; Sys returns its *Attributes.
type info struct {
	name string
	a    Attributes
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.a.Size }
func (i info) Mode() fs.FileMode  { return i.a.Mode }
func (i info) ModTime() time.Time { return i.a.ModTime }
func (i info) IsDir() bool        { return i.a.Mode.IsDir() }
func (i info) Sys() any           { a := i.a; return &a }

// file is an open regular file.
type file struct {
	*io.SectionReader
	is   info
	name string
}

func (f *file) Stat() (fs.FileInfo, error) { return f.is, nil }
func (f *file) Close() error               { return nil }

// dir is an open directory.
type dir struct {
	fs   *FS
	at   ref
	info info
	name string
	rest []fs.DirEntry
	read bool
}

func (d *dir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *dir) Close() error               { return nil }
func (d *dir) Read([]byte) (int, error) {
	return 0, wrap("read", d.name, errors.New("is a directory"))
}

// ReadDir lists the next n entries, or all for n <= 0.
func (d *dir) ReadDir(n int) ([]fs.DirEntry, error) {
	if !d.read {
		all, err := d.fs.entries(d.at)
		if err != nil {
			return nil, wrap("list", d.name, err)
		}
		d.rest, d.read = all, true
	}
	out := d.rest
	if n > 0 {
		if len(out) == 0 {
			return nil, io.EOF
		}
		out = out[:min(n, len(out))]
	}
	d.rest = d.rest[len(out):]
	return out, nil
}

// entry is a name in a directory; Info describes the file itself, not what a link
// points to, and needs no path.
type entry struct {
	Entry
	at     ref
	system uint64
}

func (e *entry) Name() string      { return e.Entry.Name }
func (e *entry) IsDir() bool       { return e.Entry.Type.IsDir() }
func (e *entry) Type() fs.FileMode { return e.Entry.Type }
func (e *entry) String() string    { return fs.FormatDirEntry(e) }

func (e *entry) Info() (fs.FileInfo, error) {
	a, err := e.at.store.Stat(e.at.ino)
	if err != nil {
		return nil, wrap("stat", e.Entry.Name, err)
	}
	if a.Mode.Type() != e.Entry.Type {
		return nil, wrap("stat", e.Entry.Name, Damaged("inode %d is not of the type that its directory says", e.at.ino))
	}
	a.System = e.system
	return info{e.Entry.Name, a}, nil
}
