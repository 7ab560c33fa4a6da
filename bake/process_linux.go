package bake

import "syscall"

// dieWithParent interrupts the command when its supervisor is killed. Packer's
// wrapper forwards SIGTERM, and only that, to the process that does the work.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGTERM }
