package cli

import (
	"fmt"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/fault"
)

// groupActions gives every command that only holds others an action: its help or,
// for a word that is none of them, a refusal with the nearest one.
func groupActions(c *cli.Command) {
	if len(c.Subcommands) == 0 {
		return
	}
	if c.Action == nil {
		c.Action = orRefuse(c.Subcommands, cli.ShowSubcommandHelp)
		c.OnUsageError = usageError
	}
	for _, sub := range c.Subcommands {
		groupActions(sub)
	}
}

func orRefuse(under []*cli.Command, help func(*cli.Context) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		word := c.Args().First()
		if word == "" {
			return help(c)
		}
		var names []string
		for _, sub := range under {
			names = append(names, sub.Names()...)
		}
		at := strings.TrimSpace(c.Command.HelpName)
		if at == "" {
			at = c.App.Name
		}
		return fault.New(fault.Usage, "see `"+at+" --help`", "%s has no command %q%s", at, word, nearest(word, names))
	}
}

// meant offers the command below this one that its first argument is nearest to: where
// a command takes arguments and holds others, a misspelt one passes for an argument.
func meant(c *cli.Context) string {
	if c.Command == nil {
		return ""
	}
	var names []string
	for _, sub := range c.Command.Subcommands {
		names = append(names, sub.Names()...)
	}
	return nearest(c.Args().First(), names)
}

// usageError is what the library refuses; an unknown flag with the nearest one.
func usageError(c *cli.Context, err error, _ bool) error {
	hint := "see `" + c.Command.HelpName + " --help`"
	if word, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		word = strings.TrimLeft(word, "-")
		var names []string
		for _, f := range c.Command.Flags {
			names = append(names, f.Names()...)
		}
		return fault.New(fault.Usage, hint, "%s has no flag --%s%s", c.Command.HelpName, word, nearest(word, names))
	}
	return fault.As(err, fault.Usage, hint)
}

// nearest offers the word that is closest, if it is near: two letters away, or a
// third of a long one.
func nearest(word string, among []string) string {
	best, at := "", max(3, len(word)/3+1)
	for _, w := range among {
		if len(w) < 2 {
			continue
		}
		if d := levenshtein.Distance(strings.ToLower(word), w, nil); d < at {
			best, at = w, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}
