//go:build unix

package files

import "syscall"

// fromSystem takes owner, number and device from a live root's file.
func (e *entry) fromSystem(sys any) bool {
	s, ok := sys.(*syscall.Stat_t)
	if !ok {
		return false
	}
	e.uid, e.gid, e.live = s.Uid, s.Gid, true
	e.inode, e.links, e.device = uint64(s.Ino), uint32(s.Nlink), uint64(s.Dev) //nolint:gosec,unconvert // their widths differ between systems; no file has 2^32 names
	return true
}
