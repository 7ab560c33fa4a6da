package files

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// attribute reads an extended attribute of an open file of a live root; nil is none.
func attribute(f fs.File, name string) ([]byte, error) {
	d, ok := f.(interface{ Fd() uintptr })
	if !ok {
		return nil, errors.ErrUnsupported
	}
	b := make([]byte, 256)
	n, err := unix.Fgetxattr(int(d.Fd()), name, b) //nolint:gosec // a file descriptor
	switch {
	case errors.Is(err, unix.ENODATA):
		return nil, nil
	case errors.Is(err, unix.EOPNOTSUPP):
		return nil, errors.ErrUnsupported
	case err != nil:
		return nil, err
	}
	return b[:n], nil
}
