package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/policy"
)

func baselineShow() *cli.Command {
	return command(spec{
		name: "show", usage: "show one baseline in words, or as the API's JSON", args: "<name|file>", max: 1,
		examples: []string{
			"rehydrate baseline show AWS-AmazonLinux2023DefaultPatchBaseline",
			"rehydrate baseline show --output json main.tf#web", "aws ssm get-patch-baseline --baseline-id pb-... | rehydrate baseline show -",
		},
		flags: []cli.Flag{configFlag, formatFlag("table", "json")},
		run: func(c *cli.Context) error {
			if err := errors.Join(checkOutput(c, "table", "json"), need(c, 1, "a baseline: a name or a file")); err != nil {
				return err
			}
			f, err := newShelf(c).one(c.Args().First(), "")
			if err != nil {
				return err
			}
			if c.String("output") == "json" {
				return export(c.App.Writer, policy.API, []found{f})
			}
			return showBaseline(c.App.Writer, f)
		},
	})
}

// showBaseline says what a baseline does. The configuration of a source is left
// out: it may hold credentials.
func showBaseline(out io.Writer, f found) error {
	b := f.Baseline
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	row("name", "%s", b.Name)
	row("from", "%s", f.From)
	row("operating system", "%s", orWindows(string(b.OperatingSystem)))
	row("digest", "%s", b.Digest())
	if b.Description != "" {
		row("description", "%s", b.Description)
	}
	if b.GlobalFilters != nil {
		row("only", "%s", policy.FilterWords(b.GlobalFilters))
	}
	for i, r := range rules(b) {
		row(fmt.Sprintf("approval_rule[%d]", i), "%s", policy.RuleWords(r))
	}
	if len(rules(b)) == 0 {
		row("approval rules", "none")
	}
	if len(b.ApprovedPatches) > 0 {
		row("approved", "%s; level %s", strings.Join(b.ApprovedPatches, ", "), orUnspecified(b.ApprovedPatchesComplianceLevel))
	}
	if len(b.RejectedPatches) > 0 {
		action := "may come as a dependency"
		if b.RejectedPatchesAction == baseline.Block {
			action = "blocked"
		}
		row("rejected", "%s; %s", strings.Join(b.RejectedPatches, ", "), action)
	}
	if s := b.AvailableSecurityUpdatesComplianceStatus; s != "" {
		row("available security updates", "%s", s)
	}
	for _, s := range b.Sources {
		row("source "+s.Name, "for %s, %d characters of configuration", strings.Join(s.Products, ", "), len(s.Configuration))
	}
	if f.AptApprovalDelay {
		row("extension", "%s", baseline.ExtensionAptDelay)
	}
	return w.Flush()
}

func orUnspecified(level string) string {
	if level == "" {
		return baseline.LevelUnspecified
	}
	return level
}

// linted is what lint found out about one baseline or one file.
type linted struct {
	File     string             `json:"file"`
	Baseline string             `json:"baseline,omitempty"`
	Findings []baseline.Warning `json:"findings"`
	Refused  string             `json:"refused,omitempty"`
	Faults   []baseline.Fault   `json:"faults,omitempty"`
}

func baselineLint() *cli.Command {
	return command(spec{
		name: "lint", usage: "look for traps: rules that never match, delays that never end, entries that reject nothing", args: "<file>...", max: anyNumber,
		examples: []string{
			"rehydrate baseline lint policy.json", "rehydrate baseline lint --output json main.tf template.yaml",
			`rehydrate baseline lint --tag "Patch group=web" policy.json`, "rehydrate baseline lint          # the baselines of rehydrate.hcl",
		},
		flags: []cli.Flag{configFlag, formatFlag("table", "json"),
			&cli.StringSliceFlag{Name: "tag", Usage: "`KEY=VALUE` of a node, looked at for misspelt patch-group tags; may be repeated"},
			&cli.BoolFlag{Name: "strict", Usage: "end with 1 for a warning too"}},
		run: lint,
	})
}

func lint(c *cli.Context) error {
	if err := checkOutput(c, "table", "json"); err != nil {
		return err
	}
	out, err := lintAll(c)
	if err != nil {
		return err
	}
	warnings, failures, refused := 0, 0, []error{}
	for _, l := range out {
		for _, w := range l.Findings {
			if w.Error {
				failures++
			} else {
				warnings++
			}
		}
		if l.Refused != "" {
			refused = append(refused, errors.New(l.Refused))
		}
	}
	if c.String("output") == "json" {
		err = writeJSON(c, out)
	} else {
		for _, l := range out {
			for _, w := range l.Findings {
				fmt.Fprintf(c.App.Writer, "%s: %s: %s\n", l.File, l.Baseline, w)
			}
		}
		_, err = fmt.Fprintf(c.App.Writer, "%d warning%s, %d error%s\n", warnings, plural(warnings), failures, plural(failures))
	}
	switch {
	case err != nil:
		return err
	case len(refused) > 0:
		return fault.As(errors.Join(refused...), fault.Usage, "")
	case failures > 0 || warnings > 0 && c.Bool("strict"):
		return cli.Exit("", 1)
	}
	return nil
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

func lintAll(c *cli.Context) ([]linted, error) {
	s := newShelf(c)
	out := []linted{}
	one := func(f found) {
		out = append(out, linted{File: f.From, Baseline: f.Label, Findings: append([]baseline.Warning{}, baseline.Lint(f.Baseline)...)})
	}
	for _, ref := range c.Args().Slice() {
		all, err := s.find(ref, "")
		if err != nil {
			l := linted{File: ref, Findings: []baseline.Warning{}, Refused: err.Error()}
			if r := (*policy.RefusedError)(nil); errors.As(err, &r) {
				l.Faults = r.Faults
			}
			out = append(out, l)
		}
		for _, f := range all {
			one(f)
		}
	}
	if c.NArg() == 0 {
		own, err := s.configured()
		if err != nil {
			return nil, err
		}
		if len(own) == 0 && len(c.StringSlice("tag")) == 0 {
			return nil, need(c, 1, "a file, or a configuration with baselines")
		}
		for _, f := range own {
			one(f)
		}
		if s.cfg != nil {
			for _, f := range s.cfg.Fleets {
				out = append(out, tagged(s.config, "fleet."+f.Label, f.NodeTags)...)
			}
		}
	}
	tags := map[string]string{}
	for _, t := range c.StringSlice("tag") {
		key, value, ok := strings.Cut(t, "=")
		if !ok {
			return nil, fault.New(fault.Usage, "", "--tag is %q; write KEY=VALUE", t)
		}
		tags[key] = value
	}
	return append(out, tagged("--tag", "tags", tags)...), nil
}

func tagged(file, name string, tags map[string]string) []linted {
	if w := baseline.LintTags(tags); len(w) > 0 {
		return []linted{{File: file, Baseline: name, Findings: w}}
	}
	return nil
}
