package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/hush"
	"github.com/goldenami/rehydrate/rollout/gate"
)

// Command is good when a program ends with 0, and bad when it ends with another code or
// not in time. One that cannot be started is unknown.
type Command struct {
	Args    []string
	Env     []string // besides the environment of this process, as NAME=VALUE
	Dir     string
	Timeout time.Duration
}

// graceful is how long what a program has begun may hold its output open after it.
const graceful = 2 * time.Second

// Look implements gate.Probe.
func (c Command) Look(ctx context.Context) (gate.Health, string) {
	limited, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	cmd := exec.CommandContext(limited, c.Args[0], c.Args[1:]...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = append(os.Environ(), c.Env...), c.Dir, graceful
	var said tail
	cmd.Stdout, cmd.Stderr = &said, &said
	together(cmd)
	err := cmd.Run()
	if cmd.Process != nil {
		_ = cmd.Cancel() // ends what it has begun and left behind
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return gate.Hidden, "interrupted"
	case limited.Err() != nil:
		return gate.Bad, fmt.Sprintf("it did not end within %s%s", c.Timeout, said.line())
	case err == nil:
		return gate.Good, "it ended with 0"
	case errors.As(err, &exit):
		return gate.Bad, fmt.Sprintf("it ended with %d%s", exit.ExitCode(), said.line())
	case errors.Is(err, exec.ErrWaitDelay):
		return gate.Good, "it ended with 0; what it had begun was ended after it"
	}
	return gate.Hidden, "it could not be started: " + cause(err).Error()
}

// Exists implements gate.Exists.
func (c Command) Exists(context.Context) (missing string, err error) {
	cmd := exec.Command(c.Args[0])
	cmd.Dir = c.Dir
	if cmd.Err != nil {
		return "the program cannot be found: " + cause(cmd.Err).Error(), nil
	}
	if strings.ContainsAny(c.Args[0], `/\`) {
		path := c.Args[0]
		if c.Dir != "" && !strings.HasPrefix(path, "/") {
			path = c.Dir + "/" + path
		}
		if _, err := os.Stat(path); err != nil {
			return "the program cannot be found: " + cause(err).Error(), nil
		}
	}
	return "", nil
}

// cause leaves out what the error was about: the arguments are in the configuration.
func cause(err error) error {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err
}

// tail keeps the end of what is written to it.
type tail struct {
	b   bytes.Buffer
	cut bool
}

// maxTail is how much of an output is kept, maxLine how much of it is said.
const (
	maxTail = 4 << 10
	maxLine = 200
)

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if len(p) > maxTail {
		p, t.cut = p[len(p)-maxTail:], true
	}
	if over := t.b.Len() + len(p) - maxTail; over > 0 {
		t.b.Next(over)
		t.cut = true
	}
	t.b.Write(p)
	return n, nil
}

// line is the last line that says something, cleaned, as the end of a sentence.
func (t *tail) line() string {
	lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(t.b.String(), "?")), "\n")
	if len(lines) == 1 && t.cut {
		return ": its last line is too long" // and half a secret could not be told
	}
	last := hush.Clean(strings.Join(strings.Fields(lines[len(lines)-1]), " "), os.Environ())
	if r := []rune(last); len(r) > maxLine {
		last = string(r[:maxLine]) + "…"
	}
	if last == "" {
		return ""
	}
	return ": " + last
}
