package xfs

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

// How a fork keeps what belongs to it.
const (
	local   = 1 // in the inode
	extents = 2 // a list of extents in the inode
	btree   = 3 // a tree of extents whose root is in the inode
)

// node is a decoded inode.
type node struct {
	inode.Attributes
	format byte
	fork   []byte // the data fork
	count  uint64 // extents of the data fork
	flags  uint16

	attrs      []byte // the fork of extended attributes; empty: there is none
	attrFormat byte
	attrCount  uint32 // extents of that fork
}

const (
	realtime = 0x1 // flags
	bigTime  = 0x8 // flags2
	bigCount = 0x10
)

// read decodes an inode that is in use.
func (f *FS) read(ino uint64) (*node, error) {
	block := ino >> f.inodeLog
	if block>>f.agLog >= f.agCount {
		return nil, inode.Damaged("xfs inode %d lies in no allocation group", ino)
	}
	at, err := f.linear(block, 1)
	if err != nil {
		return nil, err
	}
	b := make([]byte, f.inodeSize)
	if err := readFull(f.r, b, int64(at)*f.blockSize+int64(ino&(1<<f.inodeLog-1))*f.inodeSize); err != nil {
		return nil, fmt.Errorf("read xfs inode %d: %w", ino, err)
	}
	version := b[4]
	switch {
	case string(b[:2]) != "IN" || version < 1 || version > 3 || (version == 3) != f.v5:
		return nil, inode.Damaged("xfs inode %d is none", ino)
	case f.v5 && !checked(b, 100):
		return nil, inode.Damaged("checksum of xfs inode %d is wrong", ino)
	case f.v5 && (be.Uint64(b[152:]) != ino || !bytes.Equal(b[160:176], f.uuid)):
		return nil, inode.Damaged("xfs inode %d belongs elsewhere", ino)
	}
	mode, ok := inode.Mode(uint32(be.Uint16(b[2:])))
	if !ok {
		return nil, inode.Damaged("xfs inode %d is in no use", ino)
	}
	n := &node{format: b[5], flags: be.Uint16(b[90:]), count: uint64(be.Uint32(b[76:]))}
	n.Attributes = inode.Attributes{
		Mode: mode, Inode: ino, UID: be.Uint32(b[8:]), GID: be.Uint32(b[12:]),
		Links: be.Uint32(b[16:]), Size: int64(be.Uint64(b[56:])),
	}
	if version == 1 {
		n.Links = uint32(be.Uint16(b[6:]))
	}
	var flags2 uint64
	core := 100
	if f.v5 {
		core, flags2 = 176, be.Uint64(b[120:])
	}
	if flags2&bigCount != 0 {
		n.count = be.Uint64(b[24:])
	}
	n.ModTime = moment(b[40:48], flags2&bigTime != 0)
	end := len(b)
	if b[82] != 0 { // the attribute fork begins here
		end = core + 8*int(b[82])
	}
	if end > len(b) || n.Size < 0 {
		return nil, inode.Damaged("xfs inode %d has forks of no size", ino)
	}
	n.fork, n.attrs, n.attrFormat, n.attrCount = b[core:end], b[end:], b[83], uint32(be.Uint16(b[80:]))
	if flags2&bigCount != 0 {
		n.attrCount = be.Uint32(b[76:])
	}
	return n, nil
}

// moment reads a time: seconds and nanoseconds, or nanoseconds since 1901.
func moment(b []byte, big bool) time.Time {
	if !big {
		return time.Unix(int64(int32(be.Uint32(b))), int64(be.Uint32(b[4:])))
	}
	ns := be.Uint64(b)
	return time.Unix(int64(ns/1e9)-1<<31, int64(ns%1e9))
}

// Stat reads an inode's attributes.
func (f *FS) Stat(ino uint64) (inode.Attributes, error) {
	n, err := f.read(ino)
	if err != nil {
		return inode.Attributes{}, err
	}
	return n.Attributes, nil
}

// Open gives a regular file's bytes.
func (f *FS) Open(ino uint64) (io.ReaderAt, error) {
	n, err := f.read(ino)
	switch {
	case err != nil:
		return nil, err
	case !n.Mode.IsRegular():
		return nil, inode.Damaged("xfs inode %d is no regular file", ino)
	case n.flags&realtime != 0:
		return nil, &inode.UnsupportedError{What: "an xfs file in the realtime section"}
	}
	return f.content(n)
}

func (f *FS) content(n *node) (io.ReaderAt, error) {
	m := inode.Mapped{Disk: f.r, Size: n.Size, Block: f.blockSize, Blocks: f.blocks}
	switch n.format {
	case extents:
		if n.count > uint64(len(n.fork)/recordSize) {
			return nil, inode.Damaged("xfs inode %d has %d extents", n.Inode, n.count)
		}
		m.Find = func(block uint64) (inode.Run, error) {
			return f.search(n, n.fork[:n.count*recordSize], block, noEnd)
		}
	case btree:
		m.Find = func(block uint64) (inode.Run, error) { return f.descend(n, block) }
	default:
		return nil, inode.Damaged("xfs inode %d keeps its data in form %d", n.Inode, n.format)
	}
	return m, nil
}

// Link reads a symbolic link's target, from the inode or from blocks of its own.
func (f *FS) Link(ino uint64) (string, error) {
	n, err := f.read(ino)
	switch {
	case err != nil:
		return "", err
	case n.Mode&fs.ModeSymlink == 0 || n.Size <= 0 || n.Size > inode.MaxLink:
		return "", inode.Damaged("xfs inode %d is no symbolic link", ino)
	case n.format == local && n.Size <= int64(len(n.fork)):
		return string(n.fork[:n.Size]), nil
	}
	r, err := f.content(n)
	if err != nil {
		return "", err
	}
	m := r.(inode.Mapped)
	out := make([]byte, 0, n.Size)
	for block := uint64(0); int64(len(out)) < n.Size; {
		run, err := m.Find(block)
		if err != nil {
			return "", err
		}
		if !run.Data || run.Count*uint64(f.blockSize) > 128<<10 {
			return "", inode.Damaged("target of xfs inode %d", ino)
		}
		b := make([]byte, run.Count*uint64(f.blockSize))
		if err := readFull(f.r, b, int64(run.Start)*f.blockSize); err != nil {
			return "", err
		}
		if f.v5 {
			if b, err = f.piece(n, b, len(out)); err != nil {
				return "", err
			}
		}
		out = append(out, b[:min(int64(len(b)), n.Size-int64(len(out)))]...)
		block += run.Count
	}
	return string(out), nil
}

// piece checks the header over a piece of a target.
func (f *FS) piece(n *node, b []byte, at int) ([]byte, error) {
	const header = 56
	length := be.Uint32(b[8:])
	if string(b[:4]) != "XSLM" || !checked(b, 12) || be.Uint64(b[32:]) != n.Inode ||
		be.Uint32(b[4:]) != uint32(at) || length == 0 || uint64(length) > uint64(len(b)-header) {
		return nil, inode.Damaged("target of xfs inode %d", n.Inode)
	}
	return b[header : header+length], nil
}
