package files

import (
	"cmp"
	"crypto/md5" //nolint:gosec // dpkg keeps no better one
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/goldenami/rehydrate/internal/record"
)

const planBlock = 512 << 10

// digests reads every regular file that the walk found. Files are read by inode
// number, which on a disk is about the order of their content.
func (r *reader) digests(plan func(Plan) error) error {
	p := Plan{Files: len(r.regular)}
	for _, f := range r.regular {
		p.Bytes += f.size
	}
	p.Blocks = int((p.Bytes + planBlock - 1) / planBlock)
	if plan != nil {
		if err := plan(p); err != nil {
			return err
		}
	}
	slices.SortFunc(r.regular, func(a, b regular) int {
		return cmp.Or(cmp.Compare(a.device, b.device), cmp.Compare(a.inode, b.inode), cmp.Compare(a.path, b.path))
	})
	vouched, err := r.vouchers()
	if err != nil {
		return err
	}
	found := make(map[string][16]byte, len(vouched))
	buf := make([]byte, 256<<10)
	var last record.Digest
	var sum [16]byte
	var same file // the one that last is of
	for _, f := range r.regular {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		_, wanted := vouched[f.path]
		if f.file != same || f.inode == 0 || wanted { // else another name of the same file
			d, md, err := r.digest(f, buf, wanted)
			if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
				r.unread("%s may not be read", clean(f.path))
				delete(vouched, f.path)
				continue
			} else if err != nil {
				return err
			}
			last, same, sum = d, f.file, md
		}
		if wanted {
			found[f.path] = sum
		}
		last.Path = clean(f.path)
		r.facts.Digests = append(r.facts.Digests, last)
	}
	slices.SortFunc(r.facts.Digests, func(a, b record.Digest) int { return cmp.Compare(a.Path, b.Path) })
	r.compare(vouched, found)
	return nil
}

// digest reads a file once; its MD5 is taken too where a package has one to compare.
func (r *reader) digest(f regular, buf []byte, wanted bool) (d record.Digest, sum [16]byte, err error) {
	file, err := r.root.Open(f.path)
	if err != nil {
		return d, sum, err
	}
	defer file.Close()
	r.read++
	h, m := sha256.New(), md5.New() //nolint:gosec // dpkg keeps no better one
	to := io.Writer(h)
	if wanted {
		to = io.MultiWriter(h, m)
	}
	// A file may grow while it is read, or lie about its end: no more than it said.
	n, err := io.CopyBuffer(to, io.LimitReader(onlyReader{file}, f.size), buf)
	if err != nil {
		return d, sum, fmt.Errorf("%s: %w", clean(f.path), err)
	}
	if n != f.size {
		return d, sum, fmt.Errorf("%s: the file ends after %d of %d bytes", clean(f.path), n, f.size)
	}
	m.Sum(sum[:0])
	return record.Digest{SHA256: hex.EncodeToString(h.Sum(nil)), Size: n}, sum, nil
}

// onlyReader hides a file's own ways of copying, which would not use the buffer.
type onlyReader struct{ io.Reader }
