package ext4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

var _ inode.Extended = (*FS)(nil)

// xattrMagic begins the attributes, in the inode and in a block of their own (Linux,
// "Extended Attributes" of the ext4 documentation).
const xattrMagic = 0xEA020000

// prefixes are the beginnings of names that are kept as a number.
var prefixes = map[byte]string{1: "user.", 4: "trusted.", 6: "security.", 7: "system."}

// Xattr reads an extended attribute out of the inode or its block of attributes; nil
// is none. A value in an inode of its own is an errors.ErrUnsupported.
func (f *FS) Xattr(ino uint64, name string) ([]byte, error) {
	n, err := f.read(ino)
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if own := n.raw[min(128+n.extra(), len(n.raw)):]; n.extra() > 0 && len(own) > 4 && le.Uint32(own) == xattrMagic {
		// Values are counted from the first entry, behind the magic number.
		if b, err := find(own[4:], own[4:], name); b != nil || err != nil {
			return b, wrap(err, ino)
		}
	}
	block := uint64(le.Uint32(n.raw[0x68:])) | uint64(le.Uint16(n.raw[0x76:]))<<32
	if block == 0 {
		return nil, nil
	}
	b, err := f.block(block)
	if err != nil {
		return nil, err
	}
	if le.Uint32(b) != xattrMagic {
		return nil, inode.Damaged("ext4 block %d holds no attributes of inode %d", block, ino)
	}
	b, err = find(b[32:], b, name)
	return b, wrap(err, ino)
}

// find looks an attribute up among entries of 16 bytes and a name; values lie at
// offsets of space.
func find(entries, space []byte, name string) ([]byte, error) {
	le := binary.LittleEndian
	for len(entries) >= 4 && le.Uint32(entries) != 0 {
		if len(entries) < 16 {
			return nil, errors.New("cut off")
		}
		size := (16 + int(entries[0]) + 3) &^ 3
		if size > len(entries) {
			return nil, errors.New("cut off")
		}
		rest, ours := strings.CutPrefix(name, prefixes[entries[1]])
		if ours && prefixes[entries[1]] != "" && string(entries[16:16+int(entries[0])]) == rest {
			if le.Uint32(entries[4:]) != 0 {
				return nil, errors.ErrUnsupported
			}
			at, n := int(le.Uint16(entries[2:])), le.Uint32(entries[8:])
			if uint64(at)+uint64(n) > uint64(len(space)) {
				return nil, errors.New("a value lies outside")
			}
			return space[at : at+int(n) : at+int(n)], nil
		}
		entries = entries[size:]
	}
	return nil, nil
}

func wrap(err error, ino uint64) error {
	if err == nil || errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return fmt.Errorf("%w: attributes of ext4 inode %d: %w", inode.ErrDamaged, ino, err)
}
