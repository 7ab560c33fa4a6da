package xfs

import (
	"bytes"
	"io/fs"

	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

// types are the kinds of file in a directory entry; 8 is an overlay's whiteout,
// which is a character device.
var types = []struct {
	mode  fs.FileMode
	known bool
}{
	0: {}, 1: {0, true}, 2: {fs.ModeDir, true}, 3: {fs.ModeDevice | fs.ModeCharDevice, true}, 4: {fs.ModeDevice, true},
	5: {fs.ModeNamedPipe, true}, 6: {fs.ModeSocket, true}, 7: {fs.ModeSymlink, true}, 8: {fs.ModeDevice | fs.ModeCharDevice, true},
}

// List reads a directory: in the inode; in one block; or in data blocks, whose
// indices (leaf, node, free) lie behind them and are not needed to read all names.
func (f *FS) List(ino uint64) (inode.Directory, error) {
	var d inode.Directory
	n, err := f.read(ino)
	switch {
	case err != nil:
		return d, err
	case !n.Mode.IsDir():
		return d, inode.Damaged("xfs inode %d is no directory", ino)
	case n.format == local:
		return f.short(n)
	case n.Size <= 0 || n.Size > inode.MaxDirectory || n.Size%f.dirSize != 0:
		return d, inode.Damaged("xfs directory %d of %d bytes", ino, n.Size)
	}
	body, err := f.content(n)
	if err != nil {
		return d, err
	}
	m := body.(inode.Mapped)
	b := make([]byte, f.dirSize)
	for at := int64(0); at < n.Size; at += f.dirSize {
		run, err := m.Find(uint64(at / f.blockSize))
		if err != nil {
			return d, err
		}
		if !run.Data { // data blocks that became empty were given back
			skip := int64(min(run.Count, uint64((n.Size-at)/f.blockSize))) * f.blockSize
			at += max(0, skip/f.dirSize-1) * f.dirSize
			continue
		}
		if err := readFull(m, b, at); err != nil {
			return d, err
		}
		if err := f.names(n, b, &d); err != nil {
			return d, err
		}
	}
	if d.Parent == 0 {
		return d, inode.Damaged("xfs directory %d has no parent", ino)
	}
	return d, nil
}

// short reads a directory kept in its inode.
func (f *FS) short(n *node) (inode.Directory, error) {
	var d inode.Directory
	bad := inode.Damaged("entries of xfs directory %d", n.Inode)
	if n.Size < 6 || n.Size > int64(len(n.fork)) {
		return d, bad
	}
	b := n.fork[:n.Size]
	count, width := int(b[0]), 4
	if b[1] != 0 {
		width = 8
	}
	number := func(b []byte) uint64 {
		if width == 8 {
			return be.Uint64(b)
		}
		return uint64(be.Uint32(b))
	}
	kind := 0
	if f.ftype {
		kind = 1
	}
	if len(b) < 2+width {
		return d, bad
	}
	d.Parent, b = number(b[2:]), b[2+width:]
	for range count {
		if len(b) < 3 || len(b) < 3+int(b[0])+kind+width || b[0] == 0 {
			return d, bad
		}
		name := b[3 : 3+int(b[0])]
		rest := b[3+len(name):]
		t := types[0]
		if f.ftype && int(rest[0]) < len(types) {
			t = types[rest[0]]
		}
		d.Entries = append(d.Entries, inode.Entry{Name: string(name), Inode: number(rest[kind:]), Type: t.mode, Known: t.known})
		b = rest[kind+width:]
	}
	return d, nil
}

// names adds the entries of one directory block.
func (f *FS) names(n *node, b []byte, d *inode.Directory) error {
	bad := inode.Damaged("entries of xfs directory %d", n.Inode)
	at, end, single := 16, len(b), false
	switch magic := string(b[:4]); {
	case !f.v5 && (magic == "XD2B" || magic == "XD2D"):
		single = magic == "XD2B"
	case f.v5 && (magic == "XDB3" || magic == "XDD3"):
		at, single = 64, magic == "XDB3"
		if !checked(b, 4) || be.Uint64(b[40:]) != n.Inode || !bytes.Equal(b[24:40], f.uuid) {
			return inode.Damaged("checksum of xfs directory %d is wrong", n.Inode)
		}
	default:
		return bad
	}
	if single { // an index of its own stands at the end
		leaves := uint64(be.Uint32(b[len(b)-8:]))
		if leaves > uint64(len(b)-8-at)/8 {
			return bad
		}
		end = len(b) - 8 - 8*int(leaves)
	}
	for at < end {
		e := b[at:end]
		if len(e) < 8 {
			return bad
		}
		if be.Uint16(e) == 0xFFFF { // unused
			length := int(be.Uint16(e[2:]))
			if length < 8 || length%8 != 0 || length > len(e) {
				return bad
			}
			at += length
			continue
		}
		length, err := f.name(n, e, d)
		if err != nil {
			return err
		}
		at += length
	}
	return nil
}

// name adds one entry and returns its length.
func (f *FS) name(n *node, e []byte, d *inode.Directory) (int, error) {
	bad := inode.Damaged("entries of xfs directory %d", n.Inode)
	if len(e) < 16 {
		return 0, bad
	}
	size := int(e[8])
	length := 9 + size + 2
	if f.ftype {
		length++
	}
	length = (length + 7) &^ 7
	if size == 0 || length > len(e) {
		return 0, bad
	}
	name, ino, t := string(e[9:9+size]), be.Uint64(e), types[0]
	if f.ftype && int(e[9+size]) < len(types) {
		t = types[e[9+size]]
	}
	switch {
	case name == ".":
		if ino != n.Inode {
			return 0, inode.Damaged("xfs directory %d calls itself %d", n.Inode, ino)
		}
	case name == "..":
		d.Parent = ino
	case len(d.Entries) == inode.MaxEntries:
		return 0, inode.Damaged("xfs directory %d holds more than %d names", n.Inode, inode.MaxEntries)
	default:
		d.Entries = append(d.Entries, inode.Entry{Name: name, Inode: ino, Type: t.mode, Known: t.known})
	}
	return length, nil
}
