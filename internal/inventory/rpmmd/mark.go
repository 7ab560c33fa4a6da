package rpmmd

import (
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// settled is how long a file must have been left alone before what the file system
// says of it stands for its contents: within one tick of the kernel's clock a file can
// change twice and show one time.
const settled = 2 * time.Second

// marks is what the file system says of the files that a selection is made of: their
// sizes and times. Not ok: one is not there or is no regular file, so that nothing
// kept may answer for it. Not stable: one was written a moment ago. Files that come
// over the network have nothing but their digest in the index.
func marks(md Repomd, open Opener) (text string, stable, ok bool) {
	var b strings.Builder
	stable = true
	for _, kind := range []string{"primary", "updateinfo", "modules"} {
		d, err := md.Find(kind)
		if err != nil {
			return "", false, false
		}
		if d == nil {
			continue
		}
		f, err := open(*d)
		if err != nil {
			return "", false, false
		}
		on, is := f.(interface{ Stat() (fs.FileInfo, error) })
		if !is {
			f.Close()
			fmt.Fprintf(&b, "%s\n", kind)
			continue
		}
		info, err := on.Stat()
		f.Close()
		if err != nil || !info.Mode().IsRegular() {
			return "", false, false
		}
		last, size := info.ModTime(), info.Size()
		fmt.Fprintf(&b, "%s %d %d", kind, size, last.UnixNano())
		if changed, known := changedAt(info); known { // no program can set this one
			fmt.Fprintf(&b, " %d", changed.UnixNano())
			last = changed
		}
		b.WriteString("\n")
		stable = stable && time.Since(last) >= settled
	}
	return b.String(), stable, true
}
