// Package osimage reads file systems out of disk images without booting them or
// mounting anything: containers (qcow2, VMDK, VHD), partition tables (GPT, MBR), ext2
// to ext4 and xfs. It refuses what it cannot read truthfully, by name: a dirty file
// system is an error of its own, because its files may be older than what the
// machine saw.
package osimage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/goldenami/rehydrate/internal/osimage/container"
	"github.com/goldenami/rehydrate/internal/osimage/inode"
	"github.com/goldenami/rehydrate/internal/osimage/table"
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

// Root is the root file system of an image, with what its fstab lays into it.
type Root struct {
	FileSystem
	// Partition is its number from 1, 0 when the whole disk is the file system.
	Partition int
	Type      string // ext4 (also ext2 and ext3) or xfs
	Table     string // gpt, mbr or none
	Format    string // of the file, by OpenFile: raw, qcow2, vmdk or vhd; else empty
	// Mounts are the other partitions of the disk that belong to the tree.
	Mounts []Mount
	// Remarks say what was odd or left out, for people.
	Remarks []string
}

// Xattr reads an extended attribute; see inode.FS.
func (root *Root) Xattr(name, attribute string) ([]byte, error) {
	x, ok := root.FileSystem.(interface {
		Xattr(name, attribute string) ([]byte, error)
	})
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return x.Xattr(name, attribute)
}

// Mount is a partition laid into the root's tree.
type Mount struct {
	Path      string // var
	Partition int
	Type      string
}

// Detect finds out by its marks what a file of size bytes is, and gives the disk
// inside, its size in bytes and the format's name: raw, qcow2, vmdk or vhd. A known
// format that is not read is an UnsupportedError; a container that was not closed
// properly an ErrDirty.
func Detect(r io.ReaderAt, size int64) (disk io.ReaderAt, diskSize int64, format string, err error) {
	return container.Detect(r, size)
}

// OpenFile finds the root file system in a disk image file of any format that is
// read; see Detect and Open.
func OpenFile(r io.ReaderAt, size int64) (*Root, error) {
	disk, n, format, err := Detect(r, size)
	if err != nil {
		return nil, err
	}
	root, err := Open(disk, n)
	if err != nil {
		return nil, err
	}
	root.Format = format
	return root, nil
}

// Open finds the root file system on a raw disk of size bytes; OpenFile also reads
// container formats. A disk whose root cannot be told, or was not unmounted, or
// keeps its package database elsewhere, is an error: see ErrDirty, ErrDamaged and
// UnsupportedError.
func Open(r io.ReaderAt, size int64) (*Root, error) {
	if size < 1024 {
		return nil, fmt.Errorf("read disk image: %d bytes is no disk", size)
	}
	r = inode.NewPages(r, size)
	root := &Root{}
	parts, err := root.partitions(r, size)
	if err != nil {
		return nil, err
	}
	var volumes []*volume
	for _, p := range parts {
		v, err := look(r, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place(p.Number), err)
		}
		volumes = append(volumes, v)
	}
	v, err := choose(volumes)
	if err != nil {
		return nil, err
	}
	if err := v.store.Dirty(); err != nil {
		return nil, fmt.Errorf("%s: %w", place(v.Number), err)
	}
	root.FileSystem, root.Partition, root.Type = v.files, v.Number, v.what
	if err := root.mount(v, volumes); err != nil {
		return nil, err
	}
	return root, nil
}

func place(number int) string {
	if number == 0 {
		return "disk"
	}
	return fmt.Sprintf("partition %d", number)
}

// partitions reads the table. A file system at the very beginning wins over an MBR,
// which may be its boot sector, but not over a GPT, which has checksums.
func (root *Root) partitions(r io.ReaderAt, size int64) ([]table.Partition, error) {
	t, err := table.Read(r, size)
	if err != nil && !errors.Is(err, table.ErrNone) && !errors.Is(err, table.ErrDamaged) {
		return nil, err
	}
	if err == nil && t.Kind == "gpt" && len(t.Partitions) > 0 {
		root.Table, root.Remarks = t.Kind, t.Remarks
		return t.Partitions, nil
	}
	what, failed := identify(r, 0, size)
	switch {
	case failed != nil:
		return nil, fmt.Errorf("disk: %w", failed)
	case what != "" && what != fatFamily && what != swapSpace:
		root.Table = "none"
		return []table.Partition{{Size: size}}, nil
	case err != nil:
		return nil, err
	case len(t.Partitions) == 0:
		return nil, errors.New("read partition table: no partition lies on the disk")
	}
	root.Table, root.Remarks = t.Kind, t.Remarks
	return t.Partitions, nil
}

