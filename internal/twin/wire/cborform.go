package wire

import "unicode/utf8"

// maxValues bounds how many values a document may be made of: each becomes something
// in memory that is many times as large as its text.
const maxValues = 1 << 18

// cborForm checks that a document is one well-formed CBOR item (RFC 8949, appendix C)
// of few enough values and not nested too deeply, before it is taken apart: the
// library is content with less.
type cborForm struct {
	in     []byte
	values int
}

func checkCBOR(body []byte) error {
	f := cborForm{in: body}
	if ok := f.item(0, 0xff); !ok || len(f.in) > 0 {
		return malformed("not CBOR")
	}
	return nil
}

// item takes one item away. It must be of the major type within, and of a length that
// it tells, unless within is 0xff.
func (f *cborForm) item(depth int, within byte) bool {
	if f.values++; len(f.in) == 0 || depth > maxDepth || f.values > maxValues {
		return false
	}
	major, minor := f.in[0]>>5, f.in[0]&0x1f
	if within != 0xff && (major != within || minor == 31) {
		return false
	}
	f.in = f.in[1:]
	if minor == 31 {
		return major >= 2 && major <= 5 && f.indefinite(major, depth)
	}
	n, ok := f.argument(minor)
	if !ok {
		return false
	}
	switch major {
	case 2, 3:
		return f.text(n, major == 3)
	case 4, 5:
		return f.items(n, major == 5, depth)
	case 6:
		return f.item(depth+1, 0xff)
	case 7:
		return minor >= 20 && minor <= 23 || minor >= 25 // a simple value without a name is none that AWS sends
	}
	return true
}

func (f *cborForm) argument(minor byte) (n uint64, ok bool) {
	if minor < 24 {
		return uint64(minor), true
	}
	size := 1 << (minor - 24)
	if minor > 27 || len(f.in) < size {
		return 0, false
	}
	for _, b := range f.in[:size] {
		n = n<<8 | uint64(b)
	}
	f.in = f.in[size:]
	return n, true
}

func (f *cborForm) text(n uint64, isText bool) bool {
	if n > uint64(len(f.in)) || isText && !utf8.Valid(f.in[:n]) {
		return false
	}
	f.in = f.in[n:]
	return true
}

// items takes the items of a list, or the pairs of a map, whose keys are text.
func (f *cborForm) items(n uint64, pairs bool, depth int) bool {
	if n > uint64(len(f.in)) { // each is at least a byte
		return false
	}
	for range n {
		if pairs && !f.key(depth) || !f.item(depth+1, 0xff) {
			return false
		}
	}
	return true
}

func (f *cborForm) key(depth int) bool {
	return len(f.in) > 0 && f.in[0]>>5 == 3 && f.item(depth+1, 0xff)
}

// indefinite takes what stands up to the break.
func (f *cborForm) indefinite(major byte, depth int) bool {
	for len(f.in) > 0 {
		if f.in[0] == 0xff {
			f.in = f.in[1:]
			return true
		}
		ok := false
		switch major {
		case 2, 3:
			ok = f.item(depth+1, major) // pieces are of the same kind and not indefinite
		case 4:
			ok = f.item(depth+1, 0xff)
		default:
			ok = f.key(depth) && f.item(depth+1, 0xff)
		}
		if !ok {
			return false
		}
	}
	return false
}
