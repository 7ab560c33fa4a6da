package inode

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

const (
	maxLinks = 40      // links that a path may lead through, as in Linux
	maxPath  = 4096    // bytes of a path
	maxKept  = 1 << 17 // directory entries remembered
	// MaxFile bounds a file read whole; package databases and lists are far smaller.
	MaxFile = 256 << 20
)

// FS is a tree of one Store, or of several mounted into one another. It is safe for
// use by several goroutines.
type FS struct {
	root    ref
	mounts  map[ref]ref
	systems map[Store]uint64 // numbers of the stores

	mu   sync.Mutex
	kept map[ref]*listing
	held int // entries in kept
}

// ref is an inode of one of the stores.
type ref struct {
	store Store
	ino   uint64
}

// listing is a directory, sorted by name.
type listing struct {
	order  []Entry
	parent uint64
}

var (
	_ fs.ReadFileFS = (*FS)(nil)
	_ fs.ReadDirFS  = (*FS)(nil)
	_ fs.StatFS     = (*FS)(nil)
	_ fs.ReadLinkFS = (*FS)(nil)
)

// New is the file system of a store.
func New(s Store) *FS {
	return &FS{root: ref{s, s.Root()}, mounts: map[ref]ref{}, systems: map[Store]uint64{s: 0}, kept: map[ref]*listing{}}
}

// Mount lays another store over the directory of that name. It must not be called
// while the file system is in use.
func (f *FS) Mount(name string, s Store) error {
	at, _, err := f.resolve(name, true)
	if err != nil {
		return wrap("mount", name, err)
	}
	f.mounts[at] = ref{s, s.Root()}
	if _, again := f.systems[s]; !again {
		f.systems[s] = uint64(len(f.systems))
	}
	return nil
}

// Open opens the named file, following links inside the image.
func (f *FS) Open(name string) (fs.File, error) {
	at, a, err := f.resolve(name, true)
	if err != nil {
		return nil, wrap("open", name, err)
	}
	i := f.info(path.Base(name), at, a)
	if a.Mode.IsDir() {
		return &dir{fs: f, at: at, info: i, name: name}, nil
	}
	body, err := content(at, a)
	if err != nil {
		return nil, wrap("open", name, err)
	}
	return &file{SectionReader: io.NewSectionReader(body, 0, a.Size), is: i, name: name}, nil
}

func content(at ref, a Attributes) (io.ReaderAt, error) {
	if !a.Mode.IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", a.Mode.Type())
	}
	return at.store.Open(at.ino)
}

// ReadFile reads the named file, at most MaxFile bytes, following links.
func (f *FS) ReadFile(name string) ([]byte, error) {
	at, a, err := f.resolve(name, true)
	if err != nil {
		return nil, wrap("read", name, err)
	}
	body, err := content(at, a)
	if err != nil {
		return nil, wrap("read", name, err)
	}
	if a.Size > MaxFile {
		return nil, wrap("read", name, fmt.Errorf("file has %d bytes, more than %d MiB", a.Size, MaxFile>>20))
	}
	b := make([]byte, a.Size)
	if n, err := body.ReadAt(b, 0); err != nil && (n < len(b) || !errors.Is(err, io.EOF)) {
		return nil, wrap("read", name, unexpected(err))
	}
	return b, nil
}

// Stat describes the named file, following links.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	at, a, err := f.resolve(name, true)
	if err != nil {
		return nil, wrap("stat", name, err)
	}
	return f.info(path.Base(name), at, a), nil
}

// Lstat describes the named file; a link as itself.
func (f *FS) Lstat(name string) (fs.FileInfo, error) {
	at, a, err := f.resolve(name, false)
	if err != nil {
		return nil, wrap("lstat", name, err)
	}
	return f.info(path.Base(name), at, a), nil
}

// ReadLink reads where the named link points, as it stands there.
func (f *FS) ReadLink(name string) (string, error) {
	at, a, err := f.resolve(name, false)
	if err == nil && a.Mode&fs.ModeSymlink == 0 {
		err = fs.ErrInvalid
	}
	if err != nil {
		return "", wrap("readlink", name, err)
	}
	target, err := at.store.Link(at.ino)
	return target, wrap("readlink", name, err)
}

// ReadDir lists the named directory by name, following links to it.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	at, a, err := f.resolve(name, true)
	if err == nil && !a.Mode.IsDir() {
		err = errors.New("not a directory")
	}
	if err != nil {
		return nil, wrap("list", name, err)
	}
	d, err := f.entries(at)
	return d, wrap("list", name, err)
}

