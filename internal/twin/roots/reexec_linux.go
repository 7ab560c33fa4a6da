package roots

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// The verbs after hiddenArg.
const (
	verbHold    = "hold"    // be a machine
	verbEnter   = "enter"   // set up the namespaces of one command
	verbInit    = "init"    // be process 1 of one command
	verbCapture = "capture" // write a root's disk image
)

// Inherited descriptors, after the standard ones.
const (
	fdA = 3 // hold: control socket; enter, init: request; capture: request
	fdB = 4 // hold: our own binary; enter, init: notices
	fdC = 5 // hold: configuration
)

// MaybeMachine turns this process into a part of a machine, and never returns, when
// args (os.Args) say so; else it returns false at once. It is to be the first thing
// that main, or TestMain, calls.
func MaybeMachine(args []string) bool {
	if len(args) != 3 || args[1] != hiddenArg {
		return false
	}
	syscall.Umask(0o022)
	switch args[2] {
	case verbHold:
		os.Exit(hold())
	case verbEnter:
		enter()
	case verbInit:
		os.Exit(initMain())
	case verbCapture:
		os.Exit(captureMain())
	}
	fmt.Fprintln(os.Stderr, "rehydrate: this argument is for internal use")
	os.Exit(2)
	return true
}

// sealedSelf is a copy of our own binary that nothing can write: a process in a
// machine runs as root of the same user namespace, and could otherwise write to the
// real file through /proc/1/exe (CVE-2019-5736 was that).
var sealedSelf = sync.OnceValues(func() (*os.File, error) {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer self.Close()
	fd, err := unix.MemfdCreate("rehydrate-machine", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("make memory file: %w", err)
	}
	mem := os.NewFile(uintptr(fd), "memfd")
	defer mem.Close()
	if _, err := io.Copy(mem, self); err != nil {
		return nil, fmt.Errorf("copy own binary: %w", err)
	}
	seals := unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(mem.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		return nil, fmt.Errorf("seal copy of own binary: %w", err)
	}
	// Read-only, for a file that is open for writing cannot be run.
	return os.Open(fmt.Sprintf("/proc/self/fd/%d", mem.Fd()))
})

// socketPair makes a connected pair of unix sockets.
func socketPair(kind int) (a, b *os.File, err error) {
	p, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make socket pair: %w", err)
	}
	return os.NewFile(uintptr(p[0]), "socket"), os.NewFile(uintptr(p[1]), "socket"), nil
}

func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close() // nothing is lost: pipes and sockets
		}
	}
}

var errProtocol = errors.New("unexpected message on control socket")
