package dpkg

import (
	"errors"
	"io/fs"
	"strings"
)

// snapshotID is what a Release file's Snapshots field has in the place of the time.
const snapshotID = "@SNAPSHOTID@"

// stampLayout is how the snapshot services of Ubuntu and Debian write a time.
const stampLayout = "20060102T150405Z"

// isStamp says that s has the form of stampLayout.
func isStamp(s string) bool {
	if len(s) != len(stampLayout) {
		return false
	}
	for i := range len(s) {
		if digit := s[i] >= '0' && s[i] <= '9'; digit != (i != 8 && i != 15) || !digit && s[i] != stampLayout[i] {
			return false
		}
	}
	return true
}

// timeTravel is the address under which packages' file names can be fetched as the
// archive was when r was made; empty when the archive has no such service.
//
// An archive puts packages into its pool before it writes the Release file that
// names them, and takes them out long after, so the file's own date is a time at
// which all that it names was there.
func (r *release) timeTravel(s Source) string {
	for part := range strings.SplitSeq(s.URI, "/") {
		if isStamp(part) { // the source is such an address itself
			return plain(s.URI)
		}
	}
	if s.Snapshot == "no" || !strings.Contains(r.snapshots, snapshotID) || !strings.Contains(r.snapshots, "://") {
		return ""
	}
	at := s.Snapshot
	if !isStamp(at) {
		if r.date.IsZero() {
			return ""
		}
		at = r.date.UTC().Format(stampLayout)
	}
	return slashed(strings.ReplaceAll(r.snapshots, snapshotID, at))
}

// snapshotOf is s as the archive was at the time that its Snapshot option names: then
// apt reads the lists of that address. Where apt has none of it, s itself.
func (c *collection) snapshotOf(s Source, r *release) (Source, *release, error) {
	if !isStamp(s.Snapshot) || !strings.Contains(r.snapshots, snapshotID) {
		return s, r, nil
	}
	then := s
	then.URI = slashed(strings.ReplaceAll(r.snapshots, snapshotID, s.Snapshot))
	old, err := c.readRelease(then)
	if errors.Is(err, fs.ErrNotExist) {
		return s, r, nil
	}
	return then, old, err
}
