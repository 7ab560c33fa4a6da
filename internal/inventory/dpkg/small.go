package dpkg

import (
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
	text, err := io.ReadAll(io.LimitReader(f, maxSmall+1))
	if err == nil && len(text) > maxSmall {
		err = fmt.Errorf("read %s: it is longer than %d bytes", name, maxSmall)
	}
	return text, err
}
