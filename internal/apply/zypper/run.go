package zypper

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/fault"
)

// The exit codes of zypper(8) that mean something other than plain failure.
const (
	exitNoRepositories = 6
	exitLocked         = 7   // another process works with zypper's library
	exitCommit         = 8   // the transaction began and failed
	exitReboot         = 102 // done; the machine should be restarted
	exitRestart        = 103 // done; zypper itself was updated
	exitNotFound       = 104 // no repository offers what was asked for
	exitSkipped        = 106 // a repository was left out because it failed
	exitScript         = 107 // done, but a package's script failed
)

// meaning says an exit code in words; what zypper itself says is put beside it.
var meaning = map[int]string{
	exitNoRepositories: "no repository is configured",
	exitLocked:         "another process holds zypper's lock",
	exitCommit:         "the installation began and failed",
	exitNotFound:       "a package is not offered",
	exitSkipped:        "a repository was left out because it failed",
	exitScript:         "packages were installed, but the script of one of them failed",
}

// run runs zypper without a person and reads what it says. Another process's lock is
// waited for. Codes that mean success are no error; the rest is, with zypper's own
// words and the problems that its solver names.
func (z *Zypper) run(ctx context.Context, c apply.Command) (*output, error) {
	c.Name = "zypper"
	c.Args = slices.Concat([]string{"--non-interactive", "--xmlout"}, c.Args)
	w := apply.Waiting{Clock: z.c.Clock, Limit: z.c.LockTimeout, What: "zypper's lock", Busy: busy}
	out, err := w.Run(ctx, z.c.Runner, c)
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	var failed *apply.Failure
	if err != nil && (!errors.As(err, &failed) || busy(err)) {
		return nil, err
	}
	said := parseOutput(out)
	switch code := exitCode(err); code {
	case exitReboot:
		z.reboot = true
		return said, nil
	case 0, exitRestart:
		return said, nil
	default:
		return said, refusal(verb(c.Args), code, failed, said)
	}
}

// refusal is the error of a zypper that failed.
func refusal(verb string, code int, failed *apply.Failure, said *output) error {
	text := meaning[code]
	if text == "" {
		text = failed.Err.Error()
	}
	why := said.complaint()
	if why == "" {
		why = firstLines(failed.Errs)
	}
	if why != "" {
		text += ": " + why
	}
	hint := ""
	switch {
	case said.license:
		hint = "agree to the licence yourself, by installing the package with zypper, or reject the update"
		text = strings.TrimSuffix("a licence would have to be agreed to: "+why, ": ")
	case code == exitNotFound:
		hint = "make a new lock on this node"
	case len(said.problems) > 0:
		hint = "reject the update that cannot be installed, or solve the conflict by hand"
	}
	return fault.As(fmt.Errorf("zypper %s: %s", verb, text), fault.Failed, hint)
}

// exitCode is the exit code that err carries: 0 for none, -1 for an error of another kind.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return -1
}

// busy reports whether another process holds zypper's lock.
func busy(err error) bool { return exitCode(err) == exitLocked }

// verb is the command among zypper's arguments: the first that neither is an option
// nor belongs to one.
func verb(args []string) string {
	for i := 0; i < len(args); i++ {
		switch {
		case slices.Contains(valued, args[i]):
			i++
		case !strings.HasPrefix(args[i], "-"):
			return args[i]
		}
	}
	return ""
}

// valued are the global options in use that take a value.
var valued = []string{"--reposd-dir", "--cache-dir", "--pkg-cache-dir"}

// firstLines is the beginning of an error output, on one line.
func firstLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return oneLine(strings.Join(lines[:min(len(lines), 5)], "; "))
}
