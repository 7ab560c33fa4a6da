package rpmdb

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The kinds of page of a table.
const (
	interiorPage = 0x05
	leafPage     = 0x0d
)

// tablePage is one page of a table's b-tree: a head, the places of the cells, a gap,
// and the cells with free blocks and fragments between them.
type tablePage struct {
	bytes []byte
	head  int // where the page's head begins
	kind  byte
	cells int
	first int // where the list of cells begins
	start int // where the cells begin
	room  int // what is left for cells, in bytes
}

// open reads the head.
func (p *tablePage) open() error {
	h := p.bytes[p.head:]
	p.kind, p.cells = h[0], int(binary.BigEndian.Uint16(h[3:]))
	p.first = p.head + 8
	switch p.kind {
	case interiorPage:
		p.first += 4
	case leafPage:
	default:
		return fmt.Errorf("it is of kind %#x, not one of a table", p.kind)
	}
	if p.start = int(binary.BigEndian.Uint16(h[5:])); p.start == 0 {
		p.start = 1 << 16
	}
	if p.first+2*p.cells > p.start || p.start > len(p.bytes) {
		return fmt.Errorf("it states %d cells from byte %d on, more than it can hold", p.cells, p.start)
	}
	p.room = len(p.bytes) - p.start
	return nil
}

// cell returns the bytes from the start of a cell to the end of the page, at least
// five.
func (p *tablePage) cell(i int) ([]byte, error) {
	at := int(binary.BigEndian.Uint16(p.bytes[p.first+2*i:]))
	if at < p.start || at+5 > len(p.bytes) {
		// A row of less than five bytes cannot be in a table of rpm's.
		return nil, fmt.Errorf("cell %d begins at byte %d", i, at)
	}
	return p.bytes[at:], nil
}

// take counts a cell.
func (p *tablePage) take(size int) { p.room -= size }

// account checks that cells, free blocks and fragments make up the page, as SQLite's
// own integrity check does. It finds a count of cells that was lowered: without it a
// package would silently be missing.
func (p *tablePage) account() error {
	h := p.bytes[p.head:]
	left := p.room - int(h[7])
	for at, last := int(binary.BigEndian.Uint16(h[1:])), p.start-1; at != 0; { // in ascending order
		if at <= last || at+4 > len(p.bytes) {
			return errors.New("its list of free blocks is broken")
		}
		left -= int(binary.BigEndian.Uint16(p.bytes[at+2:]))
		at, last = int(binary.BigEndian.Uint16(p.bytes[at:])), at
	}
	if left != 0 {
		return fmt.Errorf("its cells and free blocks do not add up: %d bytes are unaccounted for", left)
	}
	return nil
}
