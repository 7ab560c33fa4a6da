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

// findList finds the list called name in whatever form apt kept it. fs.ErrNotExist:
// apt has no such list.
func findList(root fs.FS, name string) (packing, fs.FileInfo, error) {
	for _, p := range packings {
		info, err := fs.Stat(root, listsDir+name+p.ext)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return p, info, err
	}
	return packing{}, nil, fs.ErrNotExist
}

// readList hands the plain text of the list called name, kept in form, to read, which
// reads to the end, and checks that the text has the digest that the Release file
// states; or that the file is one that was found to have it, and has not changed since.
func (c *collection) readList(name string, form packing, want indexFile, read func(io.Reader) error) error {
	f, err := c.root.Open(listsDir + name + form.ext)
	if err != nil {
		return err
	}
	same, err := c.sameOpen(f, want)
	vouched := err == nil && c.cache.has(same)
	if err == nil {
		err = checked(f, form.open, want, vouched, read)
	}
	if err == nil && same != "" {
		// A file that is written to while it is read is nobody's list.
		switch again, err2 := c.sameOpen(f, want); {
		case err2 != nil || again != same && vouched:
			err = errors.Join(errors.New("it was changed while it was read"), err2)
		case again == same && !vouched:
			c.cache.save(same, nil)
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", name+form.ext, err)
	}
	return nil
}

// sameOpen is sameFile of an open file.
func (c *collection) sameOpen(f fs.File, want indexFile) (string, error) {
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	same, _ := c.cache.sameFile(info, want.sha256)
	return same, nil
}

// checked hands what f holds, unpacked by open, to read, and checks its digest unless
// somebody vouches for it.
func checked(f io.Reader, open func(io.Reader) (io.Reader, error), want indexFile, vouched bool, read func(io.Reader) error) error {
	plain, err := open(f)
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	// One byte more than it should have shows that it is another list, and ends it.
	text := feed(io.LimitReader(plain, min(want.size, maxList)+1), !vouched)
	err = read(text)
	digest, size := text.end()
	if err != nil {
		return err
	}
	if digest != want.sha256 && !vouched {
		return fmt.Errorf("it is not the list that its Release file names: it has SHA-256 %s (%d bytes), not %s (%d bytes)",
			digest, size, want.sha256, want.size)
	}
	return nil
}
