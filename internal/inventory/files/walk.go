package files

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/goldenami/rehydrate/internal/fault"
)

// Attributes is what a file system's FileInfo.Sys offers so that owners are known and
// a file of several names counts once. A live root's *syscall.Stat_t is understood
// too. Without either, a file's owner is unknown, which is an error here.
type Attributes interface {
	Owner() (uid, gid uint32)
	// Identity is the file's number on one of the file systems that the root is made
	// of, and how many names it has; 0 is unknown.
	Identity() (system, inode uint64, links uint32)
}

// entry is one name that the walk came by.
type entry struct {
	path     string // as the file system has it
	info     fs.FileInfo
	uid, gid uint32
	links    uint32
	file
	live bool // of a running system, which has more mounted than itself
}

// file tells two names of one file from two files.
type file struct {
	inode  uint64 // 0: not known
	device uint64 // a number for its file system
}

// regular is a file whose content the digest depth reads.
type regular struct {
	path string
	size int64
	file
}

func (r *reader) entryOf(name string, info fs.FileInfo) (entry, error) {
	e := entry{path: name, info: info}
	switch a := info.Sys().(type) {
	case Attributes:
		e.uid, e.gid = a.Owner()
		e.device, e.inode, e.links = a.Identity()
	default:
		if !e.fromSystem(a) {
			return e, fault.New(fault.Unsupported, "", "%s: the file system does not say who owns its files (%T)", clean(name), a)
		}
	}
	return e, nil
}

// folder is one that is still to be visited.
type folder struct {
	path   string
	depth  int
	sticky bool
	list   chan listing // nil: not begun
}

// listing is what a folder holds.
type listing struct {
	entries []entry
	gone    []string // names that vanished meanwhile
	err     error
}

// side is how many folders are listed side by side: it costs a local disk nothing,
// and over a network each may have to wait for its own block.
const side = 16

// walk calls visit for everything below the root, the entries of a folder by name,
// the folders breadth first. Links are entries, never followed; a folder on another
// file system than the root's is not entered.
func (r *reader) walk(visit func(e entry, parent *folder) error) error {
	info, err := fs.Stat(r.root, ".")
	if err != nil {
		return err
	}
	top, err := r.entryOf(".", info)
	if err != nil {
		return err
	}
	var work sync.WaitGroup
	defer work.Wait()
	seen := map[file]bool{top.file: true} // folders, against a cycle
	count, begun := 0, 0
	queue := []*folder{{path: "."}}
	for at := 0; at < len(queue); at++ {
		for ; begun < min(len(queue), at+side); begun++ {
			f := queue[begun]
			f.list = make(chan listing, 1)
			work.Go(func() { f.list <- r.listed(f) })
		}
		dir := queue[at]
		queue[at] = nil
		l := <-dir.list
		if errors.Is(l.err, fs.ErrPermission) {
			r.unread("%s may not be listed", clean(dir.path))
			continue
		} else if l.err != nil {
			return l.err
		}
		for _, name := range l.gone {
			r.unread("%s vanished while it was looked at", clean(name))
		}
		if count += len(l.entries); count > r.limits.Entries {
			return fmt.Errorf("there are more than %d files: given up", r.limits.Entries)
		}
		for _, e := range l.entries {
			if err := visit(e, dir); err != nil {
				return err
			}
			if !e.info.IsDir() {
				continue
			}
			enter, err := r.enter(e, top, dir, seen)
			if err != nil {
				return err
			}
			if enter {
				queue = append(queue, &folder{path: e.path, depth: dir.depth + 1, sticky: e.info.Mode()&fs.ModeSticky != 0})
			}
		}
	}
	return nil
}

// enter says whether the walk goes into a folder.
func (r *reader) enter(e, top entry, dir *folder, seen map[file]bool) (bool, error) {
	switch {
	case e.live && e.device != top.device:
		r.unread("%s is on another file system", clean(e.path))
		return false, nil
	case dir.depth+1 > r.limits.Depth:
		return false, fmt.Errorf("%s: folders lie more than %d deep: given up", clean(e.path), r.limits.Depth)
	case e.inode != 0 && seen[e.file] && e.live:
		r.unread("%s is a folder that was met before (a bind mount)", clean(e.path))
		return false, nil
	case e.inode != 0 && seen[e.file]:
		return false, fmt.Errorf("%s: damaged file system: the folder is there twice", clean(e.path))
	}
	seen[e.file] = true
	return true, nil
}

// listed lists a folder and looks at everything in it.
func (r *reader) listed(dir *folder) (l listing) {
	if l.err = r.ctx.Err(); l.err != nil {
		return l
	}
	list, err := fs.ReadDir(r.root, dir.path)
	if err != nil {
		return listing{err: err}
	}
	if len(list) > r.limits.Entries {
		return listing{err: fmt.Errorf("%s holds more than %d files: given up", clean(dir.path), r.limits.Entries)}
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	l.entries = make([]entry, 0, len(list))
	for i, d := range list {
		if err := r.checkName(dir, d.Name()); err != nil {
			return listing{err: err}
		}
		if i > 0 && list[i-1].Name() == d.Name() {
			return listing{err: fmt.Errorf("%s: damaged folder: the name %s is there twice", clean(dir.path), clean(d.Name()))}
		}
		name := path.Join(dir.path, d.Name())
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			l.gone = append(l.gone, name)
			continue
		} else if err != nil {
			return listing{err: err}
		}
		e, err := r.entryOf(name, info)
		if err != nil {
			return listing{err: err}
		}
		l.entries = append(l.entries, e)
	}
	return l
}

// checkName refuses names that no file can have: a reader that gives one would lead
// the walk astray.
func (r *reader) checkName(dir *folder, name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("%s: damaged folder: it holds the name %s", clean(dir.path), clean(name))
	}
	if len(dir.path)+1+len(name) > r.limits.Path {
		return fmt.Errorf("%s: a path is longer than %d bytes: given up", clean(dir.path[:min(len(dir.path), 64)]), r.limits.Path)
	}
	return nil
}

// unread notes what is not known; one list, bounded like the others.
func (r *reader) unread(format string, args ...any) {
	const most = 100
	switch n := len(r.facts.Unread); {
	case n < most:
		r.facts.Unread = append(r.facts.Unread, fmt.Sprintf(format, args...))
	case n == most:
		r.facts.Unread = append(r.facts.Unread, "and more")
	}
}
