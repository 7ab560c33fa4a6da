//go:build unix

package app

import (
	"os/exec"
	"syscall"
)

// detach gives the process a session of its own, so that it outlives ours.
func detach(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
