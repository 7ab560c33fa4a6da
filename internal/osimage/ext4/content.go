package ext4

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

// Open gives a regular file's bytes.
func (f *FS) Open(ino uint64) (io.ReaderAt, error) {
	n, err := f.read(ino)
	if err != nil {
		return nil, err
	}
	if !n.Mode.IsRegular() {
		return nil, inode.Damaged("ext4 inode %d is no regular file", ino)
	}
	return f.content(n)
}

// content gives the bytes of a file, directory or long symbolic link.
func (f *FS) content(n *node) (io.ReaderAt, error) {
	switch {
	case n.flags&encrypted != 0:
		return nil, &inode.UnsupportedError{What: "an encrypted ext4 file"}
	case n.flags&compressed != 0 && n.flags&mapped == 0:
		return nil, &inode.UnsupportedError{What: "a compressed ext4 file"}
	case n.flags&inline != 0:
		b, err := n.inlined()
		return bytes.NewReader(b), err
	case n.flags&mapped != 0:
		return inode.Mapped{Disk: f.r, Size: n.Size, Block: f.blockSize, Blocks: f.blocks, Find: func(block uint64) (inode.Run, error) { return f.extent(n, block) }}, nil
	}
	return inode.Mapped{Disk: f.r, Size: n.Size, Block: f.blockSize, Blocks: f.blocks, Find: func(block uint64) (inode.Run, error) { return f.pointer(n, block) }}, nil
}

// blockMap is where an inode keeps its map, extents or short data.
const blockMap, mapSize = 0x28, 60

// inlined is the data kept in the inode: the first part where the block map would
// be, the rest in the extended attribute system.data.
func (n *node) inlined() ([]byte, error) {
	b := append([]byte(nil), n.raw[blockMap:blockMap+mapSize]...)
	if n.Size > mapSize {
		more, err := n.attribute(7, "data")
		if err != nil {
			return nil, err
		}
		b = append(b, more...)
	}
	if int64(len(b)) < n.Size {
		return nil, inode.Damaged("ext4 inode %d keeps %d of %d bytes", n.Inode, len(b), n.Size)
	}
	return b[:n.Size], nil
}

// attribute finds an extended attribute inside the inode; none is no bytes.
func (n *node) attribute(space byte, name string) ([]byte, error) {
	le := binary.LittleEndian
	area := n.raw[min(len(n.raw), 128+n.extra()):]
	if len(area) < 4 || le.Uint32(area) != 0xEA020000 {
		return nil, nil
	}
	area = area[4:]
	for e := area; len(e) >= 16 && le.Uint32(e) != 0; {
		length := (16 + int(e[0]) + 3) &^ 3
		if length > len(e) {
			break
		}
		if e[1] == space && string(e[16:16+int(e[0])]) == name {
			off, size := int(le.Uint16(e[2:])), le.Uint32(e[8:])
			if le.Uint32(e[4:]) != 0 || off > len(area) || uint64(size) > uint64(len(area)-off) {
				break
			}
			return area[off : off+int(size)], nil
		}
		e = e[length:]
	}
	return nil, inode.Damaged("extended attributes of ext4 inode %d", n.Inode)
}

// extent finds the run that a block of the file lies in, by the tree of extents.
func (f *FS) extent(n *node, block uint64) (inode.Run, error) {
	le := binary.LittleEndian
	b, end, above := n.raw[blockMap:blockMap+mapSize], uint64(1)<<32, -1
	for {
		if len(b) < 12 || le.Uint16(b) != 0xF30A {
			return inode.Run{}, inode.Damaged("extents of ext4 inode %d", n.Inode)
		}
		count, room, depth := int(le.Uint16(b[2:])), int(le.Uint16(b[4:])), int(le.Uint16(b[6:]))
		if count > room || 12+room*12 > len(b) || depth > 5 || above >= 0 && depth != above-1 {
			return inode.Run{}, inode.Damaged("extents of ext4 inode %d", n.Inode)
		}
		e, next := search(b[12:12+count*12], block)
		end = min(end, next)
		if e == nil {
			return inode.Run{Count: end - block}, nil // a hole before the first
		}
		if depth == 0 {
			return leaf(n, e, block, end)
		}
		var err error
		if b, err = f.block(uint64(le.Uint32(e[4:])) | uint64(le.Uint16(e[8:]))<<32); err != nil {
			return inode.Run{}, err
		}
		if err := f.verify(n, b); err != nil {
			return inode.Run{}, err
		}
		above = depth
	}
}

