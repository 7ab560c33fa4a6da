package table

import (
	"fmt"
	"io"
)

// maxLogical bounds the chain of logical partitions; Linux stops at 256 in all.
const maxLogical = 128

// entry is one of the four of an MBR or of a link of the chain, in sectors.
type entry struct {
	kind         byte
	active       bool
	start, count int64
}

func entries(b []byte) (out [4]entry) {
	for i := range out {
		e := b[446+16*i:]
		out[i] = entry{e[4], e[0]&0x80 != 0, int64(le.Uint32(e[8:])), int64(le.Uint32(e[12:]))}
	}
	return out
}

func extended(kind byte) bool { return kind == 0x05 || kind == 0x0F || kind == 0x85 }

func readMBR(r io.ReaderAt, size int64, b []byte) (*Table, error) {
	t := &Table{Kind: "mbr", Sector: mbrSize}
	disk := le.Uint32(b[440:])
	add := func(number int, at int64, e entry) {
		t.Partitions = append(t.Partitions, Partition{
			Number: number, Start: (at + e.start) * mbrSize, Size: e.count * mbrSize,
			Type: fmt.Sprintf("%#02x", e.kind), UUID: fmt.Sprintf("%08x-%02x", disk, number), Active: e.active,
		})
	}
	first := entries(b)
	for i, e := range first {
		switch {
		case e.kind == 0 || e.count == 0:
		case b[446+16*i]&0x7F != 0:
			return nil, ErrNone // a boot sector of something else
		case extended(e.kind):
		default:
			add(i+1, 0, e)
		}
	}
	for _, e := range first {
		if extended(e.kind) && e.count > 0 {
			if err := logical(r, size, e, add); err != nil {
				return nil, err
			}
			break // Linux, too, follows one
		}
	}
	if len(t.Partitions) == 0 {
		return nil, ErrNone
	}
	return t, nil
}

// logical follows the chain in an extended partition: each link describes one
// partition, counted from the link, and the next link, counted from the first.
func logical(r io.ReaderAt, size int64, whole entry, add func(int, int64, entry)) error {
	seen := map[int64]bool{}
	number := 5
	for at := whole.start; ; {
		if seen[at] || len(seen) == maxLogical {
			return damaged("the chain of logical partitions does not end")
		}
		seen[at] = true
		if at*mbrSize > size-mbrSize {
			return damaged("the chain of logical partitions leaves the disk")
		}
		b := make([]byte, mbrSize)
		if err := readFull(r, b, at*mbrSize); err != nil {
			return err
		}
		if b[510] != 0x55 || b[511] != 0xAA {
			return damaged("a link of the chain of logical partitions is none")
		}
		next := int64(0)
		for _, e := range entries(b) {
			switch {
			case e.kind == 0 || e.count == 0:
			case !extended(e.kind):
				add(number, at, e)
				number++
			case next == 0:
				next = whole.start + e.start
			}
		}
		if next == 0 {
			return nil
		}
		at = next
	}
}
