package rootfs

import (
	"io/fs"
	"path"
)

var _ fs.ReadLinkFS = (*FS)(nil)

// Lstat describes the named file; a link as itself.
func (f *FS) Lstat(name string) (fs.FileInfo, error) {
	at, err := f.beside("lstat", name)
	if err != nil {
		return nil, err
	}
	return f.root.Lstat(at)
}

// ReadLink reads where the named link points, as it stands there.
func (f *FS) ReadLink(name string) (string, error) {
	at, err := f.beside("readlink", name)
	if err != nil {
		return "", err
	}
	return f.root.Readlink(at)
}

// beside follows the links to name's folder, but not name itself.
func (f *FS) beside(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	dir, err := f.resolve(op, path.Dir(name))
	if err != nil {
		return "", err
	}
	return path.Join(dir, path.Base(name)), nil
}
