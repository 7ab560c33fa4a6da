package bake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/wait"
)

// process is a supervised command, known by its folder; any later run of ours can
// take it up.
type process struct{ folder string }

// child is a supervisor that this very process started.
type child struct {
	alive io.Closer // closing it tells the supervisor to end
	ended chan struct{}
	read  int64 // how much of the log was handed on
}

// start starts a supervisor, which is self called again, with the environment env.
func (p process) start(self string, s spec, env []string) (*child, error) {
	if err := canSupervise(); err != nil {
		return nil, err
	}
	if err := writeJSON(filepath.Join(p.folder, specFile), s); err != nil {
		return nil, err
	}
	lock, err := takeLock(filepath.Join(p.folder, lockFile))
	if err != nil {
		return nil, err
	}
	defer lock.Close() // the supervisor's copy keeps it locked
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	cmd := exec.Command(self, superviseArg, p.folder)
	cmd.Stdin, cmd.Env, cmd.ExtraFiles = r, env, []*os.File{lock} // inheritedLock
	leaveGroup(cmd)
	if err := cmd.Start(); err != nil {
		w.Close()
		return nil, fmt.Errorf("start the supervisor: %w", err)
	}
	c := &child{alive: w, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how the command ended is in its exit file
		close(c.ended)
	}()
	return c, nil
}

// exit is how the command ended; nil while that is not known.
func (p process) exit() (*exited, error) {
	var e exited
	switch err := readJSON(filepath.Join(p.folder, exitFile), &e); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &e, nil
}

// held says whether the supervisor or anything that it started still lives.
func (p process) held() (bool, error) {
	name := filepath.Join(p.folder, lockFile)
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	// A child that this process forks meanwhile, for another architecture, would have
	// the lock until it runs its own program, and the next look would find it held.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	f, err := takeLock(name)
	if fault.KindOf(err) == fault.Conflict {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, f.Close()
}

// end ends whatever still lives: it interrupts, waits for grace, then kills. Real
// processes live in real time, so this waits on the wall's clock.
func (p process) end(ctx context.Context, grace time.Duration) error {
	held, err := p.held()
	if err != nil || !held {
		return err
	}
	free := func(context.Context) (bool, error) {
		held, err := p.held()
		return !held, err
	}
	var r running
	if err := readJSON(filepath.Join(p.folder, processFile), &r); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if how, err := p.exit(); err == nil && how != nil {
		// The command has ended and the supervisor is about to: no need to signal a
		// group whose number may soon be somebody else's.
		if wait.Poll(ctx, wait.Wall{}, "the supervisor to end", 20*time.Millisecond, 2*time.Second, free) == nil {
			return nil
		}
	}
	// The lock is held, so the group's number still means what it meant.
	signalGroup(r.Group, os.Interrupt)
	if err := wait.Poll(ctx, wait.Wall{}, "Packer to end", 100*time.Millisecond, grace, free); err == nil || ctx.Err() != nil {
		return err
	}
	signalGroup(r.Group, os.Kill)
	signalGroup(r.Supervisor, os.Kill)
	err = wait.Poll(ctx, wait.Wall{}, "Packer to be killed", 100*time.Millisecond, time.Minute, free)
	if err != nil {
		return fault.As(fmt.Errorf("end what is left of Packer (process group %d): %w", r.Group, err), fault.Conflict,
			"end these processes by hand, then resume")
	}
	return nil
}
