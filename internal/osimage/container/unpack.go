package container

import (
	"compress/flate"
	"compress/zlib"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

// method is how a piece was compressed.
type method int

const (
	deflate method = iota // without a header, as in qcow2
	zlibbed               // with one, as in VMDK
	zstandard
)

// unpack decompresses one piece of exactly size bytes. What follows in the input
// is padding.
func unpack(how method, in io.Reader, size int64) ([]byte, error) {
	var r io.Reader
	switch how {
	case deflate:
		f := flate.NewReader(in)
		defer f.Close() //nolint:errcheck // nothing to lose
		r = f
	case zlibbed:
		z, err := zlib.NewReader(in)
		if err != nil {
			return nil, inode.Damaged("a compressed piece: %v", err)
		}
		defer z.Close() //nolint:errcheck // nothing to lose
		r = z
	case zstandard:
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderMaxWindow(16<<20))
		if err != nil {
			return nil, inode.Damaged("a compressed piece: %v", err)
		}
		defer z.Close()
		r = z
	}
	b := make([]byte, size)
	if n, err := io.ReadFull(r, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, inode.Damaged("a compressed piece of %d bytes holds %d", size, n)
		}
		return nil, inode.Damaged("a compressed piece: %v", err)
	}
	return b, nil
}

// unpacked remembers the pieces that were decompressed last.
type unpacked struct {
	mu     sync.Mutex
	pieces map[int64][]byte
	order  []int64
}

// maxUnpacked bounds the memory for decompressed pieces.
const maxUnpacked = 16 << 20

// get gives a piece, made if it is not remembered.
func (u *unpacked) get(key int64, make func() ([]byte, error)) ([]byte, error) {
	u.mu.Lock()
	b := u.pieces[key]
	u.mu.Unlock()
	if b != nil {
		return b, nil
	}
	b, err := make()
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.pieces == nil {
		u.pieces = map[int64][]byte{}
	}
	if _, ok := u.pieces[key]; !ok {
		u.pieces[key] = b
		u.order = append(u.order, key)
	}
	for len(u.order) > 1 && len(u.order)*len(b) > maxUnpacked {
		delete(u.pieces, u.order[0])
		u.order = u.order[1:]
	}
	return b, nil
}
