package roots

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// holder is a machine: process 1 of its pid namespace.
type holder struct {
	config config
	log    io.Writer

	once sync.Once
	down chan int // receives the exit code

	mu      sync.Mutex
	control *net.UnixConn // once up
	working int           // commands that have not ended
}

// hold is the holder's main. Its control socket carries, from the twin, one byte and
// the descriptors [conversation, stdin, stdout, stderr] for each call; to the twin,
// one message after boot: "ready", or why not; then busyByte and idleByte. When it
// ends, so does the machine.
func hold() int {
	for _, fd := range []int{fdA, fdB, fdC} {
		syscall.CloseOnExec(fd)
	}
	control, err := unixConn(os.NewFile(fdA, "control"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	h := &holder{log: os.Stderr, down: make(chan int, 1)}
	err = h.boot(os.NewFile(fdC, "config"))
	answer := "ready"
	if err != nil {
		answer = err.Error()
	}
	if _, err := control.Write([]byte(answer)); err != nil || answer != "ready" {
		return 1
	}
	h.mu.Lock()
	h.control = control
	if h.working > 0 { // by SSH, already
		h.report(busyByte)
	}
	h.mu.Unlock()
	go h.serveControl(control)
	return <-h.down
}

func (h *holder) boot(in *os.File) error {
	defer in.Close()
	if err := json.NewDecoder(in).Decode(&h.config); err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	if err := unix.Sethostname([]byte(h.config.Hostname)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	var serve func()
	if h.config.Listen != "" {
		var err error
		// Before the pivot: the host key lies in the machine's folder.
		if serve, err = h.listenSSH(); err != nil {
			return err
		}
	}
	if err := mountRoot(h.config); err != nil {
		return err
	}
	if serve != nil {
		go serve()
	}
	return nil
}

// What a holder says of its commands.
const (
	busyByte = 'b' // there is one
	idleByte = 'i' // there is none any more
)

// work counts the commands that have not ended.
func (h *holder) work(by int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.working
	h.working += by
	switch {
	case before == 0:
		h.report(busyByte)
	case h.working == 0:
		h.report(idleByte)
	}
}

// report tells the twin; h.mu is held.
func (h *holder) report(b byte) {
	if h.control != nil {
		_, _ = h.control.Write([]byte{b}) // fails if the twin is gone
	}
}

// end ends the machine with an exit code, once.
func (h *holder) end(code int) {
	h.once.Do(func() { h.down <- code })
}

func (h *holder) serveControl(c *net.UnixConn) {
	defer h.end(0) // the twin is gone, or has had enough of us
	b, oob := make([]byte, 1), make([]byte, unix.CmsgSpace(4*4))
	for {
		n, on, _, _, err := c.ReadMsgUnix(b, oob)
		if err != nil || n == 0 {
			return
		}
		files, err := receivedFiles(oob[:on])
		if err != nil || len(files) != 4 {
			closeAll(files...)
			fmt.Fprintln(h.log, "control:", errProtocol, err)
			return
		}
		go h.converse(files[0], files[1], files[2], files[3])
	}
}

func receivedFiles(oob []byte) ([]*os.File, error) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for _, m := range msgs {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return files, err
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files, nil
}

// converse serves one call: a request comes in, one notice goes out when the command
// has ended. The other side kills the command by a byte, or by hanging up before.
func (h *holder) converse(conv, stdin, stdout, stderr *os.File) {
	c, err := net.FileConn(conv)
	closeAll(conv)
	if err != nil {
		closeAll(stdin, stdout, stderr)
		fmt.Fprintln(h.log, "control:", err)
		return
	}
	defer c.Close()
	var r request
	in := json.NewDecoder(c)
	err = in.Decode(&r)
	var p *process
	if err == nil {
		p, err = h.spawn(r, stdin, stdout, stderr)
	}
	closeAll(stdin, stdout, stderr)
	if err != nil {
		_ = json.NewEncoder(c).Encode(notice{Err: err.Error()}) // fails if the twin is gone
		return
	}
	over := make(chan struct{}) // the twin has the notice, if it is there
	hungUp := make(chan struct{})
	go func() {
		defer close(hungUp)
		if awaitKill(io.MultiReader(in.Buffered(), c)) {
			p.kill()
			return
		}
		select {
		case <-over: // the usual end
		default:
			p.kill()
		}
	}()
	end := p.wait()
	close(over)
	_ = json.NewEncoder(c).Encode(end) // fails if the twin is gone
	<-hungUp
}

// killByte asks for the end of a command.
const killByte = 'k'

// awaitKill reads until it is asked to kill, or the other side hangs up.
func awaitKill(r io.Reader) bool {
	b := make([]byte, 1)
	for {
		if _, err := io.ReadFull(r, b); err != nil {
			return false
		}
		if b[0] == killByte {
			return true
		}
	}
}

// process is one command and everything it leaves behind.
type process struct {
	cmd   *os.Process
	ended chan struct{}
	end   notice
}

// wait waits for the end of the command itself.
func (p *process) wait() notice { <-p.ended; return p.end }

// kill ends the command's namespace with everything in it.
func (p *process) kill() { _ = p.cmd.Kill() } // fails if it has ended

// spawn starts a process in namespaces of its own. It does not close the files.
func (h *holder) spawn(r request, stdin, stdout, stderr *os.File) (*process, error) {
	r.Env = append(append([]string(nil), h.config.Env...), r.Env...)
	reqR, reqW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		closeAll(reqR, reqW)
		return nil, err
	}
	cmd, err := os.StartProcess("/proc/self/exe", []string{"twin-command", hiddenArg, verbEnter}, &os.ProcAttr{
		Dir: "/", Env: []string{"PATH=" + rootPath, "TZ=UTC"},
		Files: []*os.File{stdin, stdout, stderr, reqR, outW},
		Sys: &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
			Setsid:     true,
		},
	})
	closeAll(reqR, outW)
	if err != nil {
		closeAll(reqW, outR)
		return nil, fmt.Errorf("start process in machine: %w", err)
	}
	go func() {
		_ = json.NewEncoder(reqW).Encode(r) // fails if it died: seen below
		closeAll(reqW)
	}()
	p := &process{cmd: cmd, ended: make(chan struct{})}
	h.work(+1)
	go func() {
		<-p.ended
		h.work(-1)
	}()
	go func() {
		h.listen(p, outR)
		closeAll(outR)
		_, _ = cmd.Wait() // reaps; what matters was said in notices
	}()
	return p, nil
}

// listen reads a command's notices until its namespace has ended.
func (h *holder) listen(p *process, in io.Reader) {
	said := false
	for d := json.NewDecoder(in); ; {
		var n notice
		if err := d.Decode(&n); err != nil {
			break
		}
		switch {
		case n.Power == powerReboot:
			h.end(exitReboot)
		case n.Power == powerOff:
			h.end(exitPowerOff)
		case !said:
			said = true
			p.end = n
			close(p.ended)
		}
	}
	if !said {
		p.end = notice{Ended: true, Signal: int(unix.SIGKILL), Exit: 128 + int(unix.SIGKILL)}
		close(p.ended)
	}
}
