//go:build unix && !linux

package bake

import "syscall"

// dieWithParent does nothing where the system cannot do it; a resumed run then ends
// what was left.
func dieWithParent(*syscall.SysProcAttr) {}
