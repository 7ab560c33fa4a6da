package apt

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Command is one command run on the node as it is.
type Command struct {
	Name string
	Args []string
	Dir  string // working directory; empty: the caller's
	// Whole says that the command must not be cut off: dpkg stopped half-way leaves
	// packages unconfigured. It then ends by itself although the run was interrupted.
	Whole bool
	// Line, when set, gets the lines of output as they come.
	Line func(string)
}

// Runner runs commands. It returns the standard output; the error of a failed
// command holds the end of its error output.
type Runner interface {
	Run(context.Context, Command) ([]byte, error)
}

// Exec is the Runner of the machine itself.
type Exec struct{}

// Run runs c without a terminal, in English, with stdin closed.
func (Exec) Run(ctx context.Context, c Command) ([]byte, error) {
	if c.Whole {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		ctx = context.WithoutCancel(ctx)
	}
	cmd := exec.CommandContext(ctx, c.Name, c.Args...)
	cmd.Dir = c.Dir
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "LANG=C.UTF-8", "LANGUAGE=",
		"DEBIAN_FRONTEND=noninteractive", "DEBIAN_PRIORITY=critical",
		"APT_LISTCHANGES_FRONTEND=none", "NEEDRESTART_MODE=l", "UCF_FORCE_CONFFOLD=1")
	if c.Whole {
		apart(cmd)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if c.Line != nil {
		read, write := io.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			lines := bufio.NewScanner(read)
			for lines.Scan() {
				if l := strings.TrimSpace(lines.Text()); l != "" {
					c.Line(l)
				}
			}
			_, _ = io.Copy(io.Discard, read) // an over-long line must not block the command
		}()
		cmd.Stdout = io.MultiWriter(&out, write)
		defer func() { _ = write.Close(); <-done }() // of a pipe: never fails
	}
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("run %s: %w", c.Name, ctx.Err())
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return out.Bytes(), fmt.Errorf("%s %s: %w: %s", c.Name, verb(c.Args), err, complaint(errs.String(), out.String()))
	}
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", c.Name, err)
	}
	return out.Bytes(), nil
}

// verb is the first argument that is no option.
func verb(args []string) string {
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-o":
			i++
		case !strings.HasPrefix(args[i], "-"):
			return args[i]
		}
	}
	return ""
}

// complaint is what a failed command said: its E: lines, or else its last lines.
func complaint(errs, out string) string {
	var es []string
	for l := range strings.Lines(errs + "\n" + out) {
		if l = strings.TrimSpace(l); strings.HasPrefix(l, "E: ") || strings.Contains(l, " : Depends: ") || strings.HasPrefix(l, "dpkg: error") {
			es = append(es, strings.TrimPrefix(l, "E: "))
		}
	}
	if len(es) == 0 {
		es = strings.Split(strings.TrimSpace(errs), "\n")
		es = es[max(0, len(es)-5):]
	}
	text := strings.Join(es, "; ")
	if len(text) > 2000 {
		text = text[:2000] + " …"
	}
	return text
}
