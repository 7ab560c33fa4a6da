package table

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"unicode/utf16"
)

// maxEntries bounds a GPT; the usual is 128 entries of 128 bytes.
const maxEntries = 1 << 20 // bytes

// readGPT reads the first copy or, when it is damaged, the one at the disk's end.
func readGPT(r io.ReaderAt, size int64) (*Table, error) {
	var first error
	for _, sector := range []int64{512, 4096} {
		t, err := readGPTAt(r, size, sector, 1)
		if err == nil {
			return t, nil
		}
		first = worse(first, err)
	}
	for _, sector := range []int64{512, 4096} {
		t, err := readGPTAt(r, size, sector, size/sector-1)
		if err == nil {
			t.Remarks = append(t.Remarks, fmt.Sprintf("the first GPT is damaged (%v); its backup was read", first))
			return t, nil
		}
		if !errors.Is(err, ErrDamaged) {
			return nil, err // the disk could not be read: that says nothing of a backup
		}
	}
	return nil, first
}

// worse keeps the error that says more: one of the disk, then one of a header found.
func worse(a, b error) error {
	if a == nil || !errors.Is(b, ErrDamaged) || errors.Is(a, errNoHeader) {
		return b
	}
	return a
}

var errNoHeader = fmt.Errorf("%w: no GPT where the MBR says there is one", ErrDamaged)

// readGPTAt reads the copy whose header is at a sector.
func readGPTAt(r io.ReaderAt, size, sector, at int64) (*Table, error) {
	if at < 1 || (at+1)*sector > size {
		return nil, errNoHeader
	}
	h := make([]byte, 512)
	if err := readFull(r, h, at*sector); err != nil {
		return nil, err
	}
	if string(h[:8]) != "EFI PART" {
		return nil, errNoHeader
	}
	length := int(le.Uint32(h[12:]))
	if length < 92 || length > len(h) {
		return nil, damaged("GPT header of %d bytes", length)
	}
	sum := le.Uint32(h[16:])
	clear(h[16:20])
	if crc32.ChecksumIEEE(h[:length]) != sum {
		return nil, damaged("checksum of the GPT header is wrong")
	}
	if int64(le.Uint64(h[24:])) != at {
		return nil, damaged("GPT header at sector %d says %d", at, le.Uint64(h[24:]))
	}
	from, count, width := le.Uint64(h[72:]), uint64(le.Uint32(h[80:])), uint64(le.Uint32(h[84:]))
	if width < 128 || width%8 != 0 || count*width > maxEntries || count*width == 0 || from > uint64(size/sector) {
		return nil, damaged("GPT of %d entries of %d bytes at sector %d", count, width, from)
	}
	b := make([]byte, count*width)
	if err := readFull(r, b, int64(from)*sector); err != nil {
		return nil, err
	}
	if crc32.ChecksumIEEE(b) != le.Uint32(h[88:]) {
		return nil, damaged("checksum of the GPT entries is wrong")
	}
	t := &Table{Kind: "gpt", Sector: sector}
	limit := uint64(size / sector)
	for i := range count {
		e := b[i*width : (i+1)*width]
		if [16]byte(e[:16]) == [16]byte{} {
			continue
		}
		p := Partition{Number: int(i) + 1, Type: guid(e), UUID: guid(e[16:]), Name: name(e[56:128]), Active: e[48]&4 != 0}
		if start, end := le.Uint64(e[32:]), le.Uint64(e[40:]); start <= end && end < limit {
			p.Start, p.Size = int64(start)*sector, int64(end-start+1)*sector
		}
		t.Partitions = append(t.Partitions, p)
	}
	return t, nil
}

// guid writes a GUID, whose first three parts are kept little-endian.
func guid(b []byte) string {
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", le.Uint32(b), le.Uint16(b[4:]), le.Uint16(b[6:]), b[8:10], b[10:16])
}

func name(b []byte) string {
	var words []uint16
	for i := 0; i+1 < len(b); i += 2 {
		w := le.Uint16(b[i:])
		if w == 0 {
			break
		}
		words = append(words, w)
	}
	return strings.ToValidUTF8(string(utf16.Decode(words)), "")
}