func (f *FS) entries(at ref) ([]fs.DirEntry, error) {
	l, err := f.list(at)
	if err != nil {
		return nil, err
	}
	out, dirs := make([]fs.DirEntry, len(l.order)), map[uint64]bool{}
	for i, e := range l.order {
		inner := f.over(ref{at.store, e.Inode})
		if !e.Known {
			a, err := inner.store.Stat(inner.ino)
			if err != nil {
				return nil, err
			}
			e.Type = a.Mode.Type()
		}
		if e.Type.IsDir() {
			if dirs[e.Inode] { // no directory has two names
				return nil, Damaged("directory %d holds directory %d twice", at.ino, e.Inode)
			}
			dirs[e.Inode] = true
		}
		out[i] = &entry{e, inner, f.systems[inner.store]}
	}
	return out, nil
}

// info describes the file at a place.
func (f *FS) info(name string, at ref, a Attributes) info {
	a.System = f.systems[at.store]
	return info{name, a}
}

// over is what is mounted on an inode, or the inode.
func (f *FS) over(at ref) ref {
	if up, ok := f.mounts[at]; ok {
		return up
	}
	return at
}

// wrap says what was being done to which file.
func wrap(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return Damaged("a file ends early")
	}
	return err
}

// resolve finds the inode of a path. Links are followed, the last one only if
// follow is set; they never lead out of the image, and only through so many.
func (f *FS) resolve(name string, follow bool) (ref, Attributes, error) {
	none := Attributes{}
	if !valid(name) {
		return ref{}, none, fs.ErrInvalid
	}
	if len(name) > maxPath {
		return ref{}, none, errors.New("path is too long")
	}
	way := []ref{f.over(f.root)} // from the root to here
	rest := strings.Split(name, "/")
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(way) > 1 { // the root's parent is the root
				way = way[:len(way)-1]
			}
			continue
		}
		next, a, err := f.step(way[len(way)-1], part)
		if err != nil {
			return ref{}, none, err
		}
		if a.Mode&fs.ModeSymlink == 0 || len(rest) == 0 && !follow {
			if !a.Mode.IsDir() {
				if slices.ContainsFunc(rest, func(s string) bool { return s != "" && s != "." }) {
					return ref{}, none, fmt.Errorf("not a directory: %w", fs.ErrNotExist)
				}
				return next, a, nil
			}
			way = append(way, next)
			continue
		}
		if links++; links > maxLinks {
			return ref{}, none, errors.New("too many symbolic links")
		}
		target, err := next.store.Link(next.ino)
		if err != nil {
			return ref{}, none, err
		}
		if strings.HasPrefix(target, "/") {
			way = way[:1]
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	at := way[len(way)-1]
	a, err := at.store.Stat(at.ino)
	if err == nil && !a.Mode.IsDir() {
		err = Damaged("inode %d is no directory", at.ino)
	}
	return at, a, err
}

// valid is fs.ValidPath without its demand for UTF-8: file systems hold names in any
// encoding, and a walk must not end at one.
func valid(name string) bool {
	if name == "." {
		return true
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// step looks one name up in a directory. A directory reached must name the one it
// was reached from as its parent: so a walk always ends, whatever the image says.
func (f *FS) step(from ref, name string) (ref, Attributes, error) {
	l, err := f.list(from)
	if err != nil {
		return ref{}, Attributes{}, err
	}
	i, ok := slices.BinarySearchFunc(l.order, name, func(e Entry, name string) int { return strings.Compare(e.Name, name) })
	if !ok {
		return ref{}, Attributes{}, fs.ErrNotExist
	}
	e := l.order[i]
	inner := ref{from.store, e.Inode}
	at := f.over(inner)
	a, err := at.store.Stat(at.ino)
	if err != nil || !a.Mode.IsDir() || at != inner {
		return at, a, err
	}
	below, err := f.list(at)
	if err == nil && (below.parent != from.ino || at.ino == from.store.Root()) {
		err = Damaged("directory %d is in directory %d, but says %d", at.ino, from.ino, below.parent)
	}
	return at, a, err
}

// list reads a directory, or remembers it.
func (f *FS) list(at ref) (*listing, error) {
	f.mu.Lock()
	l := f.kept[at]
	f.mu.Unlock()
	if l != nil {
		return l, nil
	}
	d, err := at.store.List(at.ino)
	if err != nil {
		return nil, err
	}
	if l, err = index(at, d); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held += len(l.order); f.held > maxKept {
		clear(f.kept)
		f.held = len(l.order)
	}
	f.kept[at] = l
	return l, nil
}

// index sorts a directory and refuses what no directory holds.
func index(at ref, d Directory) (*listing, error) {
	l := &listing{order: d.Entries, parent: d.Parent}
	slices.SortFunc(l.order, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	for i, e := range l.order {
		if e.Name == "" || e.Name == "." || e.Name == ".." || strings.ContainsAny(e.Name, "/\x00") {
			return nil, Damaged("directory %d holds the name %q", at.ino, e.Name)
		}
		if i > 0 && l.order[i-1].Name == e.Name {
			return nil, Damaged("directory %d holds %q twice", at.ino, e.Name)
		}
	}
	return l, nil
}
