package roots

import (
	"fmt"
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal of the machine's own devpts.
type terminal struct {
	master, slave *os.File
	kind          string
}

type windowSize struct{ Columns, Rows, Width, Height uint32 }

// openTerminal serves pty-req (RFC 4254 §6.2). Terminal modes are left as they are.
func (s *session) openTerminal(payload []byte) bool {
	var q struct {
		Term                         string
		Columns, Rows, Width, Height uint32
		Modes                        string
	}
	if s.started || s.tty != nil || ssh.Unmarshal(payload, &q) != nil {
		return false
	}
	t, err := newTerminal()
	if err != nil {
		fmt.Fprintln(s.h.log, "ssh: terminal:", err)
		return false
	}
	t.kind = q.Term
	s.tty = t
	return t.resize(windowSize{q.Columns, q.Rows, q.Width, q.Height}) == nil
}

func (s *session) resizeTerminal(payload []byte) bool {
	var w windowSize
	return s.tty != nil && ssh.Unmarshal(payload, &w) == nil && s.tty.resize(w) == nil
}

func newTerminal() (*terminal, error) {
	master, err := os.OpenFile("/dev/pts/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		closeAll(master)
		return nil, err
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		closeAll(master)
		return nil, err
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		closeAll(master)
		return nil, err
	}
	return &terminal{master: master, slave: slave}, nil
}

func (t *terminal) resize(w windowSize) error {
	return unix.IoctlSetWinsize(int(t.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{
		Row: uint16(w.Rows), Col: uint16(w.Columns), Xpixel: uint16(w.Width), Ypixel: uint16(w.Height),
	})
}
