package ebs

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// nextData is the offset of the first data at or after at, beyond every file if
// there is none.
func nextData(f *os.File, at int64) (int64, error) {
	next, err := f.Seek(at, unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO):
		return math.MaxInt64, nil
	case errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP):
		return at, nil // a file system that does not know holes
	}
	return next, err
}
