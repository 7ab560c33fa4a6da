//go:build unix

package apply

import (
	"os/exec"
	"syscall"
)

// apart puts cmd in a process group of its own, so that an interrupt typed at the
// terminal, which goes to a whole group, does not reach dpkg or rpm.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
