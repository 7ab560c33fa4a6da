package cli

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/baseline/predefined"
	"github.com/goldenami/rehydrate/internal/fault"
)

// any number of arguments
const anyNumber = math.MaxInt

func baselineCommand() *cli.Command {
	return &cli.Command{
		Name: "baseline", Usage: "look at patch policies, test them, and bring them in and out",
		Subcommands: []*cli.Command{
			baselineList(), baselineShow(), baselineLint(), baselineTest(), baselineEval(), baselineExplain(),
			baselineDiff(), baselineImport(), baselineExport(),
		},
		HideHelpCommand: true,
	}
}

// formatFlag is --output of a command whose results have other forms than a
// report's.
func formatFlag(values ...string) *cli.StringFlag {
	return &cli.StringFlag{Name: "output", Value: values[0], Usage: "`FORMAT` of the result: " + strings.Join(values, ", "), EnvVars: []string{"REHYDRATE_OUTPUT"}}
}

func checkOutput(c *cli.Context, values ...string) error {
	if got := c.String("output"); !slices.Contains(values, got) {
		return fault.New(fault.Usage, "", "unknown --output %q: %s", got, strings.Join(values, ", "))
	}
	return nil
}

// need refuses too few arguments.
func need(c *cli.Context, n int, what string) error {
	if c.NArg() < n {
		return fault.New(fault.Usage, "see `"+c.Command.HelpName+" --help`", "%s needs %s", c.Command.HelpName, what)
	}
	return nil
}

func table(c *cli.Context) *tabwriter.Writer {
	return tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
}

// listed is one line of `baseline list`.
type listed struct {
	Name    string `json:"name"`
	OS      string `json:"operatingSystem"`
	Default bool   `json:"default"`
	Rules   int    `json:"rules"`
	From    string `json:"from"`
}

func baselineList() *cli.Command {
	return command(spec{
		name: "list", usage: "list the predefined baselines, and those of the configuration", max: 0,
		examples: []string{"rehydrate baseline list", "rehydrate baseline list --config examples/demo/rehydrate.hcl --output json"},
		flags:    []cli.Flag{configFlag, formatFlag("table", "json")},
		run: func(c *cli.Context) error {
			if err := checkOutput(c, "table", "json"); err != nil {
				return err
			}
			all, err := predefined.All()
			if err != nil {
				return err
			}
			var rows []listed
			for _, d := range all {
				rows = append(rows, listed{d.Name, string(d.OperatingSystem), d.DefaultBaseline != nil && *d.DefaultBaseline, len(rules(&d.Baseline)), "predefined"})
			}
			own, err := newShelf(c).configured()
			if err != nil {
				return err
			}
			for _, s := range own {
				rows = append(rows, listed{s.Label, string(s.Baseline.OperatingSystem), false, len(rules(s.Baseline)), s.From})
			}
			if c.String("output") == "json" {
				return writeJSON(c, rows)
			}
			w := table(c)
			fmt.Fprintln(w, "NAME\tOPERATING SYSTEM\tRULES\tFROM")
			for _, r := range rows {
				from := r.From
				if r.Default {
					from += ", the default"
				}
				fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", r.Name, orWindows(r.OS), r.Rules, from)
			}
			return w.Flush()
		},
	})
}
