package container

import (
	"fmt"
	"io"

	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

// The layout follows QEMU's docs/interop/qcow2; numbers are big-endian.
const (
	qcowDirty       = 1 << 0
	qcowCorrupt     = 1 << 1
	qcowExternal    = 1 << 2
	qcowCompression = 1 << 3
	qcowSubclusters = 1 << 4

	offsetMask = 1<<56 - 1<<9
	packed     = 1 << 62
	zeros      = 1
)

// qcow2 maps the disk's clusters through two levels of tables. Snapshots inside are
// other tables, and not looked at: the disk is as it is now.
type qcow2 struct {
	r     io.ReaderAt // tables
	data  io.ReaderAt
	size  int64 // of the file
	bits  uint  // of a cluster
	first int64 // the first table
	rows  uint64
	entry int64 // bytes of an entry of the second: 16 with subclusters
	how   method
	v3    bool
	cache unpacked
}

func openQcow2(r io.ReaderAt, size int64) (io.ReaderAt, int64, error) {
	h := make([]byte, 112)
	if err := readFull(r, h[:72], 0); err != nil {
		return nil, 0, err
	}
	q := &qcow2{r: inode.NewPages(r, size), data: r, size: size, entry: 8}
	version := be.Uint32(h[4:])
	var features uint64
	switch version {
	case 2:
	case 3:
		if err := readFull(r, h[72:104], 72); err != nil {
			return nil, 0, err
		}
		q.v3, features = true, be.Uint64(h[72:])
	default:
		return nil, 0, &inode.UnsupportedError{What: fmt.Sprintf("qcow version %d", version)}
	}
	if err := q.features(h, features); err != nil {
		return nil, 0, err
	}
	disk := be.Uint64(h[24:])
	q.bits, q.rows, q.first = uint(be.Uint32(h[20:])), uint64(be.Uint32(h[36:])), int64(be.Uint64(h[40:]))
	switch {
	case q.bits < 9 || q.bits > 21:
		return nil, 0, inode.Damaged("clusters of 2^%d bytes", q.bits)
	case disk == 0 || disk > uint64(maxDisk):
		return nil, 0, inode.Damaged("a disk of %d bytes", disk)
	case q.first < 0 || q.first%8 != 0 || q.first > size:
		return nil, 0, inode.Damaged("a first table at %d", q.first)
	}
	cluster := uint64(1) << q.bits
	each := cluster * (cluster / uint64(q.entry)) // of the disk, by an entry of the first table
	if q.rows < (disk+each-1)/each {
		return nil, 0, inode.Damaged("a first table of %d entries for %d bytes", q.rows, disk)
	}
	return &pieces{disk: int64(disk), piece: int64(cluster), read: q.read}, int64(disk), nil
}

func (q *qcow2) features(h []byte, features uint64) error {
	unsupported := func(format string, args ...any) error {
		return &inode.UnsupportedError{What: "qcow2 " + fmt.Sprintf(format, args...)}
	}
	switch {
	case be.Uint64(h[8:]) != 0:
		name := make([]byte, min(1023, be.Uint32(h[16:])))
		if err := readFull(q.data, name, int64(be.Uint64(h[8:]))); err != nil {
			name = []byte("unreadable")
		}
		return unsupported("over the backing file %q (flatten it with qemu-img convert)", name)
	case be.Uint32(h[32:]) != 0:
		return unsupported("with encryption")
	case features&qcowCorrupt != 0:
		return inode.Damaged("the qcow2 file is marked as corrupt")
	case features&qcowDirty != 0:
		return inode.Dirty("the qcow2 file is marked as in use")
	case features&qcowExternal != 0:
		return unsupported("with its data in another file")
	}
	if odd := features &^ (qcowCompression | qcowSubclusters); odd != 0 {
		return unsupported("with feature %#x", odd)
	}
	if features&qcowSubclusters != 0 {
		q.entry = 16
	}
	if features&qcowCompression != 0 {
		if err := readFull(q.data, h[104:105], 104); err != nil {
			return err
		}
		switch h[104] {
		case 0:
		case 1:
			q.how = zstandard
		default:
			return unsupported("with compression %d", h[104])
		}
	}
	return nil
}

// read reads within a cluster.
func (q *qcow2) read(p []byte, index, in int64) error {
	entry, subs, err := q.lookup(index)
	if err != nil {
		return err
	}
	at := int64(entry & offsetMask)
	switch {
	case entry&packed != 0:
		b, err := q.cache.get(index, func() ([]byte, error) { return q.unpack(entry) })
		if err != nil {
			return err
		}
		copy(p, b[in:])
		return nil
	case q.entry == 16:
		return q.readSubs(p, at, in, subs)
	case at == 0 || q.v3 && entry&zeros != 0:
		clear(p)
		return nil
	}
	return q.raw(p, at+in)
}

// raw reads data; a file may end inside its last cluster, where zeros follow.
func (q *qcow2) raw(p []byte, at int64) error {
	if at >= q.size {
		return inode.Damaged("a cluster at %d of %d bytes", at, q.size)
	}
	n := min(int64(len(p)), q.size-at)
	clear(p[n:])
	return readFull(q.data, p[:n], at)
}

// readSubs reads a cluster of 32 parts, each there, zeros, or not there.
func (q *qcow2) readSubs(p []byte, at, in int64, subs uint64) error {
	sub := int64(1) << (q.bits - 5)
	for len(p) > 0 {
		i := in / sub
		part := p[:min(int64(len(p)), sub-in%sub)]
		switch there := subs>>i&1 != 0; {
		case there && at == 0:
			return inode.Damaged("a part of a cluster that is nowhere")
		case there:
			if err := q.raw(part, at+in); err != nil {
				return err
			}
		default:
			clear(part)
		}
		p, in = p[len(part):], in+int64(len(part))
	}
	return nil
}

// lookup finds a cluster's entry, and which of its parts there are.
func (q *qcow2) lookup(index int64) (entry, subs uint64, err error) {
	per := int64(1) << q.bits / q.entry
	row := index / per
	if uint64(row) >= q.rows {
		return 0, 0, inode.Damaged("cluster %d is in no table", index)
	}
	b := make([]byte, 16)
	if err := readFull(q.r, b[:8], q.first+row*8); err != nil {
		return 0, 0, err
	}
	second := int64(be.Uint64(b) & offsetMask)
	if second == 0 {
		return 0, 0, nil
	}
	if second&(1<<q.bits-1) != 0 {
		return 0, 0, inode.Damaged("a table at %d", second)
	}
	if err := readFull(q.r, b[:q.entry], second+index%per*q.entry); err != nil {
		return 0, 0, err
	}
	entry, subs = be.Uint64(b), be.Uint64(b[8:])
	if entry&packed == 0 && entry&offsetMask&(1<<q.bits-1) != 0 {
		return 0, 0, inode.Damaged("a cluster at %d", entry&offsetMask)
	}
	return entry, subs, nil
}

// unpack reads a compressed cluster: where it begins and how many sectors it covers
// share the entry.
func (q *qcow2) unpack(entry uint64) ([]byte, error) {
	bits := 62 - (q.bits - 8)
	at := int64(entry & (1<<bits - 1))
	sectors := int64(entry &^ packed << 1 >> 1 >> bits)
	length := (sectors+1)*512 - at%512
	if at >= q.size {
		return nil, inode.Damaged("a compressed cluster at %d of %d bytes", at, q.size)
	}
	return unpack(q.how, io.NewSectionReader(q.data, at, min(length, q.size-at)), 1<<q.bits)
}
