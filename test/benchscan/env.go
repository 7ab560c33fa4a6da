//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Env is what the groups share.
type Env struct {
	Checkout string // the module's folder
	Cache    string // of what is made once and kept
	Dir      string // of this run; goes at its end
	Log      io.Writer
	built    map[string]string
	cleanups []func() error
}

// missing says that a prerequisite of a group is not there.
type missing struct{ error }

// Missing is the error of a group that cannot be prepared on this machine.
func Missing(format string, args ...any) error { return missing{fmt.Errorf(format, args...)} }

func newEnv(ctx context.Context, log io.Writer) (*Env, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return nil, fmt.Errorf("find the module: %w", err)
	}
	cache := os.Getenv("REHYDRATE_CACHE")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		cache = filepath.Join(home, ".cache", "rehydrate")
	}
	dir, err := os.MkdirTemp("", "benchscan-")
	if err != nil {
		return nil, err
	}
	return &Env{Checkout: strings.TrimSpace(string(out)), Cache: cache, Dir: dir, Log: log, built: map[string]string{}}, nil
}

// OnExit has f called when the benchmark ends, the last first.
func (e *Env) OnExit(f func() error) { e.cleanups = append(e.cleanups, f) }

func (e *Env) close() error {
	var errs []error
	for i := len(e.cleanups) - 1; i >= 0; i-- {
		errs = append(errs, e.cleanups[i]())
	}
	return errors.Join(append(errs, os.RemoveAll(e.Dir))...)
}

// Build builds the command pkg, such as ./cmd/rehydrate-node, static and stripped as
// `make build` does, for a system such as linux/amd64 (empty: this one), once.
func (e *Env) Build(ctx context.Context, pkg, system string) (string, error) {
	key := pkg + " " + system
	if at := e.built[key]; at != "" {
		return at, nil
	}
	at := filepath.Join(e.Dir, strings.ReplaceAll(filepath.Base(pkg)+"-"+system, "/", "-"))
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-ldflags", "-s -w", "-o", at, pkg)
	cmd.Dir, cmd.Env = e.Checkout, append(os.Environ(), "CGO_ENABLED=0")
	if goos, goarch, ok := strings.Cut(system, "/"); ok {
		cmd.Env = append(cmd.Env, "GOOS="+goos, "GOARCH="+goarch)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", pkg, err, out)
	}
	e.built[key] = at
	return at, nil
}

// Timed runs cmd and returns how long the whole process took, in milliseconds, and
// what it printed. Exit codes in fine are no failure.
func Timed(cmd *exec.Cmd, fine ...int) (ms float64, out []byte, err error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	begun := time.Now()
	err = cmd.Run()
	took := time.Since(begun)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		for _, code := range fine {
			if exit.ExitCode() == code {
				err = nil
			}
		}
	}
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w: %.400s", strings.Join(cmd.Args, " "), err, stderr.String())
	}
	return float64(took.Microseconds()) / 1000, stdout.Bytes(), nil
}
