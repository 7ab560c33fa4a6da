package dpkg

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
)

// maxSmall bounds the files that are read whole: Release files, configuration. The
// largest real one, a Release file of Ubuntu, has some 300 KB.
const maxSmall = 32 << 20

// readSmall reads a file whole, unless it is longer than any honest one.
func readSmall(root fs.FS, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var text bytes.Buffer
	if info, err := f.Stat(); err == nil && info.Size() < maxSmall {
		text.Grow(int(info.Size()) + bytes.MinRead) // the rest lets ReadFrom see the end
	}
	_, err = text.ReadFrom(io.LimitReader(f, maxSmall+1))
	if err == nil && text.Len() > maxSmall {
		err = fmt.Errorf("read %s: it is longer than %d bytes", name, maxSmall)
	}
	return text.Bytes(), err
}
