package apply

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/testkit"
)

func TestComplaintsAreShort(t *testing.T) {
	got := complaint("W: x\nE: Unable to locate package a\n", " b : Depends: c but it is not installable\n")
	if got != "Unable to locate package a; b : Depends: c but it is not installable" {
		t.Errorf("complaint = %q", got)
	}
	if got := complaint("Last metadata expiration check: 0:00:01\nError: \n Problem: conflicting requests\n  - nothing provides x\n(try to add '--skip-broken')\n", ""); got != "Problem: conflicting requests; - nothing provides x" {
		t.Errorf("complaint = %q", got)
	}
	if got := complaint("1\n2\n3\n4\n5\n6\n7", ""); got != "3; 4; 5; 6; 7" {
		t.Errorf("complaint = %q, want the last five lines", got)
	}
}

func TestExecReportsWhatTheCommandSaid(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		testkit.Missing(t, "a shell: %v", err)
	}
	var lines []string
	out, err := Exec{}.Run(t.Context(), Command{Name: "/bin/sh", Args: []string{"-c", "echo a; echo b; echo $DEBIAN_FRONTEND"}, Line: func(l string) { lines = append(lines, l) }})
	if err != nil || string(out) != "a\nb\nnoninteractive\n" || len(lines) != 3 {
		t.Errorf("Run = %q, %v, lines %q", out, err, lines)
	}
	if _, err := (Exec{}).Run(t.Context(), Command{Name: "/bin/sh", Args: []string{"-c", "echo E: broken >&2; exit 7"}}); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("error = %v, want what the command said", err)
	} else if exit := new(exec.ExitError); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("error = %v, want the exit code within", err)
	}
	lines = nil
	out, err = Exec{}.Run(t.Context(), Command{Name: "/bin/sh", Args: []string{"-c", "echo a; echo x >&2; printf b"}, Whole: true, Line: func(l string) { lines = append(lines, l) }})
	if err != nil || string(out) != "a\nb" || strings.Join(lines, "|") != "a|b" {
		t.Errorf("whole: %q, %v, lines %q", out, err, lines)
	}
	var said string
	if out, err = (Exec{}).Run(t.Context(), Command{Name: "/bin/sh", Args: []string{"-c", "echo a; echo b >&2"}, Complaints: func(l string) { said = l }}); err != nil || string(out) != "a\n" || said != "b\n" {
		t.Errorf("complaint of a success: %q, %v, %q", out, err, said)
	}
	if _, err := (Exec{}).Run(t.Context(), Command{Name: "/nonexistent/tool"}); err == nil {
		t.Error("a tool that does not exist ran")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Exec{}).Run(ctx, Command{Name: "/bin/sh", Args: []string{"-c", "exit 0"}, Whole: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted run began a command that must not be cut off: %v", err)
	}
}
