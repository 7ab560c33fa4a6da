package files

import (
	"cmp"
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
	buf := make([]byte, 256<<10)
	var last record.Digest
	var same file // the one that last is of
	for _, f := range r.regular {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		if f.file != same || f.inode == 0 { // else another name of the same file
			d, err := r.digest(f, buf)
			if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
				r.unread("%s may not be read", clean(f.path))
				continue
			} else if err != nil {
				return err
			}
			last, same = d, f.file
		}
		last.Path = clean(f.path)
		r.facts.Digests = append(r.facts.Digests, last)
	}
	slices.SortFunc(r.facts.Digests, func(a, b record.Digest) int { return cmp.Compare(a.Path, b.Path) })
	return nil
}

func (r *reader) digest(f regular, buf []byte) (record.Digest, error) {
	file, err := r.root.Open(f.path)
	if err != nil {
		return record.Digest{}, err
	}
	defer file.Close()
	r.read++
	h := sha256.New()
	// A file may grow while it is read, or lie about its end: no more than it said.
	n, err := io.CopyBuffer(h, io.LimitReader(onlyReader{file}, f.size), buf)
	if err != nil {
		return record.Digest{}, fmt.Errorf("%s: %w", clean(f.path), err)
	}
	if n != f.size {
		return record.Digest{}, fmt.Errorf("%s: the file ends after %d of %d bytes", clean(f.path), n, f.size)
	}
	return record.Digest{SHA256: hex.EncodeToString(h.Sum(nil)), Size: n}, nil
}

// onlyReader hides a file's own ways of copying, which would not use the buffer.
type onlyReader struct{ io.Reader }
