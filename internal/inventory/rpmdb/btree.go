package rpmdb

import (
	"encoding/binary"
	"slices"
)

// maxDepth of a b-tree, as in SQLite.
const maxDepth = 20

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
	p := tablePage{bytes: append([]byte(nil), shared[:s.usable]...)} // outlives the pages below
	if no == 1 {
		p.head = 100 // after the header of the database
	}
	if err := p.open(); err != nil {
		return pageError(s.name, no, "%w", err)
	}
	for i := range p.cells {
		cell, err := p.cell(i)
		if err != nil {
			return pageError(s.name, no, "%w", err)
		}
		if p.kind == interiorPage {
			_, n := varint(cell[4:])
			p.take(4 + n)
			if err := s.descend(binary.BigEndian.Uint32(cell), no, depth+1, do); err != nil {
				return err
			}
			continue
		}
		payload, used, err := s.payload(cell, no)
		if err != nil {
			return err
		}
		if p.take(used); p.room < 0 {
			return pageError(s.name, no, "its cells overlap")
		}
		if err := do(no, payload); err != nil {
			return err
		}
	}
	if err := p.account(); err != nil {
		return pageError(s.name, no, "%w", err)
	}
	if p.kind == interiorPage {
		return s.descend(binary.BigEndian.Uint32(p.bytes[p.head+8:]), no, depth+1, do)
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
	if all := s.file.size + int64(len(s.log.frames))*int64(s.size); length > uint64(all) {
		return nil, 0, pageError(s.name, page, "a row states %d bytes, the database has %d", length, all)
	}
	s.blob = append(slices.Grow(s.blob[:0], size), cell[:local]...)
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
