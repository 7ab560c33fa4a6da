package dpkg

import (
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// packing is a form in which apt may keep a list.
type packing struct {
	ext  string
	open func(io.Reader) (io.Reader, error)
}

// packings are those that there are, plain first.
var packings = []packing{
	{"", func(r io.Reader) (io.Reader, error) { return r, nil }},
	{".lz4", func(r io.Reader) (io.Reader, error) { return lz4.NewReader(r), nil }},
	{".gz", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
	{".xz", func(r io.Reader) (io.Reader, error) { return xz.NewReader(r) }},
	{".zst", func(r io.Reader) (io.Reader, error) {
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}},
	{".bz2", func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }},
}

// maxList bounds the plain text of a list, whatever its Release file says. The
// largest real one has some 60 MB.
const maxList = 2 << 30

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
		err = checked(f, p.open, want, read)
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("%s: %w", name+p.ext, err)
		}
		return nil
	}
	return fs.ErrNotExist
}

func checked(f io.Reader, open func(io.Reader) (io.Reader, error), want indexFile, read func(io.Reader) error) error {
	plain, err := open(f)
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	// One byte more than it should have shows that it is another list, and ends it.
	text := feed(io.LimitReader(plain, min(want.size, maxList)+1))
	err = read(text)
	digest, size := text.end()
	if err != nil {
		return err
	}
	if digest != want.sha256 {
		return fmt.Errorf("it is not the list that its Release file names: it has SHA-256 %s (%d bytes), not %s (%d bytes)",
			digest, size, want.sha256, want.size)
	}
	return nil
}
