// Package ext4 reads ext2, ext3 and ext4 file systems, read-only and by need: an
// inode is found through its group's descriptor alone, a file's blocks through the
// nodes on their way. Checksums are verified where the file system keeps them.
//
// The layout follows the kernel's documentation (filesystems/ext4); numbers are
// little-endian.
package ext4

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

// Features that change what is read.
const (
	compatible = 0x5C // where the three feature words are
	incompat   = 0x60
	readOnly   = 0x64

	needsRecovery  = 0x4
	metaGroups     = 0x10
	wide           = 0x80 // 64bit
	multiMount     = 0x100
	seeded         = 0x2000 // csum_seed
	largeDirectory = 0x4000
	typedNames     = 0x2

	checksummed   = 0x400   // ro: metadata_csum
	orphanPresent = 0x10000 // ro: the orphan file is in use
)

// known are the incompatible features that reading gets right, or that are refused
// file by file (encryption, folded case); refused ones have a name.
const known = typedNames | needsRecovery | metaGroups | 0x40 | wide | multiMount | 0x200 | 0x400 |
	seeded | largeDirectory | 0x8000 | 0x10000 | 0x20000

var refused = map[uint32]string{0x1: "compression", 0x8: "an external journal device", 0x1000: "data in directory entries"}

const (
	rootInode = 2
	superSize = 1024
)

// FS is a file system; it implements inode.Store.
type FS struct {
	r           io.ReaderAt
	super       []byte
	blockSize   int64
	blocks      uint64
	firstData   uint64
	perGroup    uint64 // blocks
	inodes      uint64
	inodesGroup uint64
	inodeSize   int64
	descSize    int64
	firstMeta   uint64
	incompat    uint32
	readOnly    uint32
	seed        uint32 // of metadata checksums
}

// Open reads the superblock of a file system of at most size bytes. A dirty one is
// opened too: see Dirty.
func Open(r io.ReaderAt, size int64) (*FS, error) {
	s := make([]byte, superSize)
	if err := readFull(r, s, superSize); err != nil {
		return nil, fmt.Errorf("read ext4 superblock: %w", err)
	}
	le := binary.LittleEndian
	if le.Uint16(s[0x38:]) != 0xEF53 {
		return nil, inode.Damaged("no ext4 superblock")
	}
	f := &FS{
		r: r, super: s, blocks: uint64(le.Uint32(s[4:])), inodes: uint64(le.Uint32(s[0:])),
		firstData: uint64(le.Uint32(s[0x14:])), perGroup: uint64(le.Uint32(s[0x20:])),
		inodesGroup: uint64(le.Uint32(s[0x28:])), inodeSize: 128, descSize: 32,
		firstMeta: uint64(le.Uint32(s[0x104:])),
	}
	if le.Uint32(s[0x4C:]) > 0 { // revision 0 has neither features nor an inode size
		f.incompat, f.readOnly = le.Uint32(s[incompat:]), le.Uint32(s[readOnly:])
		f.inodeSize = int64(le.Uint16(s[0x58:]))
	}
	if err := f.features(); err != nil {
		return nil, err
	}
	if f.incompat&wide != 0 {
		f.blocks |= uint64(le.Uint32(s[0x150:])) << 32
		f.descSize = int64(le.Uint16(s[0xFE:]))
	}
	shift := le.Uint32(s[0x18:])
	if shift > 6 {
		return nil, inode.Damaged("ext4 block size of 2^%d", 10+uint64(shift))
	}
	f.blockSize = 1024 << shift
	return f, f.geometry(size)
}

func (f *FS) features() error {
	for bit := uint32(1); bit != 0; bit <<= 1 {
		if f.incompat&bit&^known == 0 {
			continue
		}
		what := refused[bit]
		if what == "" {
			what = fmt.Sprintf("feature %#x", bit)
		}
		return &inode.UnsupportedError{What: "ext4 with " + what}
	}
	if f.readOnly&checksummed == 0 {
		return nil
	}
	if f.super[0x175] != 1 {
		return &inode.UnsupportedError{What: fmt.Sprintf("ext4 with checksums of kind %d", f.super[0x175])}
	}
	if want := binary.LittleEndian.Uint32(f.super[0x3FC:]); crc(^uint32(0), f.super[:0x3FC]) != want {
		return inode.Damaged("checksum of the ext4 superblock is wrong")
	}
	f.seed = crc(^uint32(0), f.super[0x68:0x78])
	if f.incompat&seeded != 0 {
		f.seed = binary.LittleEndian.Uint32(f.super[0x270:])
	}
	return nil
}

