//go:build linux

package imagetest

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"testing"
)

// Packed reads an image that is kept compressed.
func Packed(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(name)
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	b, err := io.ReadAll(z)
	must(t, err)
	return b
}

// Pack keeps an image compressed, without its name and time.
func Pack(t testing.TB, image, name string) {
	t.Helper()
	b, err := os.ReadFile(image)
	must(t, err)
	f, err := os.Create(name)
	must(t, err)
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestCompression)
	must(t, err)
	_, err = z.Write(b)
	must(t, err)
	must(t, z.Close())
}

// pageSize is what a Patched copies when it changes something.
const pageSize = 4096

// Patched is an image with changes, cheap to make again and again.
type Patched struct {
	Base  []byte
	Pages map[int64][]byte // by number, the pages of 4 KiB that were changed
}

// Places are the pieces of 64 bytes of an image that are not all zeros: where a
// change may matter.
func Places(base []byte) (places []int64) {
	var zero [64]byte
	for at := 0; at+64 <= len(base); at += 64 {
		if [64]byte(base[at:at+64]) != zero {
			places = append(places, int64(at))
		}
	}
	return places
}

// Patch changes an image as a fuzzer's input says: records of seven bytes, two for
// the place, one for width and offset in it, four for the value.
func Patch(base []byte, places []int64, input []byte) *Patched {
	p := &Patched{Base: base, Pages: map[int64][]byte{}}
	for ; len(input) >= 7; input = input[7:] {
		at := places[int(binary.LittleEndian.Uint16(input))%len(places)] + int64(input[2]&63)
		width := []int{1, 2, 4, 1}[input[2]>>6]
		for i := range min(width, len(base)-int(at)) {
			p.Page((at + int64(i)) / pageSize)[(at+int64(i))%pageSize] = input[3+i]
		}
	}
	return p
}

// Page is a page that may be changed.
func (p *Patched) Page(n int64) []byte {
	b := p.Pages[n]
	if b == nil {
		b = append([]byte(nil), p.Base[n*pageSize:min(int64(len(p.Base)), (n+1)*pageSize)]...)
		p.Pages[n] = b
	}
	return b
}

// ReadAt reads the image with its changes.
func (p *Patched) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(p.Base)) {
		return 0, io.EOF
	}
	n := copy(b, p.Base[off:])
	for i, page := range p.Pages {
		start := i * pageSize
		from, to := max(start, off), min(start+int64(len(page)), off+int64(n))
		if from < to {
			copy(b[from-off:to-off], page[from-start:to-start])
		}
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Exercise does to a file system what a scan does: it walks everything and reads
// what it finds. Errors are right; it fails the test only for a walk without end
// and for a file that gives more than it says it has.
func Exercise(t testing.TB, f fs.FS) {
	t.Helper()
	seen := 0
	_ = fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if seen++; seen > 200000 {
			t.Fatalf("the walk does not end: %d files, now at %q", seen, name)
		}
		if err != nil {
			return nil //nolint:nilerr // on with the next
		}
		i, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // on with the next
		}
		_, _ = fs.ReadLink(f, name)
		if x, ok := f.(interface {
			Xattr(name, attribute string) ([]byte, error)
		}); ok {
			_, _ = x.Xattr(name, "security.capability")
		}
		if !i.Mode().IsRegular() {
			return nil
		}
		body, err := f.Open(name)
		if err != nil {
			return nil //nolint:nilerr // on with the next
		}
		defer body.Close()
		n, err := io.Copy(io.Discard, io.LimitReader(body, 1<<20))
		if n > i.Size() {
			t.Fatalf("%q has %d bytes and gives %d", name, i.Size(), n)
		}
		if r, ok := body.(io.ReaderAt); ok && err == nil {
			b := make([]byte, 5000)
			if n, err := r.ReadAt(b, max(0, i.Size()-2500)); err == nil && n < len(b) {
				t.Fatalf("%q: short read without an error", name)
			}
		}
		return nil
	})
	for _, name := range []string{"etc/os-release", "a/../b", "link/x", "loop"} {
		if _, err := fs.ReadFile(f, name); err != nil && errors.Is(err, io.EOF) {
			t.Fatalf("%q: %v", name, err)
		}
	}
}
