package inode

import "errors"

// Extended is what a Store offers that reads extended attributes, by their full name
// (security.capability). Nil is none of that name. What is kept where it is not
// looked for is an errors.ErrUnsupported.
type Extended interface {
	Xattr(ino uint64, name string) ([]byte, error)
}

// Xattr reads an extended attribute of the named file, a link's own for a link.
func (f *FS) Xattr(name, attribute string) ([]byte, error) {
	at, _, err := f.resolve(name, false)
	if err != nil {
		return nil, wrap("read attribute of", name, err)
	}
	x, ok := at.store.(Extended)
	if !ok {
		return nil, wrap("read attribute of", name, errors.ErrUnsupported)
	}
	b, err := x.Xattr(at.ino, attribute)
	return b, wrap("read attribute of", name, err)
}
