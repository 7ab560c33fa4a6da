// Package xfs reads XFS file systems, version 4 and 5, read-only and by need: an
// inode's number says where it lies, and a file's blocks are found through the nodes
// on their way. Checksums and owners are verified where the file system keeps them.
//
// The layout follows the "XFS Algorithms & Data Structures" book of the XFS project;
// numbers are big-endian, checksums little-endian.
package xfs

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
	hasFtype    = 0x1  // incompatible, version 5
	hasMetaUUID = 0x4  // incompatible: another identity in the metadata than for users
	needsRepair = 0x10 // incompatible
	// Also known: sparse inodes 0x2, times of 64 bits 0x8, extent counts of 64 bits
	// 0x20, exchanged ranges 0x40, parent pointers 0x80; the last two change nothing
	// that is read here.
	known = hasFtype | 0x2 | hasMetaUUID | 0x8 | needsRepair | 0x20 | 0x40 | 0x80

	dirVersion2 = 0x2000 // version 4
	foldsCase   = 0x4000
	moreBits    = 0x8000
	ftype4      = 0x200 // features2
)

// FS is a file system; it implements inode.Store.
type FS struct {
	r         io.ReaderAt
	super     []byte // one sector
	blockSize int64
	blocks    uint64
	agBlocks  uint64
	agCount   uint64
	agLog     uint // bits of a block number inside its allocation group
	inodeLog  uint // bits of an inode number inside its block
	inodeSize int64
	dirSize   int64 // bytes of a directory block
	root      uint64
	v5, ftype bool
	uuid      []byte // as metadata carries it
}

var be = binary.BigEndian

// Open reads the superblock of a file system of at most size bytes. A dirty one is
// opened too: see Dirty.
func Open(r io.ReaderAt, size int64) (*FS, error) {
	s := make([]byte, 512)
	if err := readFull(r, s, 0); err != nil {
		return nil, fmt.Errorf("read xfs superblock: %w", err)
	}
	if string(s[:4]) != "XFSB" {
		return nil, inode.Damaged("no xfs superblock")
	}
	f := &FS{
		r: r, super: s, blockSize: int64(be.Uint32(s[4:])), blocks: be.Uint64(s[8:]),
		agBlocks: uint64(be.Uint32(s[84:])), agCount: uint64(be.Uint32(s[88:])),
		agLog: uint(s[124]), inodeLog: uint(s[123]), inodeSize: int64(be.Uint16(s[104:])),
		root: be.Uint64(s[56:]), uuid: s[32:48],
	}
	if err := f.features(); err != nil {
		return nil, err
	}
	if err := f.geometry(size); err != nil {
		return nil, err
	}
	f.dirSize = f.blockSize << s[192]
	return f, f.checkSuper()
}

func (f *FS) features() error {
	s := f.super
	version := be.Uint16(s[100:])
	unsupported := func(format string, args ...any) error {
		return &inode.UnsupportedError{What: "xfs " + fmt.Sprintf(format, args...)}
	}
	switch version & 0xF {
	case 4:
		if version&moreBits != 0 {
			f.ftype = be.Uint32(s[200:])&ftype4 != 0
		}
	case 5:
		f.v5 = true
		incompat := be.Uint32(s[216:])
		if odd := incompat &^ known; odd != 0 {
			return unsupported("with feature %#x", odd&-odd)
		}
		f.ftype = incompat&hasFtype != 0
		if incompat&hasMetaUUID != 0 {
			f.uuid = s[248:264]
		}
	default:
		return unsupported("version %d", version&0xF)
	}
	switch {
	case version&dirVersion2 == 0:
		return unsupported("with directories of version 1")
	case version&foldsCase != 0:
		return unsupported("that folds case")
	}
	return nil
}

// geometry refuses numbers that no file system of that size has.
func (f *FS) geometry(size int64) error {
	s := f.super
	power := func(n, from, to int64) bool { return n >= from && n <= to && n&(n-1) == 0 }
	sector := int64(be.Uint16(s[102:]))
	switch {
	case !power(f.blockSize, 512, 64<<10) || f.blockSize != 1<<s[120]:
		return inode.Damaged("xfs blocks of %d bytes", f.blockSize)
	case !power(sector, 512, 32<<10) || sector > f.blockSize:
		return inode.Damaged("xfs sectors of %d bytes", sector)
	case !power(f.inodeSize, 256, 2048) || f.inodeSize > f.blockSize || f.inodeSize<<f.inodeLog != f.blockSize:
		return inode.Damaged("xfs inodes of %d bytes", f.inodeSize)
	case f.blocks == 0 || f.blocks > uint64(size)/uint64(f.blockSize):
		return inode.Damaged("xfs of %d blocks where %d fit", f.blocks, uint64(size)/uint64(f.blockSize))
	case f.agBlocks == 0 || f.agLog > 31 || f.agBlocks > 1<<f.agLog:
		return inode.Damaged("xfs allocation groups of %d blocks", f.agBlocks)
	case f.agCount != (f.blocks+f.agBlocks-1)/f.agBlocks:
		return inode.Damaged("xfs of %d allocation groups", f.agCount)
	case s[192] > 7 || f.blockSize<<s[192] > 64<<10:
		return inode.Damaged("xfs directory blocks of 2^%d blocks", s[192])
	case s[126] != 0:
		return inode.Damaged("xfs was never made to the end")
	}
	return nil
}

func (f *FS) checkSuper() error {
	if !f.v5 {
		return nil
	}
	sector := make([]byte, be.Uint16(f.super[102:]))
	if err := readFull(f.r, sector, 0); err != nil {
		return err
	}
	if !checked(sector, 224) {
		return inode.Damaged("checksum of the xfs superblock is wrong")
	}
	return nil
}

// UUID is the file system's identity, as fstab writes it.
func (f *FS) UUID() string {
	u := f.super[32:48]
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// Label is the file system's name, often empty.
func (f *FS) Label() string {
	label, _, _ := bytes.Cut(f.super[108:120], []byte{0})
	return string(label)
}

// Root is the root directory's inode.
func (f *FS) Root() uint64 { return f.root }

// linear turns a block number, which holds its allocation group in its upper bits,
// into one counted from the beginning; it refuses what lies outside.
func (f *FS) linear(block, count uint64) (uint64, error) {
	ag, in := block>>f.agLog, block&(1<<f.agLog-1)
	n := ag*f.agBlocks + in
	if ag >= f.agCount || in >= f.agBlocks || count > f.agBlocks-in || n >= f.blocks || count > f.blocks-n {
		return 0, inode.Damaged("xfs blocks %d to %d of %d", n, n+count, f.blocks)
	}
	return n, nil
}

// block reads one block by its number.
func (f *FS) block(n uint64) ([]byte, error) {
	at, err := f.linear(n, 1)
	if err != nil {
		return nil, err
	}
	b := make([]byte, f.blockSize)
	if err := readFull(f.r, b, int64(at)*f.blockSize); err != nil {
		return nil, fmt.Errorf("read xfs block %d: %w", at, err)
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

// checked verifies the checksum that stands at an offset of what it is of.
func checked(b []byte, at int) bool {
	sum := crc32.Update(0, castagnoli, b[:at])
	sum = crc32.Update(sum, castagnoli, make([]byte, 4))
	sum = crc32.Update(sum, castagnoli, b[at+4:])
	return sum == binary.LittleEndian.Uint32(b[at:])
}
