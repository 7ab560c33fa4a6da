package osimage

import (
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/diskfs/go-diskfs/backend"
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
