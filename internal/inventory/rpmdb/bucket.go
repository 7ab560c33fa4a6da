package rpmdb

import (
	"fmt"
	"slices"
)

// chain is a value on overflow pages.
type chain struct {
	owner uint32 // the page that refers to it
	first uint32
	size  uint32 // in bytes
}

// bucket reads the pairs on one page of a bucket.
func (d *bdb) bucket(no uint32, page []byte, do each) error {
	n := int(d.order.Uint16(page[pageEntries:]))
	if n%2 != 0 || pageHead+2*n > d.size {
		return pageError(d.name, no, "states %d items", n)
	}
	end := d.size // items grow downwards from the end
	item := func(i int) ([]byte, error) {
		at := int(d.order.Uint16(page[pageHead+2*i:]))
		if at < pageHead+2*n || at >= end {
			return nil, pageError(d.name, no, "item %d begins at byte %d", i, at)
		}
		b := page[at:end]
		end = at
		return b, nil
	}
	for i := 0; i < n; i += 2 {
		key, err := item(i)
		if err != nil {
			return err
		}
		value, err := item(i + 1)
		if err != nil {
			return err
		}
		if key[0] != inPage || len(key) != 1+4 {
			return pageError(d.name, no, "item %d is not the number of a package", i)
		}
		if d.order.Uint32(key[1:]) == 0 {
			continue
		}
		switch {
		case value[0] == inPage:
			if err := do(value[1:]); err != nil {
				return pageError(d.name, no, "%w", err)
			}
		case value[0] == offPage && len(value) >= 12:
			d.chains = append(d.chains, chain{no, d.order.Uint32(value[4:]), d.order.Uint32(value[8:])})
		default:
			return pageError(d.name, no, "item %d is of kind %d", i+1, value[0])
		}
	}
	if free := int(d.order.Uint16(page[pageFree:])); n > 0 && free != end {
		return pageError(d.name, no, "its items begin at byte %d, the last one at %d: some are missing", free, end)
	}
	return nil
}

// follow returns what is on a chain.
func (d *bdb) follow(c chain) ([]byte, error) {
	if c.size > maxHeader || int64(c.size) > d.file.size {
		return nil, fmt.Errorf("an item states %d bytes", c.size)
	}
	d.blob = slices.Grow(d.blob[:0], int(c.size))
	from := c.owner
	for next := c.first; next != 0; {
		page, err := d.page(next, from, d.at)
		if err != nil {
			return nil, err
		}
		n := int(d.order.Uint16(page[pageFree:]))
		if page[pageKind] != overflowPage || pageHead+n > d.size || len(d.blob)+n > int(c.size) {
			return nil, pageError(d.name, next, "is of kind %d and holds %d bytes, in a chain for %d", page[pageKind], n, c.size)
		}
		d.blob = append(d.blob, page[pageHead:pageHead+n]...)
		from, next = next, d.order.Uint32(page[pageNext:])
	}
	if len(d.blob) != int(c.size) {
		return nil, pageError(d.name, from, "a chain ends after %d of %d bytes", len(d.blob), c.size)
	}
	return d.blob, nil
}
