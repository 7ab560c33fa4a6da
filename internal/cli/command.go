package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/fault"
)

// Version is what `rehydrate version` prints; releases set it at link time.
var Version = "0.1.0-dev"

// spec is one leaf command before it is built.
type spec struct {
	name     string
	usage    string // one sentence
	args     string // such as "<image>", or empty
	examples []string
	codes    string // the exit codes it can give besides 0, 1 and 2
	flags    []cli.Flag
	max      int // most arguments
	run      func(*cli.Context) error
}

// command builds every leaf the same way. urfave v2 silently takes a flag that is
// written after an argument for an argument; for a tool that replaces fleets that
// is a danger, so every leaf refuses it.
func command(s spec) *cli.Command {
	c := &cli.Command{
		Name: s.name, Usage: s.usage, ArgsUsage: s.args, Flags: own(s.flags),
		Description:     description(s),
		HideHelpCommand: true,
		OnUsageError:    usageError,
	}
	c.Action = func(ctx *cli.Context) error {
		for _, a := range ctx.Args().Slice() {
			if strings.HasPrefix(a, "-") && a != "-" {
				return fault.New(fault.Usage, "write flags before arguments", "%s: flag %s stands after an argument%s", ctx.Command.HelpName, a, meant(ctx))
			}
		}
		if ctx.NArg() > s.max {
			return fault.New(fault.Usage, "see `"+ctx.Command.HelpName+" --help`", "%s takes at most %d arguments, got %d", ctx.Command.HelpName, s.max, ctx.NArg())
		}
		return s.run(ctx)
	}
	return c
}

func description(s spec) string {
	var b strings.Builder
	if len(s.examples) > 0 {
		b.WriteString("Examples:\n")
		for _, e := range s.examples {
			b.WriteString("  " + e + "\n")
		}
	}
	if s.codes != "" {
		fmt.Fprintf(&b, "Exit codes besides 0, 1 and 2: %s", s.codes)
	}
	return strings.TrimSpace(b.String())
}

// New is the whole command tree.
func New(in io.Reader, out, errs io.Writer) *cli.App {
	a := cli.NewApp()
	a.Name = "rehydrate"
	a.Usage = "bake patched AMIs, prove them, publish $latestAmi, roll the fleets that follow it"
	a.Version = Version
	a.Reader, a.Writer, a.ErrWriter = in, out, errs
	a.DisableSliceFlagSeparator = true
	a.HideVersion = true
	// main maps errors to exit codes; the library must not end the process.
	a.ExitErrHandler = func(*cli.Context, error) {}
	a.OnUsageError = usageError
	a.Commands = commands()
	a.Action = orRefuse(a.Commands, cli.ShowAppHelp)
	for _, c := range a.Commands {
		groupActions(c)
	}
	return a
}
