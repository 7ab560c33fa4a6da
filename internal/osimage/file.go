package osimage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/diskfs/go-diskfs/backend"
	"github.com/diskfs/go-diskfs/filesystem/ext4"
)

// file offers an io.ReaderAt to the disk library, which wants a file.
type file struct {
	*io.SectionReader
}

func newFile(r io.ReaderAt, size int64) backend.Storage {
	return file{io.NewSectionReader(r, 0, size)}
}

func (f file) Close() error               { return nil }
func (f file) Stat() (fs.FileInfo, error) { return info{f.Size()}, nil }
func (f file) Sys() (*os.File, error)     { return nil, backend.ErrNotSuitable }
func (f file) Path() string               { return "" }
func (f file) Writable() (backend.WritableFile, error) {
	return nil, backend.ErrIncorrectOpenMode
}

type info struct{ size int64 }

func (i info) Name() string       { return "disk" }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return 0o400 }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return false }
func (i info) Sys() any           { return nil }

// guarded is an ext4 reader made safe: paths are resolved here, with a bound on
// symbolic links and none leading outside; a panic on a damaged image becomes an
// error; the library's texts for a missing file become fs.ErrNotExist, unless the
// disk could not be read, which must never look like a missing file.
type guarded struct {
	fs   *ext4.FileSystem
	disk *watched
}

const maxLinks = 40 // as Linux has it

// resolve follows every symbolic link of name; the last one only if follow is set.
func (g guarded) resolve(name string, follow bool) (string, error) {
	if !fs.ValidPath(name) {
		return "", fs.ErrInvalid
	}
	rest, done := strings.Split(name, "/"), ""
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if done = path.Dir(done); done == "." {
				done = "" // the root's parent is the root
			}
			continue
		}
		here := path.Join(done, part)
		if len(rest) > 0 || follow {
			if target, err := g.fs.ReadLink(here); err == nil {
				if links++; links > maxLinks {
					return "", errors.New("too many symbolic links")
				}
				if strings.HasPrefix(target, "/") {
					done = ""
				}
				rest = append(strings.Split(target, "/"), rest...)
				continue
			}
		}
		done = here
	}
	if done == "" {
		done = "."
	}
	return done, nil
}

func (g guarded) Open(name string) (f fs.File, err error) {
	defer func() { err = g.caught(recover(), "open", name, err) }()
	p, err := g.resolve(name, true)
	if err != nil {
		return nil, err
	}
	return g.fs.Open(p)
}

// maxFile bounds a file read whole; package databases are far smaller.
const maxFile = 1 << 30

func (g guarded) ReadFile(name string) (b []byte, err error) {
	defer func() { err = g.caught(recover(), "read", name, err) }()
	f, err := g.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err = io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = errors.New("file is larger than 1 GiB")
	}
	return b, err
}

func (g guarded) Stat(name string) (i fs.FileInfo, err error) {
	defer func() { err = g.caught(recover(), "stat", name, err) }()
	p, err := g.resolve(name, true)
	if err != nil {
		return nil, err
	}
	return g.fs.Stat(p)
}

func (g guarded) ReadDir(name string) (d []fs.DirEntry, err error) {
	defer func() { err = g.caught(recover(), "list", name, err) }()
	p, err := g.resolve(name, true)
	if err != nil {
		return nil, err
	}
	if d, err = g.fs.ReadDir(p); err == nil {
		slices.SortFunc(d, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
	return d, err
}

func (g guarded) caught(p any, op, name string, err error) error {
	switch {
	case p != nil:
		err = fmt.Errorf("damaged file system: %v", p)
	case err == nil || errors.As(err, new(*fs.PathError)):
		return err
	case g.disk.err != nil:
		err = g.disk.err
	case strings.Contains(err.Error(), "not exist") || strings.Contains(err.Error(), "not found") || strings.Contains(err.Error(), "could not read directory entries"):
		err = fs.ErrNotExist
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// watched remembers the first failure to read the disk.
type watched struct {
	r   io.ReaderAt
	err error
}

func (w *watched) ReadAt(p []byte, off int64) (int, error) {
	n, err := w.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) && w.err == nil {
		w.err = err
	}
	return n, err
}
