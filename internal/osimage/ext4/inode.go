package ext4

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"time"

	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

// Flags of an inode.
const (
	compressed = 0x4
	encrypted  = 0x800
	mapped     = 0x80000    // by extents, not by a block map
	inline     = 0x10000000 // the data is in the inode
	folded     = 0x40000000 // names are found whatever their case
)

// node is a decoded inode.
type node struct {
	inode.Attributes
	raw   []byte
	flags uint32
	seed  uint32 // of checksums of the blocks that belong to it
}

// locate finds where an inode is on the disk.
func (f *FS) locate(ino uint64) (int64, error) {
	if ino == 0 || ino > f.inodes {
		return 0, inode.Damaged("ext4 inode %d of %d", ino, f.inodes)
	}
	group, index := (ino-1)/f.inodesGroup, (ino-1)%f.inodesGroup
	d := make([]byte, f.descSize)
	if err := readFull(f.r, d, f.descriptor(group)); err != nil {
		return 0, fmt.Errorf("read ext4 group %d: %w", group, err)
	}
	le := binary.LittleEndian
	if f.readOnly&checksummed != 0 {
		want := le.Uint16(d[0x1E:])
		d[0x1E], d[0x1F] = 0, 0
		if got := crc(crc(f.seed, le.AppendUint32(nil, uint32(group))), d); uint16(got) != want {
			return 0, inode.Damaged("checksum of ext4 group %d is wrong", group)
		}
	}
	table := uint64(le.Uint32(d[8:]))
	if f.descSize >= 64 {
		table |= uint64(le.Uint32(d[0x28:])) << 32
	}
	length := (f.inodesGroup*uint64(f.inodeSize) + uint64(f.blockSize) - 1) / uint64(f.blockSize)
	if table <= f.firstData || table >= f.blocks || length > f.blocks-table {
		return 0, inode.Damaged("ext4 group %d has its inodes at block %d of %d", group, table, f.blocks)
	}
	return int64(table)*f.blockSize + int64(index)*f.inodeSize, nil
}

// descriptor is where a group's descriptor is: in the table behind the superblock,
// or, with meta groups, in the first group of its own.
func (f *FS) descriptor(group uint64) int64 {
	perBlock := uint64(f.blockSize / f.descSize)
	block := group / perBlock
	at := f.firstData + 1 + block
	if f.firstData == 0 && f.blockSize == 1024 {
		at++ // clusters of 1 KiB blocks: block 0 is the boot sector
	}
	if f.incompat&metaGroups != 0 && block >= f.firstMeta {
		first := block * perBlock
		at = f.firstData + first*f.perGroup
		if f.hasSuper(first) {
			at++
		}
		if f.firstData == 0 && f.blockSize == 1024 && first == 0 {
			at++
		}
	}
	return int64(at)*f.blockSize + int64(group%perBlock)*f.descSize
}

// hasSuper says whether a group begins with a copy of the superblock.
func (f *FS) hasSuper(group uint64) bool {
	const sparse, sparse2 = 0x1, 0x200 // ro_compat and compat
	le := binary.LittleEndian
	if group == 0 {
		return true
	}
	if le.Uint32(f.super[compatible:])&sparse2 != 0 {
		return group == uint64(le.Uint32(f.super[0x24C:])) || group == uint64(le.Uint32(f.super[0x250:]))
	}
	if group == 1 || f.readOnly&sparse == 0 {
		return true
	}
	for _, base := range []uint64{3, 5, 7} {
		n := group
		for n%base == 0 {
			n /= base
		}
		if n == 1 {
			return true
		}
	}
	return false
}

// read decodes an inode that is in use.
func (f *FS) read(ino uint64) (*node, error) {
	at, err := f.locate(ino)
	if err != nil {
		return nil, err
	}
	b := make([]byte, f.inodeSize)
	if err := readFull(f.r, b, at); err != nil {
		return nil, fmt.Errorf("read ext4 inode %d: %w", ino, err)
	}
	le := binary.LittleEndian
	n := &node{raw: b, flags: le.Uint32(b[0x20:])}
	n.seed = crc(crc(f.seed, le.AppendUint32(nil, uint32(ino))), b[0x64:0x68])
	if f.readOnly&checksummed != 0 && !n.checked() {
		return nil, inode.Damaged("checksum of ext4 inode %d is wrong", ino)
	}
	mode, ok := inode.Mode(uint32(le.Uint16(b)))
	if !ok {
		return nil, inode.Damaged("ext4 inode %d is in no use", ino)
	}
	n.Attributes = inode.Attributes{
		Mode: mode, Inode: ino, Links: uint32(le.Uint16(b[0x1A:])),
		UID:  uint32(le.Uint16(b[2:])) | uint32(le.Uint16(b[0x78:]))<<16,
		GID:  uint32(le.Uint16(b[0x18:])) | uint32(le.Uint16(b[0x7A:]))<<16,
		Size: int64(le.Uint32(b[4:])), ModTime: n.time(0x10, 0x88),
	}
	if mode.IsRegular() || f.incompat&largeDirectory != 0 {
		n.Size |= int64(le.Uint32(b[0x6C:])) << 32
	}
	if n.Size < 0 || n.Size > f.blockSize<<32 {
		return nil, inode.Damaged("ext4 inode %d has %d bytes", ino, n.Size)
	}
	return n, nil
}

// extra is how much of the space after the first 128 bytes holds fields.
func (n *node) extra() int {
	if len(n.raw) <= 130 {
		return 0
	}
	return min(int(binary.LittleEndian.Uint16(n.raw[0x80:])), len(n.raw)-128)
}

// checked verifies the inode's checksum, of which old inodes keep half.
func (n *node) checked() bool {
	le := binary.LittleEndian
	b := append([]byte(nil), n.raw...)
	want, mask := uint32(le.Uint16(b[0x7C:])), uint32(0xFFFF)
	b[0x7C], b[0x7D] = 0, 0
	if n.extra() >= 4 {
		want, mask = want|uint32(le.Uint16(b[0x82:]))<<16, ^uint32(0)
		b[0x82], b[0x83] = 0, 0
	}
	return crc(n.seed, b)&mask == want
}

// time reads a time of 32 bits with, if there is room, two more bits and nanoseconds.
func (n *node) time(at, more int) time.Time {
	sec, nsec := int64(int32(binary.LittleEndian.Uint32(n.raw[at:]))), int64(0)
	if 128+n.extra() >= more+4 {
		e := binary.LittleEndian.Uint32(n.raw[more:])
		sec, nsec = sec+int64(e&3)<<32, int64(e>>2)
	}
	return time.Unix(sec, nsec)
}

// Stat reads an inode's attributes.
func (f *FS) Stat(ino uint64) (inode.Attributes, error) {
	n, err := f.read(ino)
	if err != nil {
		return inode.Attributes{}, err
	}
	return n.Attributes, nil
}

// Link reads a symbolic link's target: short ones are kept in the inode.
func (f *FS) Link(ino uint64) (string, error) {
	n, err := f.read(ino)
	if err != nil {
		return "", err
	}
	if n.Mode&fs.ModeSymlink == 0 || n.Size == 0 || n.Size > inode.MaxLink {
		return "", inode.Damaged("ext4 inode %d is no symbolic link", ino)
	}
	if n.flags&(encrypted|inline|mapped) == 0 && n.Size < 60 {
		return string(n.raw[0x28 : 0x28+n.Size]), nil
	}
	r, err := f.content(n)
	if err != nil {
		return "", err
	}
	b := make([]byte, n.Size)
	if err := readFull(r, b, 0); err != nil {
		return "", err
	}
	return string(b), nil
}
