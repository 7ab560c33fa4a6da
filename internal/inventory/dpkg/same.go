package dpkg

import (
	"io/fs"
	"os"
	"strconv"
	"time"
)

// settled is how long a file must have been left alone before what the file system
// says of it stands for its contents: within one tick of the kernel's clock a file can
// change twice and show one time.
const settled = 2 * time.Second

// sameFile is the key under which the cache remembers that a file has the digest sum,
// so that it need not be read again to know. It names the file by device, inode, size,
// time of modification and time of change. The last is set by the kernel at every
// write, rename or chmod, and no program can put it back as it can the modification
// time; to set the clock back does not help, as a time of change that is not past is
// not believed.
//
// That holds for the file system that the cache itself is on, while it is mounted: a
// disk that comes and goes may have been written to elsewhere, and its files have no
// such key: known is false. Whoever changes this disk from outside can change the
// cache and this program, too. No key although known: the file is too fresh.
func (c cache) sameFile(info fs.FileInfo, sum string) (key string, known bool) {
	if c.device == "" || !info.Mode().IsRegular() {
		return "", false
	}
	is, ok := identityOf(info)
	if !ok || is.device != c.device {
		return "", false
	}
	if time.Since(is.changed) < settled {
		return "", true
	}
	return keyOf("same", is.device, is.inode, strconv.FormatInt(info.Size(), 10),
		strconv.FormatInt(info.ModTime().UnixNano(), 10), strconv.FormatInt(is.changed.UnixNano(), 10), sum), true
}

// identity is what else a file system says of a file.
type identity struct {
	device, inode string
	changed       time.Time // of contents, name or attributes; only the kernel sets it
}

// deviceOf is the device that a folder is on; empty if nobody can tell.
func deviceOf(dir string) string {
	info, err := os.Stat(dir)
	if err != nil {
		return ""
	}
	is, _ := identityOf(info)
	return is.device
}
