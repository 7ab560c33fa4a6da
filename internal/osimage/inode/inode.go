// Package inode turns what a file system format knows, inodes by number, into an
// fs.FS in which symbolic links mean what they mean to the system that lives there.
// Formats implement Store; paths, links, caches and bounds are here, once.
package inode

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// ErrDirty says that a file system was not cleanly unmounted; what its files hold
// is unknown.
var ErrDirty = errors.New("file system was not cleanly unmounted")

// ErrDamaged says that a file system contradicts itself; what its files hold is
// unknown.
var ErrDamaged = errors.New("damaged file system")

// Damaged is an ErrDamaged with what was found.
func Damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Dirty is an ErrDirty with the reason.
func Dirty(reason string) error { return fmt.Errorf("%w: %s", ErrDirty, reason) }

// UnsupportedError names what stands on the disk and cannot be read here.
type UnsupportedError struct{ What string }

func (e *UnsupportedError) Error() string { return e.What + " is not supported" }

// Attributes are what an inode says of a file; fs.FileInfo.Sys returns them.
type Attributes struct {
	Mode    fs.FileMode // type, permissions, setuid, setgid and sticky
	UID     uint32
	GID     uint32
	Size    int64 // bytes; of a symbolic link, its target's length
	ModTime time.Time
	Inode   uint64
	Links   uint32
	// System numbers the file systems that a tree is made of: inodes of two of them
	// are two files, whatever their numbers.
	System uint64
}

// Owner is who owns the file.
func (a *Attributes) Owner() (uid, gid uint32) { return a.UID, a.GID }

// Identity tells two names of one file from two files, and how many names it has.
func (a *Attributes) Identity() (system, inode uint64, links uint32) {
	return a.System, a.Inode, a.Links
}

// Entry is a name in a directory.
type Entry struct {
	Name  string
	Inode uint64
	// Type is the file's type. Some old formats do not keep it beside the name:
	// then Known is false.
	Type  fs.FileMode
	Known bool
}

// Directory is what a directory holds, without "." and "..".
type Directory struct {
	Entries []Entry
	Parent  uint64 // what ".." says
}

// Store reads inodes by number. What contradicts itself is an ErrDamaged, what the
// format may hold but the reader does not know an UnsupportedError. Stores are told
// apart by ==, so a Store is a pointer.
type Store interface {
	// Root is the root directory's number.
	Root() uint64
	// Stat reads an inode.
	Stat(ino uint64) (Attributes, error)
	// List reads a directory whole.
	List(ino uint64) (Directory, error)
	// Link reads a symbolic link's target.
	Link(ino uint64) (string, error)
	// Open gives the bytes of a regular file; holes read as zeros.
	Open(ino uint64) (io.ReaderAt, error)
}

// Bounds on what one directory may hold, so that a lying one stays cheap. A real
// directory of a million names has some 64 MiB.
const (
	MaxDirectory = 128 << 20 // bytes
	MaxEntries   = 2 << 20
	MaxLink      = 4096 // bytes of a symbolic link's target, as in Linux
)
