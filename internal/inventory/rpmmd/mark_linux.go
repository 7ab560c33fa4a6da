package rpmmd

import (
	"io/fs"
	"syscall"
	"time"
)

// changedAt is when contents, name or attributes of a file of this machine changed;
// unknown of one that is read out of an image.
func changedAt(info fs.FileInfo) (at time.Time, known bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(s.Ctim.Unix()), true
}
