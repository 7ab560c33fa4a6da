package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// maxDepth of a b-tree, as in SQLite.
const maxDepth = 20

// The kinds of page of a table.
const (
	interiorPage = 0x05
	leafPage     = 0x0d
)

// walk calls do with the payload of every row of the table whose root is page no.
// The payload is valid during the call only.
func (s *sqlite) walk(no, from uint32, do func(page uint32, payload []byte) error) error {
	return s.descend(no, from, 0, do)
}

func (s *sqlite) descend(no, from uint32, depth int, do func(uint32, []byte) error) error {
	if depth > maxDepth {
		return pageError(s.name, from, "the table is more than %d levels deep", maxDepth)
	}
	shared, err := s.page(no, from)
	if err != nil {
		return err
	}
	b := append([]byte(nil), shared...) // outlives the pages below
	head := 0
	if no == 1 {
		head = 100 // after the header of the database
	}
	kind, cells := b[head], int(binary.BigEndian.Uint16(b[head+3:]))
	first := head + 8
	if kind == interiorPage {
		first += 4
	}
	if kind != interiorPage && kind != leafPage {
		return pageError(s.name, no, "is of kind %#x, not one of a table", kind)
	}
	if first+2*cells > s.usable {
		return pageError(s.name, no, "states %d cells, more than it can hold", cells)
	}
	room := s.usable // what cells may take of the page together: they cannot overlap
	for i := range cells {
		at := int(binary.BigEndian.Uint16(b[first+2*i:]))
		if at < first+2*cells || at+4 > s.usable {
			return pageError(s.name, no, "cell %d begins at byte %d", i, at)
		}
		if kind == interiorPage {
			if err := s.descend(binary.BigEndian.Uint32(b[at:]), no, depth+1, do); err != nil {
				return err
			}
			continue
		}
		payload, local, err := s.payload(b[at:s.usable], no)
		if err != nil {
			return err
		}
		if room -= local; room < 0 {
			return pageError(s.name, no, "its cells overlap")
		}
		if err := do(no, payload); err != nil {
			return err
		}
	}
	if kind == interiorPage {
		return s.descend(binary.BigEndian.Uint32(b[head+8:]), no, depth+1, do)
	}
	return nil
}

// payload returns the row that begins with cell: its length, its number, and as many
// bytes as the format keeps on the page; the rest is on a chain of overflow pages.
// used is what the cell takes of the page, in bytes.
func (s *sqlite) payload(cell []byte, page uint32) (_ []byte, used int, err error) {
	length, n := varint(cell)
	if n == 0 || length > maxHeader {
		return nil, 0, pageError(s.name, page, "a row states %d bytes", length)
	}
	_, m := varint(cell[n:])
	if m == 0 {
		return nil, 0, pageError(s.name, page, "a row is cut short")
	}
	cell = cell[n+m:]
	size, local := int(length), int(length)
	if most := s.usable - 35; size > most {
		least := (s.usable-12)*32/255 - 23
		if local = least + (size-least)%(s.usable-4); local > most {
			local = least
		}
		if len(cell) < local+4 {
			return nil, 0, pageError(s.name, page, "a row is cut short")
		}
	}
	if len(cell) < local {
		return nil, 0, pageError(s.name, page, "a row is cut short")
	}
	if local == size {
		return cell[:size], n + m + size, nil
	}
	s.blob = append(s.blob[:0], cell[:local]...)
	next, from := binary.BigEndian.Uint32(cell[local:]), page
	for len(s.blob) < size { // as long as the chain, whatever the length states
		b, err := s.page(next, from)
		if err != nil {
			return nil, 0, err
		}
		from, next = next, binary.BigEndian.Uint32(b)
		s.blob = append(s.blob, b[4:min(s.usable, 4+size-len(s.blob))]...)
	}
	if next != 0 {
		return nil, 0, pageError(s.name, from, "the row ends here, its chain goes on to page %d", next)
	}
	return s.blob, n + m + local + 4, nil
}

// varint reads SQLite's big-endian number of 1 to 9 bytes; n is 0 if b is too short.
func varint(b []byte) (v uint64, n int) {
	for n < len(b) && n < 8 {
		v = v<<7 | uint64(b[n]&0x7f)
		n++
		if b[n-1] < 0x80 {
			return v, n
		}
	}
	if n == 8 && len(b) > 8 {
		return v<<8 | uint64(b[8]), 9
	}
	return 0, 0
}

// value is one column of a row.
type value struct {
	number int64
	text   []byte // of a text or a blob
	blob   bool
}

// record takes a row apart.
func record(payload []byte) ([]value, error) {
	head, n := varint(payload)
	if n == 0 || head > uint64(len(payload)) || int(head) < n {
		return nil, errors.New("a row's head is longer than the row")
	}
	kinds, body := payload[n:head], payload[head:]
	var row []value
	for len(kinds) > 0 {
		kind, n := varint(kinds)
		if n == 0 || len(row) == 64 { // the tables read here have five columns at most
			return nil, errors.New("a row's head is not readable")
		}
		kinds = kinds[n:]
		size := serialSize(kind)
		if size > uint64(len(body)) {
			return nil, fmt.Errorf("a column of %d bytes is longer than the row", size)
		}
		v := value{}
		switch {
		case kind >= 12:
			v.text, v.blob = body[:size], kind%2 == 0
		case kind >= 1 && kind <= 6:
			for i, c := range body[:size] {
				if i == 0 {
					v.number = int64(int8(c))
					continue
				}
				v.number = v.number<<8 | int64(c)
			}
		case kind == 9:
			v.number = 1
		}
		row, body = append(row, v), body[size:]
	}
	return row, nil
}

// serialSize is the length in bytes of a column by its serial type.
func serialSize(kind uint64) uint64 {
	switch {
	case kind >= 12:
		return (kind - 12) / 2
	case kind <= 4:
		return kind
	case kind == 5:
		return 6
	case kind == 6, kind == 7:
		return 8
	}
	return 0
}
