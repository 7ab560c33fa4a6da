package rpmfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Bounds of what is taken from a file that says of itself how large it is.
const (
	maxTags  = 1 << 16  // rpm's own limit
	maxData  = 64 << 20 // the largest real headers (kernels, icon sets) have a few MiB
	maxPaths = 256 << 20
)

// header is one header: index entries and the data that they point into. The first
// fault of reading it is kept in err.
type header struct {
	index map[uint32]entry
	data  []byte
	err   error
}

type entry struct {
	kind, offset, count uint32
}

// readHeader reads the header that starts at off; end is where it ends.
func readHeader(r io.ReaderAt, off, size int64) (h *header, end int64, err error) {
	var intro [16]byte
	if _, err := r.ReadAt(intro[:], off); err != nil || string(intro[:4]) != "\x8e\xad\xe8\x01" {
		return nil, 0, errors.New("no header where one must be")
	}
	tags, length := int64(binary.BigEndian.Uint32(intro[8:])), int64(binary.BigEndian.Uint32(intro[12:]))
	end = off + 16 + 16*tags + length
	if tags == 0 || tags > maxTags || length > maxData || end > size {
		return nil, 0, fmt.Errorf("header states %d entries and %d bytes of data", tags, length)
	}
	body := make([]byte, 16*tags+length)
	if _, err := r.ReadAt(body, off+16); err != nil {
		return nil, 0, errors.New("header is cut short")
	}
	h = &header{index: make(map[uint32]entry, tags), data: body[16*tags:]}
	for i := range tags {
		e := body[16*i:]
		tag := binary.BigEndian.Uint32(e)
		if _, twice := h.index[tag]; !twice { // the first counts, as in rpm
			h.index[tag] = entry{binary.BigEndian.Uint32(e[4:]), binary.BigEndian.Uint32(e[8:]), binary.BigEndian.Uint32(e[12:])}
		}
	}
	return h, end, nil
}

func (h *header) fail(tag uint32, format string, args ...any) {
	if h.err == nil {
		h.err = fmt.Errorf("header tag %d: "+format, append([]any{tag}, args...)...)
	}
}

// find gives an entry and the data from its offset on.
func (h *header) find(tag uint32) (entry, []byte, bool) {
	e, ok := h.index[tag]
	if !ok {
		return e, nil, false
	}
	if int64(e.offset) > int64(len(h.data)) {
		h.fail(tag, "its data would start at %d of %d bytes", e.offset, len(h.data))
		return e, nil, false
	}
	return e, h.data[e.offset:], true
}

// text is the single text of a tag, empty if there is none.
func (h *header) text(tag uint32) string {
	list := h.texts(tag)
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// texts are the texts of a tag: of type 6 (one), 8 (list) or 9 (one a language).
func (h *header) texts(tag uint32) []string {
	e, data, ok := h.find(tag)
	if !ok {
		return nil
	}
	if e.kind != 6 && e.kind != 8 && e.kind != 9 || int64(e.count) > int64(len(data)) {
		h.fail(tag, "%d values of type %d are no texts", e.count, e.kind)
		return nil
	}
	list := make([]string, 0, e.count)
	for range e.count {
		i := bytes.IndexByte(data, 0)
		if i < 0 {
			h.fail(tag, "its %d texts do not end", e.count)
			return nil
		}
		list, data = append(list, string(data[:i])), data[i+1:]
	}
	return list
}

// numbers are the numbers of a tag: of type 3, 4 or 5 (16, 32 or 64 bits).
func (h *header) numbers(tag uint32) []uint64 {
	e, data, ok := h.find(tag)
	if !ok {
		return nil
	}
	width := map[uint32]int{3: 2, 4: 4, 5: 8}[e.kind]
	if width == 0 || int64(e.count)*int64(width) > int64(len(data)) {
		h.fail(tag, "%d values of type %d are no numbers", e.count, e.kind)
		return nil
	}
	list := make([]uint64, e.count)
	for i := range list {
		switch b := data[i*width:]; width {
		case 2:
			list[i] = uint64(binary.BigEndian.Uint16(b))
		case 4:
			list[i] = uint64(binary.BigEndian.Uint32(b))
		case 8:
			list[i] = binary.BigEndian.Uint64(b)
		}
	}
	return list
}
