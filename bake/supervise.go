package bake

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/goldenami/rehydrate/internal/wait"
)

// superviseArg makes a process a supervisor. It is an argument and not a command of
// the CLI: nobody but us calls it.
const superviseArg = "__supervise"

// inheritedLock is the descriptor by which a supervisor gets the lock.
const inheritedLock = 3

// The files of a supervised process, in a folder of its own.
const (
	specFile    = "spec.json"
	lockFile    = "lock"
	processFile = "process.json"
	exitFile    = "exit.json"
	logFile     = "packer.log"
)

// spec is what a supervisor runs. It holds no environment: that, with the
// credentials in it, is inherited and never written down.
type spec struct {
	Command []string `json:"command"`
	Dir     string   `json:"dir"`
	// Grace is how long the process may clean up after an interrupt.
	Grace time.Duration `json:"grace"`
}

// running says what runs, for a later run that must end it.
type running struct {
	Group      int       `json:"group"` // process group of the command
	Supervisor int       `json:"supervisor"`
	StartedAt  time.Time `json:"startedAt"`
}

// exited says how a supervised command ended.
type exited struct {
	Code   int    `json:"code"`             // -1: by a signal, or never started
	Signal string `json:"signal,omitempty"` // the signal that ended it
	// Interrupted says that the supervisor was told to end it, or that the run died.
	Interrupted bool      `json:"interrupted,omitempty"`
	Error       string    `json:"error,omitempty"` // why it could not be run
	EndedAt     time.Time `json:"endedAt"`
}

// MaybeSupervise turns this process into a supervisor when args, the process's own
// arguments, say so, and reports whether it did; the caller then returns. It must be
// the first thing that main does, and TestMain where a test drives Packer.
//
// A supervisor runs one command in a process group of its own and writes down who
// runs and how it ended. Its standard input is a pipe that the run holds open: when
// the run ends, however it ends, the pipe closes and the supervisor interrupts the
// group, waits, and kills what is left.
func MaybeSupervise(args []string) bool {
	if len(args) != 3 || args[1] != superviseArg {
		return false
	}
	// On Linux the command gets a signal when the thread that started it ends.
	runtime.LockOSThread()
	adoptOrphans()
	folder := args[2]
	// Held from before this process was until the end is written down: whoever finds
	// the lock free and no such record may conclude that the supervisor was killed.
	lock := os.NewFile(inheritedLock, lockFile)
	defer lock.Close()
	how, err := supervise(folder, lock, os.Stdin)
	if err != nil {
		how = exited{Code: -1, Error: err.Error()}
	}
	how.EndedAt = time.Now().UTC()
	if err := writeJSON(filepath.Join(folder, exitFile), how); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return true
}

func supervise(folder string, lock *os.File, run io.Reader) (exited, error) {
	var s spec
	if err := readJSON(filepath.Join(folder, specFile), &s); err != nil {
		return exited{}, err
	}
	log, err := os.OpenFile(filepath.Join(folder, logFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return exited{}, err
	}
	defer log.Close()

	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, run) // returns when the run has ended
		cancel()
	}()

	r, w, err := os.Pipe()
	if err != nil {
		return exited{}, err
	}
	cmd := exec.Command(s.Command[0], s.Command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.Dir, w, w
	detach(cmd, lock)
	err = cmd.Start()
	w.Close()
	if err != nil {
		return exited{}, fmt.Errorf("start %s: %w", s.Command[0], err)
	}
	now := running{Group: cmd.Process.Pid, Supervisor: os.Getpid(), StartedAt: time.Now().UTC()}
	if err := writeJSON(filepath.Join(folder, processFile), now); err != nil {
		cancel() // nobody could ever end it: end it now
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		copyLines(log, r, newRedactor(os.Environ()))
	}()

	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var how exited
	select {
	case err = <-ended:
	case <-stop.Done():
		how.Interrupted = true
		signalGroup(now.Group, os.Interrupt)
		select {
		case err = <-ended:
		case <-time.After(s.Grace):
			signalGroup(now.Group, os.Kill)
			err = <-ended
		}
	}
	endGroup(context.Background(), now.Group, s.Grace)
	select {
	case <-copied:
	case <-time.After(5 * time.Second): // a stray descendant holds the pipe
	}
	how.Code = cmd.ProcessState.ExitCode()
	how.Signal = signalOf(cmd.ProcessState)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		how.Error = err.Error()
	}
	return how, nil
}

// endGroup ends what is left of a process group: politely, then by force.
func endGroup(ctx context.Context, group int, grace time.Duration) {
	gone := func(context.Context) (bool, error) {
		reapOrphans(group)
		return !groupAlive(group), nil
	}
	if done, _ := gone(ctx); done {
		return
	}
	signalGroup(group, os.Interrupt)
	if wait.Poll(ctx, wait.Wall{}, "the process group to end", 100*time.Millisecond, grace, gone) == nil {
		return
	}
	signalGroup(group, os.Kill)
	_ = wait.Poll(ctx, wait.Wall{}, "the process group to be killed", 20*time.Millisecond, 5*time.Second, gone)
}

// copyLines copies whole lines, redacted, each in one write.
func copyLines(to io.Writer, from io.Reader, clean *redactor) {
	in := bufio.NewReaderSize(from, 64<<10)
	for {
		line, err := in.ReadSlice('\n')
		if len(line) > 0 {
			if out, keep := clean.line(string(line)); keep {
				if out[len(out)-1] != '\n' {
					out += "\n"
				}
				_, _ = io.WriteString(to, out) // a full disk must not stop Packer's cleanup
			}
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

func readJSON(name string, into any) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

func writeJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	return writeFile(name, append(b, '\n'))
}

// writeFile replaces a file in one step, readable by us only.
func writeFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".part-*")
	if err != nil {
		return err
	}
	_, werr := f.Write(data)
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(f.Name(), name)
}
