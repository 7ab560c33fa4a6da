package apply

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Command is one command run on the node as it is.
type Command struct {
	Name string
	Args []string
	Dir  string // working directory; empty: the caller's
	// Whole says that the command must not be cut off: dpkg or rpm stopped half-way
	// leaves packages unfinished. It then ends by itself although the run was
	// interrupted, or even killed.
	Whole bool
	// Line, when set, gets the lines of output as they come.
	Line func(string)
	// Complaints, when set, gets the whole error output at the end: a command may
	// complain and succeed.
	Complaints func(string)
}

// Runner runs commands. It returns the standard output, also that of a command that
// failed; a failed command's error is a *Failure.
type Runner interface {
	Run(context.Context, Command) ([]byte, error)
}

// Failure is a command that ran and failed.
type Failure struct {
	Command string // its name and verb
	Out     string // its standard output and error output
	Errs    string
	Err     error // how it ended
}

// Error says what the command said of its failure.
func (f *Failure) Error() string {
	return fmt.Sprintf("%s: %v: %s", f.Command, f.Err, complaint(f.Errs, f.Out))
}

// Unwrap gives how it ended, an *exec.ExitError where a process was run.
func (f *Failure) Unwrap() error { return f.Err }

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
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "LANG=C.UTF-8", "LANGUAGE=", "TERM=dumb",
		"DEBIAN_FRONTEND=noninteractive", "DEBIAN_PRIORITY=critical",
		"APT_LISTCHANGES_FRONTEND=none", "NEEDRESTART_MODE=l", "UCF_FORCE_CONFFOLD=1")
	out, errs, err := run(cmd, c)
	if c.Complaints != nil {
		c.Complaints(errs)
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("run %s: %w", c.Name, ctx.Err())
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		name := strings.TrimSpace(c.Name + " " + Verb(c.Args))
		return out, &Failure{Command: name, Out: string(out), Errs: errs, Err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", c.Name, err)
	}
	return out, nil
}

// Verb is the first argument that is no option.
func Verb(args []string) string {
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

// complaint is what a failed command said: the lines by which apt, dpkg, dnf, yum
// and rpm name a cause, or else its last lines.
func complaint(errs, out string) string {
	var said []string
	for l := range strings.Lines(errs + "\n" + out) {
		if l = strings.TrimSpace(l); isComplaint(l) {
			said = append(said, strings.TrimPrefix(strings.TrimPrefix(l, "E: "), "Error: "))
		}
	}
	if len(said) == 0 {
		said = strings.Split(strings.TrimSpace(errs), "\n")
		said = said[max(0, len(said)-5):]
	}
	text := strings.Join(said, "; ")
	if len(text) > 2000 {
		text = text[:2000] + " …"
	}
	return text
}

func isComplaint(l string) bool {
	for _, prefix := range []string{"E: ", "dpkg: error", "Error: ", "error: ", "Problem", "- "} {
		if strings.HasPrefix(l, prefix) {
			return true
		}
	}
	return strings.Contains(l, " : Depends: ") || strings.HasSuffix(l, " is not signed") || // dnf's and yum's
		strings.HasPrefix(l, "Public key for ") || strings.Contains(l, "Failing package is: ")
}
