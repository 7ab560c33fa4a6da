package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/twin"
	"github.com/goldenami/rehydrate/internal/wait"
)

// World is what a new twin begins with.
type World struct {
	File string
	Set  []string // NAME=VALUE
}

// Twin is a running twin.
type Twin struct {
	Endpoint string
	How      string // found running, or started
}

// startLimit is how long a twin may take to answer: its world may hold many
// instances.
const startLimit = 60 * time.Second

// EnsureTwin finds the twin of a state folder, or starts one as a process of its
// own, which outlives this one.
func EnsureTwin(ctx context.Context, dir string, w World) (Twin, error) {
	if e, ok := twin.Find(dir); ok {
		return Twin{Endpoint: e, How: "found running"}, nil
	}
	self, err := os.Executable()
	if err != nil {
		return Twin{}, fmt.Errorf("find this program, to start the twin: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Twin{}, fmt.Errorf("start the twin: %w", err)
	}
	logName := filepath.Join(dir, "twin.log")
	log, err := os.OpenFile(logName, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return Twin{}, fmt.Errorf("start the twin: %w", err)
	}
	defer log.Close()
	args := []string{"twin", "serve", "--listen", "127.0.0.1:0", "--state", dir}
	if w.File != "" {
		args = append(args, "--world", w.File)
	}
	for _, s := range w.Set {
		args = append(args, "--set", s)
	}
	cmd := exec.Command(self, args...)
	cmd.Stdout, cmd.Stderr = log, log
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return Twin{}, fmt.Errorf("start the twin: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	endpoint := ""
	err = wait.Poll(ctx, wait.Wall{}, "the twin to answer", 50*time.Millisecond, startLimit, func(context.Context) (bool, error) {
		select {
		case err := <-ended:
			return false, errors.Join(errors.New("the twin ended at once"), err)
		default:
		}
		var ok bool
		endpoint, ok = twin.Find(dir)
		return ok, nil
	})
	if err != nil {
		return Twin{}, fault.As(fmt.Errorf("start the twin: %w%s", err, tail(logName)), fault.KindOf(err), "see "+logName)
	}
	return Twin{Endpoint: endpoint, How: "started"}, nil
}

// tail is the last line of a log, for an error message.
func tail(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return ": " + lines[len(lines)-1]
}