// search finds the last entry that begins at or before a block, and where the one
// after it begins.
func search(entries []byte, block uint64) (entry []byte, next uint64) {
	at := func(i int) uint64 { return uint64(binary.LittleEndian.Uint32(entries[i*12:])) }
	low, high := 0, len(entries)/12
	for low < high {
		if m := (low + high) / 2; at(m) <= block {
			low = m + 1
		} else {
			high = m
		}
	}
	next = 1 << 32
	if low < len(entries)/12 {
		next = at(low)
	}
	if low == 0 {
		return nil, next
	}
	return entries[(low-1)*12 : low*12], next
}

// leaf is the run of an extent from block on, or the hole behind it.
func leaf(n *node, e []byte, block, end uint64) (inode.Run, error) {
	le := binary.LittleEndian
	first, count := uint64(le.Uint32(e)), uint64(le.Uint16(e[4:]))
	unwritten := count > 32768
	if unwritten {
		count -= 32768
	}
	if count == 0 || first+count > end {
		return inode.Run{}, inode.Damaged("extents of ext4 inode %d overlap", n.Inode)
	}
	if block >= first+count {
		return inode.Run{Count: end - block}, nil
	}
	r := inode.Run{Count: first + count - block}
	if !unwritten {
		r.Start, r.Data = uint64(le.Uint32(e[8:]))|uint64(le.Uint16(e[6:]))<<32+block-first, true
	}
	return r, nil
}

// verify checks the checksum behind the entries of a node of extents.
func (f *FS) verify(n *node, b []byte) error {
	if f.readOnly&checksummed == 0 {
		return nil
	}
	at := 12 + int(binary.LittleEndian.Uint16(b[4:]))*12
	if at+4 > len(b) || crc(n.seed, b[:at]) != binary.LittleEndian.Uint32(b[at:]) {
		return inode.Damaged("checksum of the extents of ext4 inode %d is wrong", n.Inode)
	}
	return nil
}

// pointer finds the run of a block by the block map of ext2 and ext3: twelve
// blocks, then trees of one, two and three levels.
func (f *FS) pointer(n *node, block uint64) (inode.Run, error) {
	le := binary.LittleEndian
	list, span, per := n.raw[blockMap:blockMap+48], uint64(1), uint64(f.blockSize/4)
	if block >= 12 {
		block -= 12
		levels := 1
		for span = per; block >= span; levels++ {
			if block -= span; levels == 3 {
				return inode.Run{}, inode.Damaged("ext4 inode %d reaches beyond its block map", n.Inode)
			}
			span *= per
		}
		at := blockMap + 44 + 4*levels
		list = n.raw[at : at+4]
		for ; ; span /= per {
			p := uint64(le.Uint32(list[4*(block/span):]))
			if span == 1 || p == 0 {
				break
			}
			block %= span
			b, err := f.block(p)
			if err != nil {
				return inode.Run{}, err
			}
			list = b
			if span == per {
				span = 1
				break
			}
		}
	}
	index := block / span
	first := uint64(le.Uint32(list[4*index:]))
	if first == 0 {
		return inode.Run{Count: span - block%span}, nil
	}
	r := inode.Run{Start: first, Count: 1, Data: true}
	for i := index + 1; i < uint64(len(list)/4) && uint64(le.Uint32(list[4*i:])) == first+r.Count; i++ {
		r.Count++
	}
	return r, nil
}
