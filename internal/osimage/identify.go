package osimage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// magic is a mark by which what stands on a partition is known.
type magic struct {
	what  string
	at    int64
	bytes string
}

// The file systems that are read.
const (
	extFamily = "ext4" // and ext2, ext3
	xfsFamily = "xfs"
)

// swapSpace and fatFamily are no root, and nothing to refuse a disk for.
const (
	swapSpace = "swap"
	fatFamily = "FAT"
)

// magics are in the order of trust: what wraps other file systems comes first.
var magics = []magic{
	{"an encrypted volume (LUKS)", 0, "LUKS\xba\xbe"},
	{"an encrypted volume (BitLocker)", 3, "-FVE-FS-"},
	{"LVM", 512, "LABELONE"},
	{"LVM", 1024, "LABELONE"},
	{"LVM", 0, "LABELONE"},
	{"LVM", 1536, "LABELONE"},
	{"software RAID (mdraid)", 0, "\xfc\x4e\x2b\xa9"},
	{"software RAID (mdraid)", 4096, "\xfc\x4e\x2b\xa9"},
	{"bcache", 4096 + 24, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81"},
	{xfsFamily, 0, "XFSB"},
	{"squashfs", 0, "hsqs"},
	{"NTFS", 3, "NTFS    "},
	{"exFAT", 3, "EXFAT   "},
	{"ReFS", 3, "ReFS\x00\x00\x00\x00"},
	{"APFS", 32, "NXSB"},
	{"f2fs", 1024, "\x10\x20\xf5\xf2"},
	{"erofs", 1024, "\xe2\xe1\xf5\xe0"},
	{"HFS+", 1024, "H+\x00\x04"},
	{"bcachefs", 4096 + 24, "\xf6\x73\x85\xc6\x1a\x4e\xca\x45\x82\x65\xf5\x7f\x48\xba\x6d\x81"},
	{"bcachefs", 4096 + 24, "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef"},
	{extFamily, 1024 + 56, "\x53\xef"},
	{"btrfs", 0x10040, "_BHRfS_M"},
	{"ReiserFS", 0x10034, "ReIsEr"},
	{"JFS", 0x8000, "JFS1"},
	{"an ISO 9660 image", 0x8001, "CD001"},
	{"nilfs2", 1024 + 6, "\x34\x34"},
	{"ZFS", 128 << 10, "\x0c\xb1\xba\x00\x00\x00\x00\x00"},
	{"ZFS", 132 << 10, "\x0c\xb1\xba\x00\x00\x00\x00\x00"},
	{"ZFS", 136 << 10, "\x0c\xb1\xba\x00\x00\x00\x00\x00"},
	{swapSpace, 4096 - 10, "SWAPSPACE2"},
	{swapSpace, 65536 - 10, "SWAPSPACE2"},
	{fatFamily, 54, "FAT1"},
	{fatFamily, 82, "FAT32"},
}

// identify names the file system, or other use, of a partition; "" is nothing known.
// Everything looked at lies in the first 144 KiB.
func identify(r io.ReaderAt, start, size int64) (string, error) {
	for _, m := range magics {
		if m.at+int64(len(m.bytes)) > size {
			continue
		}
		b := make([]byte, len(m.bytes))
		if n, err := r.ReadAt(b, start+m.at); n < len(b) {
			if err == nil || errors.Is(err, io.EOF) {
				continue
			}
			return "", fmt.Errorf("read: %w", err)
		}
		if string(b) != m.bytes {
			continue
		}
		if m.what == extFamily {
			ok, err := plausibleExt(r, start)
			if err != nil {
				return "", err
			}
			if !ok {
				continue
			}
		}
		return m.what, nil
	}
	return "", nil
}

// plausibleExt looks twice at a superblock whose mark has only two bytes.
func plausibleExt(r io.ReaderAt, start int64) (bool, error) {
	b := make([]byte, 96)
	if _, err := r.ReadAt(b, start+1024); err != nil {
		return false, fmt.Errorf("read: %w", err)
	}
	le := binary.LittleEndian
	return le.Uint32(b[0x18:]) <= 6 && le.Uint32(b[0x4C:]) <= 1 && le.Uint32(b[0x28:]) > 0, nil
}

// raidAtEnd looks for the kinds of RAID that keep their mark at the end, so that
// the member looks like the file system on it.
func raidAtEnd(r io.ReaderAt, start, size int64) bool {
	for _, at := range []int64{(size - 8<<10) &^ 4095, (size &^ (64<<10 - 1)) - 64<<10} {
		b := make([]byte, 4)
		if at < 0 {
			continue
		}
		if n, _ := r.ReadAt(b, start+at); n == len(b) && binary.LittleEndian.Uint32(b) == 0xa92b4efc {
			return true
		}
	}
	return false
}
