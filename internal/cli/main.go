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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, args, os.Stdin, os.Stdout, os.Stderr)
}

// Run is Main with everything from outside as arguments; tests drive it.
func Run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	a := New(in, out, errs)
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
	if asJSON {
		_ = json.NewEncoder(w).Encode(map[string]any{"error": err.Error(), "hint": hint, "code": kind.ExitCode()}) // stderr is all there is
		return
	}
	fmt.Fprintf(w, "rehydrate: %s\n", err)
	if hint != "" {
		fmt.Fprintf(w, "  next: %s\n", hint)
	}
}

func wantsJSON(args []string) bool {
	for i, a := range args {
		if a == "--output=json" || a == "--output" && i+1 < len(args) && args[i+1] == "json" {
			return true
		}
	}
	return false
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
