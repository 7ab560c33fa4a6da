package rpmdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// A header is: count of index entries, length of the data, the entries (tag, type,
// offset, count), the data; all numbers big-endian. What came in the package file
// stands first, as an unchanged "region" that the stored digests cover; what rpm
// added when it installed the package stands behind it and counts over it.

const (
	maxTags = 1 << 16 // rpm's own limits
	maxData = 256 << 20
	// maxHeader bounds one header in memory; the largest real ones (kernels, icon
	// sets) have a few MiB.
	maxHeader = 64 << 20
	// maxTexts bounds what is kept of one list of texts.
	maxTexts = 8 << 20
)

// types of data.
const (
	typeInt32   = 4
	typeString  = 6
	typeBinary  = 7
	typeStrings = 8
	typeI18N    = 9
)

// header is a header taken apart as far as the bounds go.
type header struct{ index, data []byte }

type entry struct {
	tag, kind uint32
	offset    int32
	count     uint32
}

func (h header) entry(i int) entry {
	b := h.index[16*i:]
	return entry{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), int32(binary.BigEndian.Uint32(b[8:])), binary.BigEndian.Uint32(b[12:])}
}

// split checks the outer bounds of a header.
func split(blob []byte) (header, error) {
	if len(blob) < 8 {
		return header{}, errors.New("header is cut short")
	}
	tags, size := binary.BigEndian.Uint32(blob), binary.BigEndian.Uint32(blob[4:])
	if tags == 0 || tags >= maxTags || size > maxData {
		return header{}, fmt.Errorf("header states %d entries and %d bytes of data", tags, size)
	}
	if want := 8 + 16*int(tags) + int(size); len(blob) != want {
		return header{}, fmt.Errorf("header states %d bytes, the database has %d", want, len(blob))
	}
	return header{blob[8 : 8+16*tags], blob[8+16*tags:]}, nil
}

// from returns the data that starts at e's offset.
func (h header) from(e entry) ([]byte, error) {
	if e.offset < 0 || int(e.offset) >= len(h.data) {
		return nil, fmt.Errorf("its data would start at %d of %d bytes", e.offset, len(h.data))
	}
	return h.data[e.offset:], nil
}

// text reads a single string.
func (h header) text(e entry) (string, error) {
	if e.kind != typeString && e.kind != typeI18N || e.count < 1 {
		return "", fmt.Errorf("is of type %d with %d values, not a text", e.kind, e.count)
	}
	b, err := h.from(e)
	if err != nil {
		return "", err
	}
	end := bytes.IndexByte(b, 0)
	if end < 0 {
		return "", errors.New("its text does not end")
	}
	return string(b[:end]), nil
}

// texts reads a list of strings, each with its NUL.
func (h header) texts(e entry) (string, error) {
	if e.kind != typeStrings && e.kind != typeString {
		return "", fmt.Errorf("is of type %d, not a list of texts", e.kind)
	}
	b, err := h.from(e)
	if err != nil {
		return "", err
	}
	end := 0
	for range e.count { // ends at the data's end at the latest: each text has a NUL
		n := bytes.IndexByte(b[end:], 0)
		if n < 0 {
			return "", fmt.Errorf("its %d texts do not end", e.count)
		}
		if end += n + 1; end > maxTexts {
			return "", fmt.Errorf("its %d texts take more than %d MiB", e.count, maxTexts>>20)
		}
	}
	return string(b[:end]), nil
}

// words reads numbers of four bytes.
func (h header) words(e entry) ([]byte, error) {
	if e.kind != typeInt32 {
		return nil, fmt.Errorf("is of type %d, not a number", e.kind)
	}
	b, err := h.from(e)
	if err != nil {
		return nil, err
	}
	if uint64(e.count)*4 > uint64(len(b)) {
		return nil, fmt.Errorf("its %d numbers do not fit", e.count)
	}
	return b[:4*e.count], nil
}

func (h header) flags(e entry) (string, error) {
	b, err := h.words(e)
	return string(b), err
}
