package osimage

import (
	"io"
	"io/fs"

	"github.com/goldenami/rehydrate/internal/osimage/ext4"
	"github.com/goldenami/rehydrate/internal/osimage/inode"
	"github.com/goldenami/rehydrate/internal/osimage/table"
	"github.com/goldenami/rehydrate/internal/osimage/xfs"
)

// store is what both readers offer.
type store interface {
	inode.Store
	Dirty() error
	UUID() string
	Label() string
}

// volume is a partition, or a whole disk without partitions, and what is on it.
type volume struct {
	table.Partition        // Number 0: the whole disk
	what            string // as identify says
	store           store  // nil if it is not read
	err             error  // why not
	files           *inode.FS
	mounts          []mountPoint // of a root
}

// raidTypes are the partition types of RAID members.
var raidTypes = map[string]bool{"0xfd": true, "a19d880f-05fc-4d3b-a006-743f0f84911e": true}

// look identifies and opens a partition. Only a disk that cannot be read is an
// error; the rest is noted, because it matters only if the partition does.
func look(r io.ReaderAt, p table.Partition) (*volume, error) {
	v := &volume{Partition: p}
	var err error
	if v.what, err = identify(r, p.Start, p.Size); err != nil {
		return nil, err
	}
	if raidTypes[p.Type] && raidAtEnd(r, p.Start, p.Size) {
		v.what = "software RAID (mdraid)"
	}
	part := io.NewSectionReader(r, p.Start, p.Size)
	switch v.what {
	case "", swapSpace, fatFamily:
	case extFamily:
		if s, err := ext4.Open(part, p.Size); err != nil {
			v.err = err
		} else {
			v.store = s
		}
	case xfsFamily:
		if s, err := xfs.Open(part, p.Size); err != nil {
			v.err = err
		} else {
			v.store = s
		}
	default:
		v.err = &UnsupportedError{What: v.what}
	}
	if v.store != nil {
		v.files = inode.New(v.store)
	}
	return v, nil
}

// has says whether a name is there; a link counts by itself, because what it points
// to may lie on another partition.
func (v *volume) has(names ...string) bool {
	for _, name := range names {
		if _, err := v.files.Lstat(name); err == nil {
			return true
		}
	}
	return false
}

// isRoot says whether a volume looks like an operating system's root. One that
// cannot be searched might be: that is noted as its error.
func (v *volume) isRoot() bool {
	if v.files == nil {
		return false
	}
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		_, err := v.files.Lstat(name)
		if err == nil {
			return true
		}
		if !notThere(err) {
			v.err = err
		}
	}
	return false
}

// rank says how sure it is that a root is the one that boots.
func (v *volume) rank() int {
	n := 0
	for _, m := range v.mounts {
		if m.path == "." && m.names(v) {
			n += 4
		}
	}
	if v.Active || rootTypes[v.Type] {
		n += 2
	}
	if v.has("sbin/init", "usr/sbin/init", "usr/lib/systemd/systemd", "lib/systemd/systemd") {
		n++
	}
	return n
}

// rootTypes are the partition types for the roots of x86-64 and arm64.
var rootTypes = map[string]bool{"4f68bce3-e8cd-4db1-96e7-fbcaf984b709": true, "b921b045-1df0-41c3-af44-4c6f280d3fae": true}

// certain says whether a root's own fstab names it as the root.
func (v *volume) certain() bool {
	for _, m := range v.mounts {
		if m.path == "." {
			return m.names(v)
		}
	}
	return false
}

// fstab reads a root's table of mounts; none is none.
func (v *volume) fstab() ([]mountPoint, error) {
	b, err := fs.ReadFile(v.files, "etc/fstab")
	if notThere(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseFstab(b), nil
}
