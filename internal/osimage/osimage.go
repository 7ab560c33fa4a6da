// Package osimage reads file systems out of disk images without booting them or
// mounting anything: partition tables (GPT, MBR) and ext4. It refuses what it
// cannot read truthfully: a dirty file system is an error of its own, because its
// files may be older than what the machine saw.
package osimage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/diskfs/go-diskfs/partition"

	"github.com/goldenami/rehydrate/internal/osimage/ext4"
	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

// ErrDirty says that a file system was not cleanly unmounted; what its files hold
// is unknown.
var ErrDirty = inode.ErrDirty

// ErrDamaged says that a file system contradicts itself; what its files hold is
// unknown.
var ErrDamaged = inode.ErrDamaged

// UnsupportedError names what stands on the disk and cannot be read here.
type UnsupportedError = inode.UnsupportedError

// Attributes are what a metadata walk wants of a file. Sys of every fs.FileInfo that
// a FileSystem gives returns *Attributes: of Stat, Lstat, and of Info of the entries
// that ReadDir lists, which costs no path look-up and describes a link as itself.
type Attributes = inode.Attributes

// FileSystem is a read-only file system, with the methods that io/fs asks for first.
// Links are followed inside the image only; Lstat and ReadLink do not follow the
// last one.
type FileSystem interface {
	fs.ReadFileFS
	fs.ReadDirFS
	fs.StatFS
	fs.ReadLinkFS
}

// Root is the root file system of an image.
type Root struct {
	FileSystem
	// Partition is its number from 1, 0 when the whole disk is the file system.
	Partition int
	Type      string // ext4
	Table     string // gpt, mbr or none
}

const sector = 512

// Open finds the root file system on a disk of size bytes.
func Open(r io.ReaderAt, size int64) (root *Root, err error) {
	// The readers below take images as they come; a hostile one must end in an
	// error.
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, fmt.Errorf("read disk image: %v", p)
		}
	}()
	if size < 2*sector {
		return nil, fmt.Errorf("read disk image: %d bytes is no disk", size)
	}
	r = inode.NewPages(r, size)
	parts, kind, err := partitions(r, size)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, p := range parts {
		what, err := identify(r, p.start, p.size)
		if err != nil {
			return nil, fmt.Errorf("partition %d: %w", p.number, err)
		}
		if what == "" {
			continue
		}
		found = append(found, what)
		if what != "ext4" {
			continue
		}
		f, err := openExt4(r, p)
		if err != nil {
			return nil, fmt.Errorf("partition %d: %w", p.number, err)
		}
		if isRoot(f) {
			return &Root{FileSystem: f, Partition: p.number, Type: "ext4", Table: kind}, nil
		}
	}
	for _, what := range found {
		if what != "ext4" {
			return nil, &UnsupportedError{What: what}
		}
	}
	return nil, fmt.Errorf("no root file system among %d partitions", len(parts))
}

// extent is where a file system may be.
type extent struct {
	number      int
	start, size int64
}

func partitions(r io.ReaderAt, size int64) ([]extent, string, error) {
	if what, err := identify(r, 0, size); err != nil || what != "" {
		return []extent{{0, 0, size}}, "none", err
	}
	t, err := partition.Read(newFile(r, size), sector, sector)
	if err != nil {
		return nil, "", fmt.Errorf("read partition table: %w", err)
	}
	var out []extent
	for i, p := range t.GetPartitions() {
		start, length := p.GetStart(), p.GetSize()
		if length <= 0 || start < 0 || start+length > size || start+length < start {
			continue // an empty slot, or a table that points outside the disk
		}
		out = append(out, extent{i + 1, start, length})
	}
	if len(out) == 0 {
		return nil, "", errors.New("read partition table: no partition lies on the disk")
	}
	return out, t.Type(), nil
}

// identify names the file system, or other use, of an extent by its magic numbers;
// "" is nothing known.
func identify(r io.ReaderAt, start, size int64) (string, error) {
	head := make([]byte, 68<<10)
	if int64(len(head)) > size {
		head = head[:size]
	}
	if _, err := r.ReadAt(head, start); err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read: %w", err)
	}
	at := func(off int, magic string) bool {
		return len(head) >= off+len(magic) && string(head[off:off+len(magic)]) == magic
	}
	switch {
	case at(0, "XFSB"):
		return "xfs", nil
	case at(0, "LUKS\xba\xbe"):
		return "an encrypted volume (LUKS)", nil
	case at(512, "LABELONE") || at(1024, "LABELONE"):
		return "LVM", nil
	case at(0x10040, "_BHRfS_M"):
		return "btrfs", nil
	case at(1024+56, "\x53\xef"):
		return "ext4", nil
	}
	return "", nil
}

func openExt4(r io.ReaderAt, p extent) (FileSystem, error) {
	f, err := ext4.Open(io.NewSectionReader(r, p.start, p.size), p.size)
	if err != nil {
		return nil, err
	}
	if err := f.Dirty(); err != nil {
		return nil, err
	}
	return inode.New(f), nil
}

// isRoot says whether a file system looks like an operating system's root.
func isRoot(f fs.FS) bool {
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		if _, err := fs.Stat(f, name); err == nil {
			return true
		}
	}
	return false
}
