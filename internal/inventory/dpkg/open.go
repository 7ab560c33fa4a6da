package dpkg

import (
	"compress/bzip2"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// packings are the forms in which apt may keep a list, plain first.
var packings = []struct {
	ext  string
	open func(io.Reader) (io.Reader, error)
}{
	{"", func(r io.Reader) (io.Reader, error) { return r, nil }},
	{".lz4", func(r io.Reader) (io.Reader, error) { return lz4.NewReader(r), nil }},
	{".gz", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{".xz", func(r io.Reader) (io.Reader, error) { return xz.NewReader(r) }},
	{".zst", func(r io.Reader) (io.Reader, error) {
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}},
	{".bz2", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
}

// withList opens the list called name in whatever form apt kept it, hands its plain
// text to read, which reads to the end, and checks that the text has the digest that
// the Release file states. fs.ErrNotExist: apt has no such list.
func withList(root fs.FS, name string, want indexFile, read func(io.Reader) error) error {
	for _, p := range packings {
		f, err := root.Open(listsDir + name + p.ext)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		defer f.Close()
		plain, err := p.open(f)
		if err != nil {
			return fmt.Errorf("unpack %s: %w", name+p.ext, err)
		}
		sum := newSummer()
		err = read(io.TeeReader(plain, sum))
		digest, size := sum.close()
		if err != nil {
			return fmt.Errorf("%s: %w", name+p.ext, err)
		}
		if digest != want.sha256 {
			return fmt.Errorf("%s is not the list that its Release file names: it has SHA-256 %s (%d bytes), not %s (%d bytes)",
				name+p.ext, digest, size, want.sha256, want.size)
		}
		return nil
	}
	return fs.ErrNotExist
}

// summer digests beside the parser, on another processor: together they take the
// time of the slower one.
type summer struct {
	blocks chan []byte
	free   chan []byte
	done   chan struct{}
	digest string
	size   int64
}

func newSummer() *summer {
	s := &summer{blocks: make(chan []byte, 4), free: make(chan []byte, 4), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		h := sha256.New()
		for b := range s.blocks {
			h.Write(b)
			s.size += int64(len(b))
			select {
			case s.free <- b[:0]:
			default:
			}
		}
		s.digest = hex.EncodeToString(h.Sum(nil))
	}()
	return s
}

// Write queues a copy of p.
func (s *summer) Write(p []byte) (int, error) {
	var b []byte
	select {
	case b = <-s.free:
	default:
	}
	s.blocks <- append(b, p...)
	return len(p), nil
}

func (s *summer) close() (digest string, size int64) {
	close(s.blocks)
	<-s.done
	return s.digest, s.size
}