// geometry refuses numbers that no file system of that size has.
func (f *FS) geometry(size int64) error {
	limit := uint64(size) / uint64(f.blockSize)
	switch {
	case f.blocks == 0 || f.blocks > limit:
		return inode.Damaged("ext4 of %d blocks where %d fit", f.blocks, limit)
	case f.firstData > 1 || f.firstData >= f.blocks:
		return inode.Damaged("ext4 begins at block %d", f.firstData)
	case f.perGroup == 0 || f.perGroup > 1<<32-1:
		return inode.Damaged("ext4 of %d blocks a group", f.perGroup)
	case f.inodesGroup == 0 || f.inodesGroup > uint64(f.blockSize)*8:
		return inode.Damaged("ext4 of %d inodes a group", f.inodesGroup)
	case f.inodeSize < 128 || f.inodeSize > f.blockSize || f.inodeSize&(f.inodeSize-1) != 0:
		return inode.Damaged("ext4 inodes of %d bytes", f.inodeSize)
	case f.descSize < 32 || f.descSize > 1024 || f.descSize&(f.descSize-1) != 0:
		return inode.Damaged("ext4 group descriptors of %d bytes", f.descSize)
	}
	groups := (f.blocks - f.firstData + f.perGroup - 1) / f.perGroup
	if f.inodes < rootInode || f.inodes > groups*f.inodesGroup {
		return inode.Damaged("ext4 of %d inodes in %d groups", f.inodes, groups)
	}
	return nil
}

// Dirty says why the files may be older than what the machine saw; nil when the
// file system was unmounted.
func (f *FS) Dirty() error {
	le := binary.LittleEndian
	state := le.Uint16(f.super[0x3A:])
	switch {
	case f.incompat&needsRecovery != 0:
		return inode.Dirty("the ext4 journal has yet to be replayed")
	case state&2 != 0:
		return inode.Dirty("the kernel found errors in the ext4 file system")
	case state&1 == 0:
		return inode.Dirty("ext4 is not marked clean")
	case state&4 != 0 || f.readOnly&orphanPresent != 0:
		return inode.Dirty("ext4 has deleted files yet to be cleaned up")
	case f.incompat&multiMount != 0:
		return f.inUse()
	}
	return nil
}

// inUse asks the block that guards against mounting twice.
func (f *FS) inUse() error {
	b, err := f.block(binary.LittleEndian.Uint64(f.super[0x168:]))
	if err != nil {
		return err
	}
	const magic, clean = 0x004D4D50, 0xFF4D4D50
	if binary.LittleEndian.Uint32(b) != magic {
		return inode.Damaged("ext4 guard against mounting twice is not there")
	}
	if binary.LittleEndian.Uint32(b[4:]) != clean {
		return inode.Dirty("ext4 is in use, says its guard against mounting twice")
	}
	return nil
}

// UUID is the file system's identity, as fstab writes it.
func (f *FS) UUID() string {
	u := f.super[0x68:0x78]
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// Label is the file system's name, often empty.
func (f *FS) Label() string {
	label, _, _ := bytes.Cut(f.super[0x78:0x88], []byte{0})
	return string(label)
}

// Root is the root directory's inode.
func (f *FS) Root() uint64 { return rootInode }

// block reads one block whole.
func (f *FS) block(n uint64) ([]byte, error) {
	if n < f.firstData || n >= f.blocks {
		return nil, inode.Damaged("ext4 block %d of %d", n, f.blocks)
	}
	b := make([]byte, f.blockSize)
	if err := readFull(f.r, b, int64(n)*f.blockSize); err != nil {
		return nil, fmt.Errorf("read ext4 block %d: %w", n, err)
	}
	return b, nil
}

func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF { //nolint:errorlint // ReaderAt promises io.EOF itself
		return inode.Damaged("the disk ends at %d", off+int64(n))
	}
	return err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// crc is CRC-32C without the inversions at its ends.
func crc(seed uint32, p []byte) uint32 { return ^crc32.Update(^seed, castagnoli, p) }
