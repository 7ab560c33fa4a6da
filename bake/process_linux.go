package bake

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWithParent interrupts the command when its supervisor is killed. Packer's
// wrapper forwards SIGTERM, and only that, to the process that does the work.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGTERM }

// adoptOrphans makes this process the parent of what the command leaves behind. In a
// container the first process often reaps nobody, and a group of zombies would look
// alive for ever.
func adoptOrphans() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }

// reapOrphans buries the dead of a group.
func reapOrphans(group int) {
	for {
		pid, err := syscall.Wait4(-group, nil, syscall.WNOHANG, nil)
		if pid <= 0 || err != nil {
			return
		}
	}
}
