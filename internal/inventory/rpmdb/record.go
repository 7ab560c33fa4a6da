package rpmdb

import (
	"errors"
	"fmt"
)

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
