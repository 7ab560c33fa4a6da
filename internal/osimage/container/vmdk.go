package container

import (
	"bytes"
	"fmt"
	"io"
	"regexp"

	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

// The layout follows VMware's "Virtual Disk Format 5.0"; numbers are little-endian,
// places and sizes are in sectors of 512 bytes.
const (
	vmdkZeroed     = 1 << 2
	vmdkCompressed = 1 << 16
	vmdkMarkers    = 1 << 17
	vmdkAtEnd      = ^uint64(0) // the directory's place is in a footer
	vmdkSector     = 512
	maxDescriptor  = 64 << 10
)

// vmdk maps the disk's grains through a directory of tables.
type vmdk struct {
	r         io.ReaderAt // tables
	data      io.ReaderAt
	size      int64  // of the file
	disk      int64  // bytes
	grain     int64  // bytes
	perTable  int64  // entries
	directory int64  // byte
	tables    uint64 // entries of the directory
	flags     uint32
	cache     unpacked
}

func openVMDK(r io.ReaderAt, size int64) (io.ReaderAt, int64, error) {
	h := make([]byte, vmdkSector)
	if err := readFull(r, h, 0); err != nil {
		return nil, 0, err
	}
	if le.Uint64(h[56:]) == vmdkAtEnd {
		// The footer repeats the header before the marker of the end.
		if err := readFull(r, h, size-2*vmdkSector); err != nil {
			return nil, 0, err
		}
		if string(h[:4]) != "KDMV" || le.Uint64(h[56:]) == vmdkAtEnd {
			return nil, 0, inode.Damaged("the VMDK has no footer: it ends early")
		}
	}
	v := &vmdk{r: inode.NewPages(r, size), data: r, size: size, flags: le.Uint32(h[8:]), perTable: int64(le.Uint32(h[44:]))}
	capacity, grain, directory := le.Uint64(h[12:]), le.Uint64(h[20:]), le.Uint64(h[56:])
	switch version := le.Uint32(h[4:]); {
	case version < 1 || version > 3:
		return nil, 0, &inode.UnsupportedError{What: fmt.Sprintf("VMDK version %d", version)}
	case h[72] != 0:
		return nil, 0, inode.Dirty("the VMDK is marked as in use")
	case le.Uint16(h[77:]) > 1 || v.flags&vmdkCompressed != 0 && le.Uint16(h[77:]) != 1:
		return nil, 0, &inode.UnsupportedError{What: fmt.Sprintf("VMDK with compression %d", le.Uint16(h[77:]))}
	case v.flags&vmdkCompressed != 0 && v.flags&vmdkMarkers == 0:
		return nil, 0, &inode.UnsupportedError{What: "VMDK with compression and without markers"}
	case capacity == 0 || capacity > uint64(maxDisk/vmdkSector):
		return nil, 0, inode.Damaged("a disk of %d sectors", capacity)
	case grain < 1 || grain > 2048 || grain&(grain-1) != 0:
		return nil, 0, inode.Damaged("grains of %d sectors", grain)
	case v.perTable < 1 || v.perTable > 4096:
		return nil, 0, inode.Damaged("tables of %d entries", v.perTable)
	case directory == 0 || directory > uint64(size/vmdkSector):
		return nil, 0, inode.Damaged("a directory at sector %d", directory)
	}
	if err := v.descriptor(le.Uint64(h[28:]), le.Uint64(h[36:])); err != nil {
		return nil, 0, err
	}
	v.grain, v.directory = int64(grain)*vmdkSector, int64(directory)*vmdkSector
	each := uint64(v.perTable) * grain
	v.tables = (capacity + each - 1) / each
	v.disk = int64(capacity) * vmdkSector
	return &pieces{disk: v.disk, piece: v.grain, read: v.read}, v.disk, nil
}

var (
	parentLine = regexp.MustCompile(`(?m)^\s*parentCID\s*=\s*([0-9a-fA-F]+)`)
	extentLine = regexp.MustCompile(`(?m)^\s*(?:RW|RDONLY|NOACCESS)\s+\d+\s+(\w+)(?:\s+"([^"]*)")?`)
)

// descriptor reads the text in the file that says whether it is all of the disk.
func (v *vmdk) descriptor(at, length uint64) error {
	if at == 0 || length == 0 {
		return &inode.UnsupportedError{What: "a VMDK that is one piece of several"}
	}
	if at > uint64(v.size/vmdkSector) || length > maxDescriptor/vmdkSector {
		return inode.Damaged("a descriptor of %d sectors at sector %d", length, at)
	}
	text := make([]byte, min(int64(length)*vmdkSector, v.size-int64(at)*vmdkSector))
	if err := readFull(v.r, text, int64(at)*vmdkSector); err != nil {
		return err
	}
	text, _, _ = bytes.Cut(text, []byte{0})
	if p := parentLine.FindSubmatch(text); p != nil && !bytes.EqualFold(p[1], []byte("ffffffff")) {
		return &inode.UnsupportedError{What: "a VMDK over a parent disk"}
	}
	switch n := len(extentLine.FindAll(text, -1)); {
	case n == 1:
		return nil
	case n == 0 && len(bytes.TrimSpace(text)) == 0:
		return &inode.UnsupportedError{What: "a VMDK that is one piece of several"}
	case n == 0:
		return inode.Damaged("a descriptor without a piece of disk")
	default:
		return &inode.UnsupportedError{What: fmt.Sprintf("a VMDK in %d pieces", n)}
	}
}

// refuseDescriptor names the file in which a descriptor's disk is.
func refuseDescriptor(r io.ReaderAt, size int64) error {
	text := make([]byte, min(size, maxDescriptor))
	if err := readFull(r, text, 0); err != nil {
		return err
	}
	all := extentLine.FindAllSubmatch(text, -1)
	if len(all) == 1 && string(all[0][1]) == "FLAT" {
		return &inode.UnsupportedError{What: fmt.Sprintf("a VMDK descriptor (the disk is the raw file %q: name that one)", all[0][2])}
	}
	return &inode.UnsupportedError{What: fmt.Sprintf("a VMDK descriptor of %d pieces", len(all))}
}

// read reads within a grain.
func (v *vmdk) read(p []byte, index, in int64) error {
	place, err := v.lookup(index)
	if err != nil {
		return err
	}
	switch {
	case place == 0 || place == 1 && v.flags&vmdkZeroed != 0:
		clear(p)
		return nil
	case v.flags&vmdkCompressed == 0:
		return readFull(v.data, p, place*vmdkSector+in)
	}
	b, err := v.cache.get(index, func() ([]byte, error) { return v.unpack(index, place*vmdkSector) })
	if err == nil {
		copy(p, b[in:])
	}
	return err
}

// lookup finds a grain's sector; 0 is none.
func (v *vmdk) lookup(index int64) (int64, error) {
	row := index / v.perTable
	if uint64(row) >= v.tables {
		return 0, inode.Damaged("grain %d is in no table", index)
	}
	b := make([]byte, 4)
	if err := readFull(v.r, b, v.directory+row*4); err != nil {
		return 0, err
	}
	table := int64(le.Uint32(b))
	if table == 0 {
		return 0, nil
	}
	if err := readFull(v.r, b, table*vmdkSector+index%v.perTable*4); err != nil {
		return 0, err
	}
	return int64(le.Uint32(b)), nil
}

// unpack reads a compressed grain, which repeats where it belongs.
func (v *vmdk) unpack(index, at int64) ([]byte, error) {
	h := make([]byte, 12)
	if err := readFull(v.r, h, at); err != nil {
		return nil, err
	}
	if own := le.Uint64(h); own != uint64(index*(v.grain/vmdkSector)) {
		return nil, inode.Damaged("grain %d says it is sector %d", index, own)
	}
	length := int64(le.Uint32(h[8:]))
	if length > 2*v.grain+1024 || at+12+length > v.size {
		return nil, inode.Damaged("grain %d has %d bytes", index, length)
	}
	return unpack(zlibbed, io.NewSectionReader(v.data, at+12, length), min(v.grain, v.disk-index*v.grain))
}
