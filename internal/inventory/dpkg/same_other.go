//go:build !linux

package dpkg

import "io/fs"

// identityOf knows no file: dpkg's roots are Linux's.
func identityOf(fs.FileInfo) (is identity, ok bool) { return identity{}, false }
