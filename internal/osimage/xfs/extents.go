package xfs

import (
	"bytes"

	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

const (
	recordSize = 16
	noEnd      = uint64(1) << 54 // file offsets have 54 bits
	maxLevels  = 9               // as the kernel has it for trees of extents
)

// extent decodes a record: one bit "never written", 54 of the file's block, 52 of
// the disk's, 21 of the length.
func extent(r []byte) (at, start, count uint64, unwritten bool) {
	high, low := be.Uint64(r), be.Uint64(r[8:])
	return high << 1 >> 10, high<<55>>12 | low>>21, low & (1<<21 - 1), high>>63 != 0
}

// search finds a block's run in a sorted list of records that end at a block.
func (f *FS) search(n *node, records []byte, block, end uint64) (inode.Run, error) {
	low, high := 0, len(records)/recordSize
	for low < high {
		m := (low + high) / 2
		if at, _, _, _ := extent(records[m*recordSize:]); at <= block {
			low = m + 1
		} else {
			high = m
		}
	}
	if low < len(records)/recordSize {
		at, _, _, _ := extent(records[low*recordSize:])
		end = min(end, at)
	}
	if low == 0 {
		return inode.Run{Count: end - block}, nil
	}
	at, start, count, unwritten := extent(records[(low-1)*recordSize:])
	switch {
	case count == 0 || at+count > end:
		return inode.Run{}, inode.Damaged("extents of xfs inode %d overlap", n.Inode)
	case block >= at+count:
		return inode.Run{Count: end - block}, nil
	case unwritten:
		return inode.Run{Count: at + count - block}, nil
	}
	disk, err := f.linear(start, count)
	return inode.Run{Start: disk + block - at, Count: at + count - block, Data: true}, err
}

// descend finds a block's run in the tree of extents.
func (f *FS) descend(n *node, block uint64) (inode.Run, error) {
	bad := inode.Damaged("extents of xfs inode %d", n.Inode)
	if len(n.fork) < 4 {
		return inode.Run{}, bad
	}
	level, used := int(be.Uint16(n.fork)), int(be.Uint16(n.fork[2:]))
	keys, end := n.fork[4:], noEnd
	for {
		room := len(keys) / 16
		if level < 1 || level > maxLevels || used < 1 || used > room {
			return inode.Run{}, bad
		}
		// The first key covers what is before it, too: a hole.
		i := 0
		for i+1 < used && be.Uint64(keys[8*(i+1):]) <= block {
			i++
		}
		if i+1 < used {
			end = min(end, be.Uint64(keys[8*(i+1):]))
		}
		b, err := f.block(be.Uint64(keys[8*(room+i):]))
		if err != nil {
			return inode.Run{}, err
		}
		header := 24
		if f.v5 {
			header = 72
		}
		below := int(be.Uint16(b[4:]))
		if below != level-1 || !f.owned(n, b) {
			return inode.Run{}, bad
		}
		level, used, keys = below, int(be.Uint16(b[6:])), b[header:]
		if level == 0 {
			if used > len(keys)/recordSize {
				return inode.Run{}, bad
			}
			return f.search(n, keys[:used*recordSize], block, end)
		}
	}
}

// owned verifies what a node of extents says of itself.
func (f *FS) owned(n *node, b []byte) bool {
	if !f.v5 {
		return string(b[:4]) == "BMAP"
	}
	return string(b[:4]) == "BMA3" && checked(b, 64) && be.Uint64(b[56:]) == n.Inode && bytes.Equal(b[40:56], f.uuid)
}
