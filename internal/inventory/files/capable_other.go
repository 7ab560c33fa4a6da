//go:build !linux

package files

import (
	"errors"
	"io/fs"
)

// attribute reads no extended attributes: capabilities are Linux's.
func attribute(fs.File, string) ([]byte, error) { return nil, errors.ErrUnsupported }
