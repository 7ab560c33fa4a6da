package rpmmd

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// maxOpen is how many bytes a file may unpack to whatever its index states. The
// largest of real repositories, with every version kept, have some 300 MB.
const maxOpen = 1 << 30

// errTooBig says that a file unpacks to more than it may.
var errTooBig = errors.New("it unpacks to more than its index states")

// Read hands the contents of d, read from r in whatever form they have, to read, and
// checks r against the digest in the index. What read made of the contents counts
// only if the error is nil.
func (d Data) Read(r io.Reader, read func(io.Reader) error) error {
	want := d.Sum
	sum, err := hasher(want.Kind)
	if err != nil {
		return err
	}
	stored := io.TeeReader(r, sum)
	plain, err := unpack(stored)
	if err == nil {
		limit := int64(maxOpen)
		if d.OpenSize > 0 {
			limit = min(limit, d.OpenSize)
		}
		bounded := &limited{r: plain, left: limit}
		if err = read(bounded); err == nil {
			_, err = io.Copy(io.Discard, bounded) // a checksum after the data, too
		}
		if bounded.over {
			err = errTooBig
		}
	}
	// The digest comes first: what is not the file that was meant has no other fault.
	if _, drained := io.Copy(io.Discard, io.LimitReader(stored, maxOpen)); drained != nil && err == nil {
		err = drained
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want.Hex && !errors.Is(err, errTooBig) {
		return errors.Join(fmt.Errorf("it is not the file that its index names: it has %s %s, not %s", want.Kind, got, short(want.Hex)), err)
	}
	return err
}

func hasher(kind string) (hash.Hash, error) {
	switch kind {
	case "sha1":
		return sha1.New(), nil
	case "sha224":
		return sha256.New224(), nil
	case "sha256":
		return sha256.New(), nil
	case "sha384":
		return sha512.New384(), nil
	case "sha512":
		return sha512.New(), nil
	}
	return nil, fmt.Errorf("its checksum is of the kind %q, which is not accepted", short(kind))
}

// unpack tells the form of r by its first bytes; the name may lie.
func unpack(r io.Reader) (io.Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(16)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return gzip.NewReader(in)
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		return xz.NewReader(in)
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	case bytes.HasPrefix(head, []byte("BZh")):
		return bzip2.NewReader(in), nil
	case bytes.HasPrefix(head, []byte("\x00ZCK1")):
		return nil, errors.New("it is zchunk, which is not supported")
	case bytes.HasPrefix(head, []byte("SQLite format 3")):
		return nil, errors.New("it is an sqlite database, which is not supported")
	}
	return in, nil
}

// limited passes left bytes on and remembers that there were more.
type limited struct {
	r    io.Reader
	left int64
	over bool
}

func (l *limited) Read(p []byte) (int, error) {
	if l.over {
		return 0, errTooBig
	}
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.r.Read(p)
	if int64(n) > l.left {
		l.over = true
		return int(l.left), errTooBig
	}
	l.left -= int64(n)
	return n, err
}
