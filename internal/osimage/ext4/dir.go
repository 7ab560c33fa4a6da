package ext4

import (
	"encoding/binary"
	"io/fs"

	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

// types are the kinds of file in a directory entry.
var types = []struct {
	mode  fs.FileMode
	known bool
}{
	0: {}, 1: {0, true}, 2: {fs.ModeDir, true}, 3: {fs.ModeDevice | fs.ModeCharDevice, true}, 4: {fs.ModeDevice, true},
	5: {fs.ModeNamedPipe, true}, 6: {fs.ModeSocket, true}, 7: {fs.ModeSymlink, true},
}

// List reads a directory block by block. The inner nodes of an indexed one look
// like unused entries, so that one way of reading does for both.
func (f *FS) List(ino uint64) (inode.Directory, error) {
	var d inode.Directory
	n, err := f.read(ino)
	switch {
	case err != nil:
		return d, err
	case !n.Mode.IsDir():
		return d, inode.Damaged("ext4 inode %d is no directory", ino)
	case n.flags&(encrypted|folded) != 0:
		return d, &inode.UnsupportedError{What: "an ext4 directory that is encrypted or folds case"}
	case n.flags&inline != 0:
		return f.inlineList(n)
	case n.Size > inode.MaxDirectory || n.Size%f.blockSize != 0 || n.Size == 0:
		return d, inode.Damaged("ext4 directory %d of %d bytes", ino, n.Size)
	}
	body, err := f.content(n)
	if err != nil {
		return d, err
	}
	m := body.(inode.Mapped)
	b := make([]byte, f.blockSize)
	for at := int64(0); at < n.Size; at += f.blockSize {
		run, err := m.Find(uint64(at / f.blockSize))
		if err == nil && !run.Data {
			err = inode.Damaged("ext4 directory %d has a hole", ino)
		}
		if err == nil {
			err = readFull(m, b, at)
		}
		if err == nil {
			err = f.names(n, b, &d)
		}
		if err != nil {
			return d, err
		}
	}
	if d.Parent == 0 {
		return d, inode.Damaged("ext4 directory %d has no parent", ino)
	}
	return d, nil
}

// inlineList reads a directory kept in its inode: the parent's number, entries, and
// more entries in the extended attribute.
func (f *FS) inlineList(n *node) (inode.Directory, error) {
	var d inode.Directory
	b, err := n.inlined()
	if err != nil {
		return d, err
	}
	if len(b) < 4 {
		return d, inode.Damaged("ext4 directory %d of %d bytes", n.Inode, len(b))
	}
	d.Parent = uint64(binary.LittleEndian.Uint32(b))
	first := b[4:min(len(b), mapSize)]
	if err := f.names(n, first, &d); err != nil {
		return d, err
	}
	return d, f.names(n, b[4+len(first):], &d)
}

// names adds the entries of one block.
func (f *FS) names(n *node, b []byte, d *inode.Directory) error {
	le := binary.LittleEndian
	for at := 0; at < len(b); {
		e := b[at:]
		if len(e) < 8 {
			return inode.Damaged("entries of ext4 directory %d", n.Inode)
		}
		ino, length, name, kind := uint64(le.Uint32(e)), int(le.Uint16(e[4:])), int(e[6]), e[7]
		if f.incompat&typedNames == 0 {
			kind = 0
		}
		if f.blockSize >= 1<<16 { // lengths of 64 KiB do not fit into 16 bits
			if length == 1<<16-1 || length == 0 {
				length = 1 << 16
			} else {
				length = length&^3 | length&3<<16
			}
		}
		if length < 8+name || length < 12 || length%4 != 0 || length > len(e) || ino > f.inodes {
			return inode.Damaged("entries of ext4 directory %d", n.Inode)
		}
		switch s := string(e[8 : 8+name]); {
		case ino == 0:
			if e[7] == 0xDE && name == 0 && length == 12 && at == len(b)-12 && f.readOnly&checksummed != 0 {
				if crc(n.seed, b[:at]) != le.Uint32(e[8:]) {
					return inode.Damaged("checksum of ext4 directory %d is wrong", n.Inode)
				}
			}
		case s == ".":
			if ino != n.Inode {
				return inode.Damaged("ext4 directory %d calls itself %d", n.Inode, ino)
			}
		case s == "..":
			d.Parent = ino
		case len(d.Entries) == inode.MaxEntries:
			return inode.Damaged("ext4 directory %d holds more than %d names", n.Inode, inode.MaxEntries)
		default:
			t := types[0]
			if int(kind) < len(types) {
				t = types[kind]
			}
			d.Entries = append(d.Entries, inode.Entry{Name: s, Inode: ino, Type: t.mode, Known: t.known})
		}
		at += length
	}
	return nil
}
