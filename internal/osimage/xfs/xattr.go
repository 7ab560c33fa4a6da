package xfs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

var _ inode.Extended = (*FS)(nil)

// Flags of an attribute's name space (struct xfs_attr_sf_entry).
const (
	attrRoot   = 0x2 // trusted.
	attrSecure = 0x4 // security.
	attrParent = 0x8 // a parent pointer, nobody's attribute
)

// Xattr reads an extended attribute out of the inode itself; nil is none. Attributes
// that have outgrown the inode are an errors.ErrUnsupported.
func (f *FS) Xattr(ino uint64, name string) ([]byte, error) {
	n, err := f.read(ino)
	if err != nil || len(n.attrs) == 0 {
		return nil, err
	}
	if n.attrFormat == extents && n.attrCount == 0 { // there is room for some
		return nil, nil
	}
	if n.attrFormat != local {
		return nil, errors.ErrUnsupported
	}
	b, err := inFork(n.attrs, name)
	if err != nil {
		return nil, fmt.Errorf("%w: attributes of xfs inode %d: %w", inode.ErrDamaged, ino, err)
	}
	return b, nil
}

// inFork looks an attribute up among those that are kept in the inode.
func inFork(b []byte, name string) ([]byte, error) {
	cut := errors.New("cut off")
	if len(b) < 4 || int(be.Uint16(b)) < 4 || int(be.Uint16(b)) > len(b) {
		return nil, cut
	}
	entries := b[4:be.Uint16(b)]
	for range int(b[2]) {
		if len(entries) < 3 || len(entries) < 3+int(entries[0])+int(entries[1]) {
			return nil, cut
		}
		k, v := int(entries[0]), int(entries[1])
		prefix := "user."
		switch {
		case entries[2]&attrRoot != 0:
			prefix = "trusted."
		case entries[2]&attrSecure != 0:
			prefix = "security."
		}
		if rest, ok := strings.CutPrefix(name, prefix); ok && entries[2]&attrParent == 0 && string(entries[3:3+k]) == rest {
			return entries[3+k : 3+k+v : 3+k+v], nil
		}
		entries = entries[3+k+v:]
	}
	return nil, nil
}
