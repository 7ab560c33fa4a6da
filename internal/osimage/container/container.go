// Package container reads the disk inside a container file: qcow2, VMDK and VHD. A
// file of none of the known kinds is taken for the raw disk itself.
package container

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

var (
	be = binary.BigEndian
	le = binary.LittleEndian
)

// maxDisk bounds a disk's size: 64 TiB, the most that EBS offers.
const maxDisk = int64(64) << 40

// refused are formats that are known, and not read.
var refused = []struct {
	what  string
	at    int64
	bytes string
}{
	{"VHDX", 0, "vhdxfile"},
	{"VirtualBox's VDI", 0x40, "\x7f\x10\xda\xbe"},
	{"an ESX redo log (COWD)", 0, "COWD"},
	{"an ESX sparse disk (SESPARSE)", 0, "\xbe\xba\xfe\xca\x00\x00\x00\x00"},
	{"a Parallels disk", 0, "WithoutFreeSpace"},
	{"a Parallels disk", 0, "WithouFreSpacExt"},
	{"QED", 0, "QED\x00"},
	{"a gzip file (unpack it first)", 0, "\x1f\x8b\x08"},
	{"an xz file (unpack it first)", 0, "\xfd7zXZ\x00"},
	{"a zstd file (unpack it first)", 0, "\x28\xb5\x2f\xfd"},
	{"a bzip2 file (unpack it first)", 0, "BZh91AY"},
	{"a zip file (unpack it first)", 0, "PK\x03\x04"},
	{"a tar or OVA file (unpack it first)", 257, "ustar"},
}

// Detect finds out by its marks what a file of size bytes is, and gives the disk
// inside, its size in bytes and the format's name: raw, qcow2, vmdk or vhd. A
// known format that is not read is an inode.UnsupportedError; a container that was
// not closed properly an inode.ErrDirty.
func Detect(r io.ReaderAt, size int64) (disk io.ReaderAt, diskSize int64, format string, err error) {
	head := make([]byte, min(1024, size))
	if err := readFull(r, head, 0); err != nil {
		return nil, 0, "", fmt.Errorf("read disk image: %w", err)
	}
	is := func(at int64, mark string) bool {
		return int64(len(head)) >= at+int64(len(mark)) && string(head[at:at+int64(len(mark))]) == mark
	}
	for _, f := range refused {
		if is(f.at, f.bytes) {
			return nil, 0, "", &inode.UnsupportedError{What: f.what}
		}
	}
	switch {
	case is(0, "QFI\xfb"):
		format = "qcow2"
		disk, diskSize, err = openQcow2(r, size)
	case is(0, "KDMV"):
		format = "vmdk"
		disk, diskSize, err = openVMDK(r, size)
	case is(0, "# Disk DescriptorFile"):
		return nil, 0, "", refuseDescriptor(r, size)
	default:
		format = "vhd"
		disk, diskSize, err = openVHD(r, size)
		if errors.Is(err, errNoVHD) {
			return r, size, "raw", nil
		}
	}
	if err != nil {
		return nil, 0, "", fmt.Errorf("read %s: %w", format, err)
	}
	return disk, diskSize, format, nil
}

func readFull(r io.ReaderAt, p []byte, off int64) error {
	if off < 0 {
		return inode.Damaged("an offset of %d", off)
	}
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return inode.Damaged("the file ends at %d", off+int64(n))
	}
	return err
}

// pieces is a disk made of pieces of equal size.
type pieces struct {
	disk  int64 // bytes
	piece int64 // bytes
	// read reads within one piece; what is not there is zeros.
	read func(p []byte, index, in int64) error
}

// ReadAt reads piece by piece.
func (d *pieces) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= d.disk {
		return 0, io.EOF
	}
	var end error
	if int64(len(p)) > d.disk-off {
		p, end = p[:d.disk-off], io.EOF
	}
	for n := 0; n < len(p); {
		at := off + int64(n)
		part := p[n:]
		part = part[:min(int64(len(part)), d.piece-at%d.piece)]
		if err := d.read(part, at/d.piece, at%d.piece); err != nil {
			return n, err
		}
		n += len(part)
	}
	return len(p), end
}