// choose finds the volume that is the system's root, and its fstab.
func choose(volumes []*volume) (*volume, error) {
	var roots []*volume
	for _, v := range volumes {
		if !v.isRoot() {
			continue
		}
		var err error
		if v.mounts, err = v.fstab(); err != nil {
			return nil, fmt.Errorf("%s: %w", place(v.Number), err)
		}
		roots = append(roots, v)
	}
	best, err := likeliest(roots)
	if err != nil {
		return nil, err
	}
	// What cannot be read may be the root that boots, unless the one found says of
	// itself that it is.
	if best == nil || !best.certain() {
		for _, v := range volumes {
			if v.err != nil {
				return nil, fmt.Errorf("%s: %w", place(v.Number), v.err)
			}
			if best == nil && v.store != nil {
				if err := v.store.Dirty(); err != nil {
					return nil, fmt.Errorf("%s: %w", place(v.Number), err)
				}
			}
		}
	}
	if best == nil {
		return nil, fmt.Errorf("no root file system among %d partitions", len(volumes))
	}
	return best, nil
}

// likeliest is the one root, or of several the one that is surest to boot.
func likeliest(roots []*volume) (*volume, error) {
	if len(roots) == 0 {
		return nil, nil
	}
	if len(roots) == 1 {
		return roots[0], nil // looking further would cost blocks
	}
	slices.SortStableFunc(roots, func(a, b *volume) int { return b.rank() - a.rank() })
	if roots[0].rank() == roots[1].rank() {
		return nil, fmt.Errorf("more than one root file system: %s and %s, and nothing says which one boots", place(roots[0].Number), place(roots[1].Number))
	}
	return roots[0], nil
}

// mount lays the other partitions that fstab names into the root's tree. One that
// is not here or cannot be read is a remark, or an error if packages may be there.
func (root *Root) mount(self *volume, volumes []*volume) error {
	for _, m := range self.mounts {
		if m.path == "." {
			continue
		}
		err := root.mountOne(self, volumes, m)
		if err == nil {
			continue
		}
		if m.matters() {
			return fmt.Errorf("fstab puts /%s on %s: %w", m.path, m.spec, err)
		}
		root.Remarks = append(root.Remarks, fmt.Sprintf("/%s on %s was not read: %v", m.path, m.spec, err))
	}
	return nil
}

func (root *Root) mountOne(self *volume, volumes []*volume, m mountPoint) error {
	if m.option("bind") || m.option("rbind") || m.kind == "overlay" {
		return &UnsupportedError{What: "a folder mounted over another"}
	}
	var found *volume
	for _, v := range volumes {
		if m.names(v) {
			if found != nil {
				return fmt.Errorf("partitions %d and %d have that name", found.Number, v.Number)
			}
			found = v
		}
	}
	switch {
	case found == nil:
		return &UnsupportedError{What: "a file system that is not on this disk"}
	case found == self:
		return &UnsupportedError{What: "the root file system in a second place"}
	case found.err != nil:
		return found.err
	case found.store == nil:
		return &UnsupportedError{What: orUnknown(found.what)}
	}
	if err := found.store.Dirty(); err != nil {
		return err
	}
	err := self.files.Mount(m.path, found.store)
	if notThere(err) {
		return errors.New("its mount point is missing")
	}
	if err != nil {
		return err
	}
	root.Mounts = append(root.Mounts, Mount{Path: m.path, Partition: found.Number, Type: found.what})
	return nil
}

func orUnknown(what string) string {
	if what == "" {
		return "an unknown file system"
	}
	return what
}
