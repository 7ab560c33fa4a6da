// Package cli is the command line: it translates flags into calls and results into
// output and exit codes, and holds no rule of the business.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/fault"
)

// Main runs the program and returns its exit code.
func Main(args []string) int {
	if app.MaybeChild(args) {
		return 0
	}
	unsetEmpty()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, args, os.Stdin, os.Stdout, os.Stderr)
}

// unsetEmpty forgets our variables that are set to nothing, as a pipeline sets what
// nobody gave: the library would take "" for the name of a folder or a format.
func unsetEmpty() {
	for _, v := range os.Environ() {
		if name, value, _ := strings.Cut(v, "="); value == "" && strings.HasPrefix(name, "REHYDRATE_") {
			_ = os.Unsetenv(name) // it has just been set
		}
	}
}

// Run is Main with everything from outside as arguments; tests drive it.
func Run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	a := New(in, out, errs)
	args = helpAlone(resumeNewest(args))
	err := a.RunContext(ctx, args)
	if err == nil {
		return 0
	}
	var exit cli.ExitCoder
	if errors.As(err, &exit) && exit.Error() == "" {
		return exit.ExitCode()
	}
	kind := kindOf(err)
	tell(errs, wantsJSON(args), kind, err)
	return kind.ExitCode()
}

// tell writes a failure: two lines for people, one object for machines.
func tell(w io.Writer, asJSON bool, kind fault.Kind, err error) {
	hint := fault.HintOf(err)
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
		if hint == "" {
			hint = "`rehydrate history` shows what had begun; `rehydrate run --resume latest` goes on with it"
		}
	}
	if asJSON {
		_ = json.NewEncoder(w).Encode(map[string]any{"error": err.Error(), "hint": hint, "code": kind.ExitCode()}) // stderr is all there is
		return
	}
	fmt.Fprintf(w, "rehydrate: %s\n", err)
	if hint != "" {
		fmt.Fprintf(w, "  next: %s\n", hint)
	}
}

// wantsJSON says whether the result, and so a failure too, is to be JSON. It reads
// the arguments itself: they may be what is wrong.
func wantsJSON(args []string) bool {
	asked := os.Getenv("REHYDRATE_OUTPUT")
	for i, a := range args {
		name, value, given := strings.Cut(strings.TrimPrefix(a, "-"), "=")
		switch {
		case name != "-output" && name != "output" || !strings.HasPrefix(a, "-"):
		case given:
			asked = value
		case i+1 < len(args):
			asked = args[i+1]
		}
	}
	return asked == "json"
}

// resumeNewest lets --resume stand alone: with no value, it is the newest run. The
// library would take the next flag for its value.
func resumeNewest(args []string) []string {
	out := slices.Clone(args)
	for i, a := range out {
		if (a == "--resume" || a == "-resume") && (i+1 == len(out) || strings.HasPrefix(out[i+1], "-")) {
			out[i] = "--resume=" + latest
		}
	}
	return out
}

// helpAlone drops what stands after a flag for help: the library would take an
// argument there for a topic, and find none.
func helpAlone(args []string) []string {
	for i, a := range args {
		if a == "--help" || a == "-h" || a == "-help" {
			return args[:i+1]
		}
	}
	return args
}

// kindOf is fault.KindOf, but what urfave itself refuses is a usage error.
func kindOf(err error) fault.Kind {
	var f *fault.Error
	if errors.As(err, &f) {
		return fault.KindOf(err)
	}
	for _, s := range []string{"flag provided but not defined", "flag needs an argument", "Required flag", "invalid value", "No help topic", "not set"} {
		if strings.Contains(err.Error(), s) {
			return fault.Usage
		}
	}
	return fault.KindOf(err)
}
