package rpmdb

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/goldenami/rehydrate/internal/fault"
)

// bdb is a Berkeley DB hash. Keys are package numbers, values headers; small values
// stand in the bucket's page, large ones on a chain of overflow pages. Key 0 holds
// the highest number. Numbers have the byte order of the machine that made the file.
type bdb struct {
	*file
	order   binary.ByteOrder
	size    int    // of a page
	pages   uint32 // of the file
	buckets uint32
	spares  [32]uint32 // pages before the buckets of each doubling
	used    pageSet
	chains  []chain
	blob    []byte // reused
}

const (
	hashMagic = 0x061561
	// places of a page's header
	pageNext    = 16
	pageEntries = 20
	pageFree    = 22
	pageKind    = 25
	pageHead    = 26
	// kinds of page
	unsortedPage = 2 // before version 9
	overflowPage = 7
	metaPage     = 8
	sortedPage   = 13
	// kinds of item
	inPage  = 1
	offPage = 3
)

// mark reads the first page. Berkeley DB counts nothing there that each change
// raises; that page, and the size and time of the file, are all there is.
func (d *bdb) mark() (string, error) {
	head, err := d.direct(0, 512)
	if err != nil {
		return "", err
	}
	if len(head) < 512 {
		return "", errors.New("it is not a Berkeley DB hash")
	}
	switch uint32(hashMagic) {
	case binary.LittleEndian.Uint32(head[12:]):
		d.order = binary.LittleEndian
	case binary.BigEndian.Uint32(head[12:]):
		d.order = binary.BigEndian
	default:
		return "", errors.New("it is not a Berkeley DB hash")
	}
	version, size := d.order.Uint32(head[16:]), d.order.Uint32(head[20:])
	switch {
	case version < 7 || version > 10:
		return "", fmt.Errorf("it is a Berkeley DB hash of version %d, only 7 to 10 are known", version)
	case head[24] != 0 || head[26] != 0:
		return "", errors.New("it is a Berkeley DB hash with encryption, checksums or partitions, which rpm never makes")
	case head[pageKind] != metaPage || size < 512 || size > 1<<16 || size&(size-1) != 0:
		return "", fmt.Errorf("its first page is of kind %d and states pages of %d bytes", head[pageKind], size)
	}
	d.size = int(size)
	d.pages = uint32(min(d.file.size/int64(size), 1<<31))
	last := d.order.Uint32(head[32:])
	d.buckets = d.order.Uint32(head[72:])
	if last >= d.pages {
		return "", fmt.Errorf("it is cut short: its last page is %d, it has %d", last, d.pages)
	}
	if d.buckets >= d.pages {
		return "", fmt.Errorf("it states %d buckets on %d pages", uint64(d.buckets)+1, d.pages)
	}
	for i := range d.spares {
		d.spares[i] = d.order.Uint32(head[96+4*i:])
	}
	return string(head), nil
}

// headers reads every bucket, then every chain in the order of the file: buckets lead
// to all its ends in turn.
func (d *bdb) headers(do each) error {
	d.used = newPageSet(d.pages)
	d.used.add(0)
	for b := range d.buckets + 1 {
		// A bucket's page: its number, and the pages of other kinds before its doubling.
		no := b + d.spares[bits.Len32(b)]
		for from := uint32(0); no != 0; {
			page, err := d.page(no, from, d.direct)
			if err != nil {
				return err
			}
			if kind := page[pageKind]; kind == 0 && from == 0 {
				break // allocated with its doubling, never used
			} else if kind != sortedPage && kind != unsortedPage {
				return pageError(d.name, no, "is of kind %d, not one of a bucket", kind)
			}
			if err := d.bucket(no, page, do); err != nil {
				return err
			}
			from, no = no, d.order.Uint32(page[pageNext:])
		}
	}
	slices.SortFunc(d.chains, func(a, b chain) int { return cmp.Compare(a.first, b.first) })
	for _, c := range d.chains {
		blob, err := d.follow(c)
		if err == nil {
			err = do(blob)
		}
		if err != nil {
			return pageError(d.name, c.owner, "%w", err)
		}
	}
	return d.leftovers()
}

// page returns a page, valid until the next call of read. Each page is given once.
func (d *bdb) page(no, from uint32, read func(int64, int) ([]byte, error)) ([]byte, error) {
	if no >= d.pages {
		return nil, pageError(d.name, from, "it refers to page %d of %d", no, d.pages)
	}
	if !d.used.add(no) {
		return nil, pageError(d.name, from, "it refers to page %d, which was used before", no)
	}
	b, err := read(int64(no)*int64(d.size), d.size)
	if err != nil {
		return nil, err
	}
	if len(b) < d.size {
		return nil, pageError(d.name, no, "the file ends within it")
	}
	return b, nil
}

// leftovers refuses pages with packages that no bucket led to: a count of buckets that
// was lowered, or a chain that was cut, would silently hide them.
func (d *bdb) leftovers() error {
	for no := range d.pages {
		if !d.used.add(no) {
			continue
		}
		head, err := d.direct(int64(no)*int64(d.size), pageHead)
		if err != nil {
			return err
		}
		if len(head) < pageHead {
			return pageError(d.name, no, "the file ends within it")
		}
		kind, n := head[pageKind], d.order.Uint16(head[pageEntries:])
		if (kind == sortedPage || kind == unsortedPage) && n > 0 || kind == overflowPage {
			return fault.As(pageError(d.name, no, "it holds packages, but nothing refers to it"), fault.Failed,
				"an rpm was interrupted on that system: rpm --rebuilddb there mends the database")
		}
	}
	return nil
}
