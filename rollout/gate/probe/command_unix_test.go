//go:build unix

package probe

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/rollout/gate"
)

func sh(script string) Command {
	return Command{Args: []string{"/bin/sh", "-c", script}, Timeout: 2 * time.Minute}
}

func TestCommandIsGoodWhenItEndsWithZero(t *testing.T) {
	t.Setenv("ORDERS_TOKEN", "open-sesame")
	for name, c := range map[string]struct {
		c    Command
		want gate.Health
		text string
	}{
		"0":                      {sh("echo fine"), gate.Good, "it ended with 0"},
		"3":                      {sh("echo first; echo 'orders: 7 lost' >&2; exit 3"), gate.Bad, "it ended with 3: orders: 7 lost"},
		"a secret in the output": {sh("echo got $ORDERS_TOKEN; exit 1"), gate.Bad, "it ended with 1: got (hidden)"},
		"half a secret":          {sh("i=0; while [ $i -lt 900 ]; do printf '%s ' $ORDERS_TOKEN; i=$((i+1)); done; exit 1"), gate.Bad, "its last line is too long"},
		"silence":                {sh("exit 1"), gate.Bad, "it ended with 1"},
		"killed":                 {sh("kill -9 $$"), gate.Bad, "it ended with -1"},
		"a variable of the gate": {Command{Args: []string{"/bin/sh", "-c", `test "$REHYDRATE_RING" = prod`}, Env: []string{"REHYDRATE_RING=prod"}, Timeout: time.Minute}, gate.Good, ""},
		"no such program":        {Command{Args: []string{"/nowhere/orders.sh"}, Timeout: time.Second}, gate.Hidden, "could not be started: no such file"},
		"no such word":           {Command{Args: []string{"orders-probe-that-is-not-there"}, Timeout: time.Second}, gate.Hidden, "could not be started"},
	} {
		got, text := c.c.Look(t.Context())
		if got != c.want || !strings.Contains(text, c.text) || strings.Contains(text, "sesame") {
			t.Errorf("%s: %s, %s; want %s, %s", name, got, text, c.want, c.text)
		}
	}
}

func TestCommandIsEndedWithAllThatItHasBegun(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		want   gate.Health
	}{
		"it hangs":                        {"sleep 1000 & echo $! > PID; wait", gate.Bad},
		"it ends well, a child is silent": {"sleep 1000 >/dev/null 2>&1 & echo $! > PID", gate.Good},
		"it fails, a child holds on":      {"sleep 1000 & echo $! > PID; exit 3", gate.Bad},
	} {
		t.Run(name, func(t *testing.T) {
			pid := filepath.Join(t.TempDir(), "pid")
			command := sh(strings.ReplaceAll(c.script, "PID", pid))
			if strings.HasSuffix(c.script, "wait") {
				command.Timeout = time.Second
			}
			got, text := command.Look(t.Context())
			for ; got == gate.Bad && !said(pid) && command.Timeout < 2*time.Minute; got, text = command.Look(t.Context()) {
				command.Timeout *= 2 // it was ended before it had begun anything: the machine is slow
			}
			if got != c.want {
				t.Fatalf("%s, %s", got, text)
			}
			endsSoon(t, pid)
		})
	}
}

func TestCommandThatHangsIsBadAtOnce(t *testing.T) {
	c := sh("sleep 1000")
	c.Timeout = 500 * time.Millisecond
	begun := time.Now()
	got, text := c.Look(t.Context())
	if got != gate.Bad || !strings.Contains(text, "did not end within 500ms") || time.Since(begun) > 5*time.Minute {
		t.Fatalf("%s, %s after %s", got, text, time.Since(begun))
	}
}

// said tells whether a script has written a process's number.
func said(pid string) bool {
	raw, _ := os.ReadFile(pid) // not there yet
	return strings.HasSuffix(string(raw), "\n")
}

// endsSoon waits for the end of the process whose number is in a file.
func endsSoon(t *testing.T, pid string) {
	t.Helper()
	raw, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	gone := false
	for range 6000 { // its new parent may take a moment to notice
		state, _ := os.ReadFile("/proc/" + strconv.Itoa(n) + "/stat")
		if gone = syscall.Kill(n, 0) != nil || strings.Contains(string(state), ") Z "); gone {
			break
		}
		if err := sh("").pause(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !gone {
		t.Errorf("process %d lives on", n)
	}
}

// pause is a short program, so that the test does not sleep itself.
func (c Command) pause(ctx context.Context) error {
	c.Args, c.Timeout = []string{"/bin/sh", "-c", "sleep 0.01"}, time.Minute
	if h, text := c.Look(ctx); h != gate.Good {
		return os.NewSyscallError(text, syscall.EINVAL)
	}
	return nil
}

func TestCommandThatIsNotThereIsFoundBeforehand(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "orders.sh"), []byte("#!/bin/sh\nexit 0\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		c    Command
		want string
	}{
		"beside the configuration": {Command{Args: []string{"./orders.sh"}, Dir: dir}, ""},
		"not there":                {Command{Args: []string{"./other.sh"}, Dir: dir}, "cannot be found"},
		"on the path":              {Command{Args: []string{"sh"}}, ""},
		"not on the path":          {Command{Args: []string{"orders-probe-that-is-not-there"}}, "cannot be found"},
	} {
		missing, err := c.c.Exists(t.Context())
		if err != nil || (c.want == "") != (missing == "") || !strings.Contains(missing, c.want) {
			t.Errorf("%s: %q, %v", name, missing, err)
		}
	}
	c := Command{Args: []string{"./orders.sh"}, Dir: dir, Timeout: time.Minute}
	if got, text := c.Look(t.Context()); got != gate.Good {
		t.Errorf("%s, %s", got, text)
	}
}
