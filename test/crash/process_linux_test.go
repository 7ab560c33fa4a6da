package crash

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/test/lab"
)

// commandLimit is how long one command may take.
const commandLimit = 3 * time.Minute

// endOfOutput is written behind a command's output once it has ended: what stands
// before it is all that the command has said. The pipe's end would not tell, because a
// child that outlives the command may hold it open.
const endOfOutput = "\x00ended\n"

// process is a command under way.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}

	mu    sync.Mutex
	text  strings.Builder // standard output and error
	fresh chan struct{}   // closed at the next line
}

// start starts a program in a process group of its own, so that all of it can be
// killed in one blow.
func start(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = w, w, &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		r.Close()
		w.Close()
		t.Fatal(err)
	}
	p := &process{cmd: cmd, ended: make(chan struct{}), fresh: make(chan struct{})}
	go p.read(r)
	go func() {
		_ = cmd.Wait() // its exit code tells
		_, _ = io.WriteString(w, endOfOutput)
		w.Close()
	}()
	t.Cleanup(func() {
		p.kill()
		<-p.ended
	})
	return p
}

// read reads to the pipe's end, and says in between that the command has ended, when
// said is all that it will say.
func (p *process) read(r io.ReadCloser) {
	defer r.Close()
	for in := bufio.NewReader(r); ; {
		line, err := in.ReadString('\n')
		line, ended := strings.CutSuffix(line, endOfOutput)
		p.mu.Lock()
		p.text.WriteString(line)
		close(p.fresh)
		p.fresh = make(chan struct{})
		p.mu.Unlock()
		if ended {
			close(p.ended)
		}
		if err != nil {
			return
		}
	}
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// until waits for a line that matches; false means that the process has ended
// without.
func (p *process) until(t testing.TB, line *regexp.Regexp) bool {
	t.Helper()
	limit := time.After(commandLimit)
	for {
		p.mu.Lock()
		text, fresh := p.text.String(), p.fresh
		p.mu.Unlock()
		if line.MatchString(text) {
			return true
		}
		select {
		case <-fresh:
		case <-p.ended:
			return line.MatchString(p.said())
		case <-limit:
			t.Fatalf("no line %q within %s:\n%s", line, commandLimit, text)
		}
	}
}

// kill ends the whole process group without warning.
func (p *process) kill() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) } // it may have ended

// code waits for the end.
func (p *process) code(t testing.TB) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(commandLimit):
		t.Fatalf("%v has not ended within %s:\n%s", p.cmd.Args, commandLimit, p.said())
	}
	return p.cmd.ProcessState.ExitCode()
}

// newProcesses is an empty state folder for command lines that start a twin with the
// example's world.
func newProcesses(t testing.TB) *world {
	t.Helper()
	w := &world{dir: folder(t), Lab: &lab.Lab{}}
	var err error
	if w.state, err = app.OpenState(filepath.Join(w.dir, "state")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if code := w.rehydrate(t, "twin", "stop", "--state", w.state.Twin()).code(t); code != 0 {
			t.Errorf("stop the twin: exit code %d", code)
		}
	})
	return w
}

// rehydrate starts the command line.
func (w *world) rehydrate(t testing.TB, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), cliEnv+"=1")
	return start(t, cmd)
}

// pipeline starts a run of the whole pipeline, with its twin.
func (w *world) pipeline(t testing.TB, args ...string) *process {
	t.Helper()
	all := []string{"run", "--twin", "--modelled", "--config", filepath.Join(example, "rehydrate.hcl"), "--state", filepath.Join(w.dir, "state")}
	return w.rehydrate(t, append(append(all, args...), line)...)
}

// twinOf reads who the twin of a state folder is.
func twinOf(t testing.TB, dir string) (endpoint string, pid int) {
	t.Helper()
	var e struct {
		Endpoint string
		PID      int
	}
	text, err := os.ReadFile(filepath.Join(dir, "endpoint.json"))
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil {
		t.Fatalf("find the twin: %v", err)
	}
	return e.Endpoint, e.PID
}

// killTwinOf kills the twin of a state folder without warning and waits until its
// lock is free.
func killTwinOf(t testing.TB, dir string) (endpoint string) {
	t.Helper()
	endpoint, pid := twinOf(t, dir)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill the twin: %v", err)
	}
	l := flock.New(filepath.Join(dir, "lock"))
	for limit := time.Now().Add(worldLimit); time.Now().Before(limit); time.Sleep(time.Millisecond) {
		if ok, err := l.TryLock(); err != nil {
			t.Fatal(err)
		} else if ok {
			if err := l.Unlock(); err != nil {
				t.Fatal(err)
			}
			return endpoint
		}
	}
	t.Fatalf("the killed twin %d keeps its lock", pid)
	return ""
}
