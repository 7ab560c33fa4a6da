//go:build unix

package bake

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/goldenami/rehydrate/internal/fault"
)

// canSupervise says whether this system has the process groups that driving Packer
// needs.
func canSupervise() error { return nil }

// takeLock locks a file for as long as any process holds the returned descriptor or
// one inherited from it.
func takeLock(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fault.New(fault.Conflict, "", "lock %s: it is held by a process of an earlier attempt", name)
		}
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return f, nil
}

// detach gives cmd a process group of its own and the lock, so that the lock stays
// held until the last descendant has ended. Packer's wrapper hands its child new
// descriptors 3 to 5, so the lock must also be the sixth to survive it.
func detach(cmd *exec.Cmd, lock *os.File) {
	cmd.ExtraFiles = []*os.File{lock, lock, lock, lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
}

// leaveGroup keeps the terminal's Ctrl-C from reaching a supervisor.
func leaveGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func signalGroup(group int, s os.Signal) {
	if n, ok := s.(syscall.Signal); ok && group > 1 {
		_ = syscall.Kill(-group, n) // it may be gone
	}
}

func groupAlive(group int) bool {
	return group > 1 && !errors.Is(syscall.Kill(-group, 0), syscall.ESRCH)
}

func signalOf(s *os.ProcessState) string {
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return w.Signal().String()
	}
	return ""
}
