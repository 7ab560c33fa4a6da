package roots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/goldenami/rehydrate/internal/twin/backing"
)

// bootTime bounds a boot, which takes well under a second.
const bootTime = 2 * time.Minute

// running is the twin's side of a holder.
type running struct {
	send    sync.Mutex
	control *net.UnixConn
	cmd     *exec.Cmd
	heard   chan struct{} // closed when what the holder said of its boot has been read
	ended   chan struct{}
	exit    int // the holder's exit code, once ended
}

// launch starts a holder and waits until its machine is up.
func launch(ctx context.Context, spec backing.Machine) (*running, error) {
	exe, err := sealedSelf()
	if err != nil {
		return nil, err
	}
	for _, d := range append([]string{spec.Dir}, spec.Image.Layers...) {
		if !filepath.IsAbs(d) {
			return nil, fmt.Errorf("folder %q: %w", d, errRelative)
		}
	}
	if err := os.MkdirAll(spec.Dir, 0o700); err != nil {
		return nil, err
	}
	ours, theirs, err := socketPair(unix.SOCK_SEQPACKET)
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	control, err := unixConn(ours)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(spec.Dir, logFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		closeConn(control)
		return nil, err
	}
	defer log.Close()
	confR, confW, err := os.Pipe()
	if err != nil {
		closeConn(control)
		return nil, err
	}
	r := &running{control: control, heard: make(chan struct{}), ended: make(chan struct{}), exit: -1}
	r.cmd = &exec.Cmd{
		Path: fmt.Sprintf("/proc/self/fd/%d", fdB), Args: []string{"twin-machine " + spec.ID, hiddenArg, verbHold},
		Env: []string{"PATH=" + rootPath, "TZ=UTC"}, Dir: "/", Stdout: log, Stderr: log,
		ExtraFiles: []*os.File{theirs, exe, confR},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
			Pdeathsig:  unix.SIGKILL, Setsid: true,
		},
	}
	err = r.start()
	closeAll(confR, theirs) // so that the holder's end is the end of its socket
	if err != nil {
		closeAll(confW)
		closeConn(control)
		return nil, fmt.Errorf("start namespaces: %w", err)
	}
	go func() {
		_ = json.NewEncoder(confW).Encode(configOf(spec)) // the holder says if it lacks it
		closeAll(confW)
	}()
	if err := r.awaitBoot(ctx); err != nil {
		r.kill()
		return nil, err
	}
	return r, nil
}

// start starts the process from a thread that lives as long as it does: the parent
// death signal is for the death of the parent's thread.
func (r *running) start() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := r.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = r.cmd.Wait() // the exit code says it
		r.exit = r.cmd.ProcessState.ExitCode()
		<-r.heard // its last words say why it has ended
		closeConn(r.control)
		close(r.ended)
	}()
	return <-started
}

// watchBusy passes on what the holder says of its commands until it ends.
func (r *running) watchBusy(say func(busy bool)) {
	busy := false
	for b := make([]byte, 1); ; {
		if n, err := r.control.Read(b); err != nil || n == 0 {
			break
		}
		if now := b[0] == busyByte; now != busy {
			busy = now
			say(busy)
		}
	}
	if busy {
		say(false)
	}
}

func (r *running) awaitBoot(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = r.cmd.Process.Kill() })
	defer stop()
	_ = r.control.SetReadDeadline(time.Now().Add(bootTime)) // open, so it cannot fail
	b := make([]byte, 4096)
	n, err := r.control.Read(b)
	close(r.heard)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil || n == 0 {
		return fmt.Errorf("boot: the machine's process ended or did not answer: %w", errors.Join(err, backing.ErrInterrupted))
	}
	if s := string(b[:n]); s != "ready" {
		return fmt.Errorf("boot: %s", s)
	}
	return r.control.SetReadDeadline(time.Time{})
}

// kill ends the machine at once and waits until it is gone, mounts included.
func (r *running) kill() {
	_ = r.cmd.Process.Kill() // fails if it has ended
	<-r.ended
}

func configOf(m backing.Machine) config {
	c := config{
		Dir: m.Dir, Layers: m.Image.Layers, Hostname: m.Hostname, User: m.User, Keys: m.AuthorizedKeys, Hosts: m.Hosts,
		Env: proxies(os.Environ()),
	}
	if c.Hostname == "" {
		c.Hostname = m.ID
	}
	if m.Address.IsValid() {
		port := m.Port
		if port == 0 {
			port = 22
		}
		c.Listen = netip.AddrPortFrom(m.Address, port).String()
	}
	return c
}

// proxies are the settings with which this host reaches package archives.
func proxies(env []string) []string {
	var out []string
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		switch strings.ToLower(name) {
		case "http_proxy", "https_proxy", "ftp_proxy", "no_proxy":
			out = append(out, e)
		}
	}
	return out
}

func unixConn(f *os.File) (*net.UnixConn, error) {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errProtocol
	}
	return u, nil
}

func closeConn(c *net.UnixConn) { _ = c.Close() } // what was to be read has been

func containsWord(text, word string) bool {
	for _, f := range strings.Fields(text) {
		if f == word {
			return true
		}
	}
	return false
}
