package container

import (
	"errors"
	"fmt"
	"io"

	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

// The layout follows Microsoft's "Virtual Hard Disk Image Format Specification";
// numbers are big-endian.
const (
	vhdFixed        = 2
	vhdDynamic      = 3
	vhdDifferencing = 4
	vhdSector       = 512
	unallocated     = 0xFFFFFFFF
)

var errNoVHD = errors.New("no VHD")

// vhd is a dynamic disk: blocks, each behind a bitmap of the sectors in use.
type vhd struct {
	r      io.ReaderAt // tables and bitmaps
	data   io.ReaderAt
	table  int64
	blocks uint32
	block  int64
	bitmap int64 // bytes before a block
}

func openVHD(r io.ReaderAt, size int64) (io.ReaderAt, int64, error) {
	if size < vhdSector {
		return nil, 0, errNoVHD
	}
	f := make([]byte, vhdSector)
	if err := readFull(r, f, size-vhdSector); err != nil {
		return nil, 0, err
	}
	if string(f[:8]) != "conectix" {
		// A dynamic disk repeats its footer at the beginning: it ends early.
		if err := readFull(r, f, 0); err != nil {
			return nil, 0, err
		}
		if string(f[:8]) == "conectix" {
			return nil, 0, inode.Damaged("the VHD has no footer: it ends early")
		}
		return nil, 0, errNoVHD
	}
	disk, kind := be.Uint64(f[48:]), be.Uint32(f[60:])
	switch {
	case !summed(f, 64):
		return nil, 0, inode.Damaged("checksum of the footer is wrong")
	case be.Uint32(f[12:]) != 0x00010000:
		return nil, 0, &inode.UnsupportedError{What: fmt.Sprintf("VHD version %#x", be.Uint32(f[12:]))}
	case f[84] != 0:
		return nil, 0, inode.Dirty("the VHD belongs to a machine in a saved state")
	case disk == 0 || disk > uint64(maxDisk) || disk%vhdSector != 0:
		return nil, 0, inode.Damaged("a disk of %d bytes", disk)
	case kind == vhdFixed && disk > uint64(size-vhdSector):
		return nil, 0, inode.Damaged("a disk of %d bytes in %d", disk, size)
	case kind == vhdFixed:
		return io.NewSectionReader(r, 0, int64(disk)), int64(disk), nil
	case kind == vhdDifferencing:
		return nil, 0, &inode.UnsupportedError{What: "a VHD over a parent disk"}
	case kind != vhdDynamic:
		return nil, 0, &inode.UnsupportedError{What: fmt.Sprintf("VHD of type %d", kind)}
	}
	v, err := dynamicVHD(r, size, int64(be.Uint64(f[16:])), disk)
	if err != nil {
		return nil, 0, err
	}
	return &pieces{disk: int64(disk), piece: v.block, read: v.read}, int64(disk), nil
}

func dynamicVHD(r io.ReaderAt, size, at int64, disk uint64) (*vhd, error) {
	h := make([]byte, 1024)
	if err := readFull(r, h, at); err != nil {
		return nil, err
	}
	v := &vhd{r: inode.NewPages(r, size), data: r, table: int64(be.Uint64(h[16:])), blocks: be.Uint32(h[28:]), block: int64(be.Uint32(h[32:]))}
	switch {
	case string(h[:8]) != "cxsparse" || !summed(h, 36):
		return nil, inode.Damaged("the header of the dynamic VHD is wrong")
	case v.block < vhdSector || v.block > 64<<20 || v.block&(v.block-1) != 0:
		return nil, inode.Damaged("blocks of %d bytes", v.block)
	case v.table < 0 || v.table > size:
		return nil, inode.Damaged("a table at %d", v.table)
	case (disk+uint64(v.block)-1)/uint64(v.block) > uint64(v.blocks):
		return nil, inode.Damaged("a table of %d blocks for %d bytes", v.blocks, disk)
	}
	v.bitmap = (v.block/vhdSector/8 + vhdSector - 1) / vhdSector * vhdSector
	return v, nil
}

// summed verifies a checksum: the complement of the sum of all other bytes.
func summed(b []byte, at int) bool {
	var sum uint32
	for i, c := range b {
		if i < at || i >= at+4 {
			sum += uint32(c)
		}
	}
	return ^sum == be.Uint32(b[at:])
}

// read reads within a block, sector by sector where the bitmap has gaps.
func (v *vhd) read(p []byte, index, in int64) error {
	b := make([]byte, 4)
	if err := readFull(v.r, b, v.table+index*4); err != nil {
		return err
	}
	place := be.Uint32(b)
	if place == unallocated {
		clear(p)
		return nil
	}
	at := int64(place) * vhdSector
	first, last := in/vhdSector, (in+int64(len(p))-1)/vhdSector
	bits := make([]byte, last/8-first/8+1)
	if err := readFull(v.r, bits, at+first/8); err != nil {
		return err
	}
	used := func(sector int64) bool { return bits[sector/8-first/8]>>(7-sector%8)&1 != 0 }
	for s := first; s <= last; {
		end := s + 1
		for end <= last && used(end) == used(s) {
			end++
		}
		from, to := max(s*vhdSector, in), min(end*vhdSector, in+int64(len(p)))
		part := p[from-in : to-in]
		if !used(s) {
			clear(part)
		} else if err := readFull(v.data, part, at+v.bitmap+from); err != nil {
			return err
		}
		s = end
	}
	return nil
}
