package dpkg

import (
	"io/fs"
	"strconv"
	"syscall"
	"time"
)

// identityOf is the identity of a file of this machine; ok is false for one that is
// read out of an image.
func identityOf(info fs.FileInfo) (is identity, ok bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, false
	}
	return identity{
		device: strconv.FormatUint(s.Dev, 10), inode: strconv.FormatUint(s.Ino, 10),
		changed: time.Unix(s.Ctim.Unix()),
	}, true
}
