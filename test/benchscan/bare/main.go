// Command bare reads the files it is given, unpacking them by their names, and does
// nothing with what it reads: the least that a reader of package lists can do.
package main

import (
	"compress/bzip2"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

func main() {
	var all sync.WaitGroup
	for _, name := range os.Args[1:] {
		all.Go(func() {
			if err := read(name); err != nil {
				fmt.Fprintf(os.Stderr, "bare: %s: %v\n", name, err)
				os.Exit(1)
			}
		})
	}
	all.Wait()
}

func read(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := unpack(f, path.Ext(name))
	if err != nil {
		return err
	}
	buf := make([]byte, 256<<10)
	for {
		if _, err := r.Read(buf); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func unpack(f io.Reader, ext string) (io.Reader, error) {
	switch ext {
	case ".gz":
		return gzip.NewReader(f)
	case ".xz":
		return xz.NewReader(f)
	case ".lz4":
		return lz4.NewReader(f), nil
	case ".bz2":
		return bzip2.NewReader(f), nil
	case ".zst":
		return zstd.NewReader(f)
	}
	return f, nil
}
