// Package rootfs opens the root directory of an operating system as an fs.FS in
// which symbolic links mean what they mean to the system living there.
//
// os.DirFS follows an absolute link to the *caller's* root, and os.Root refuses it.
// Here a link to /etc/x found in /srv/root leads to /srv/root/etc/x, and nothing
// outside the root can be reached.
package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

// maxLinks is how many links a path may lead through, as in Linux.
const maxLinks = 40

// FS is a root directory; Close releases it.
type FS struct{ root *os.Root }

// Open opens dir as a root.
func Open(dir string) (*FS, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open root directory: %w", err)
	}
	return &FS{root}, nil
}

// Close releases the directory.
func (f *FS) Close() error { return f.root.Close() }

// Open opens the named file, following links inside the root. Pipes, sockets and
// devices are refused: to open one can wait for ever or act on the machine.
func (f *FS) Open(name string) (fs.File, error) {
	real, err := f.resolve("open", name)
	if err != nil {
		return nil, err
	}
	info, err := f.root.Lstat(real)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: cause(err)}
	}
	if !info.Mode().IsRegular() && !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("it is neither a file nor a folder (%s)", info.Mode().Type())}
	}
	return f.root.Open(real)
}

// Stat describes the named file, following links inside the root.
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	real, err := f.resolve("stat", name)
	if err != nil {
		return nil, err
	}
	return f.root.Stat(real)
}

// resolve returns name without links; the file itself need not exist.
func (f *FS) resolve(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	todo, done, links := strings.Split(name, "/"), ".", 0
	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..": // above the root is the root
			if done = path.Dir(done); done == "/" {
				done = "."
			}
			continue
		}
		at := path.Join(done, part)
		info, err := f.root.Lstat(at)
		if err != nil {
			return "", &fs.PathError{Op: op, Path: name, Err: cause(err)}
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			done = at
			continue
		}
		if links++; links > maxLinks {
			return "", &fs.PathError{Op: op, Path: name, Err: fmt.Errorf("more than %d links", maxLinks)}
		}
		target, err := f.root.Readlink(at)
		if err != nil {
			return "", &fs.PathError{Op: op, Path: name, Err: cause(err)}
		}
		if strings.HasPrefix(target, "/") {
			done = "."
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return done, nil
}

// cause strips the path that the inner error repeats.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
