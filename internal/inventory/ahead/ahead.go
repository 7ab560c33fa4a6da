// Package ahead has a slow disk, such as a snapshot behind an API, bring side by
// side what the package readers would ask for piece after piece.
package ahead

import (
	"io"
	"io/fs"
	"sync"
)

// names are what the readers begin with; whichever world a root is of, the others'
// names cost no more than the folders above them.
var names = []string{
	"usr/lib/os-release", "etc/os-release",
	"var/lib/dpkg/status", "var/lib/dpkg/arch", "var/lib/dpkg/updates",
	"usr/lib/sysimage/rpm", "var/lib/rpm",
}

// most is how much of a file is read, in bytes: a block of a snapshot.
const most = 512 << 10

// Read begins to read on root, which must be fit for several goroutines, and returns
// at once. What fails is not told: the reader that needs it will meet it. The caller
// waits before root is closed.
func Read(root fs.FS) (wait func()) {
	var work sync.WaitGroup
	for _, name := range names {
		work.Go(func() {
			f, err := root.Open(name)
			if err != nil {
				return
			}
			defer f.Close()
			if d, ok := f.(fs.ReadDirFile); ok {
				if info, err := f.Stat(); err == nil && info.IsDir() {
					_, _ = d.ReadDir(1) // the reader will meet it
					return
				}
			}
			_, _ = io.CopyN(io.Discard, f, most) // likewise
		})
	}
	return work.Wait
}
