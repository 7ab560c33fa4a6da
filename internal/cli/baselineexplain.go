package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
)

func baselineExplain() *cli.Command {
	return command(spec{
		name: "explain", usage: "say why a package is in its state, or what will be approved when", args: "[package]", max: 1,
		examples: []string{
			"rehydrate baseline explain --baseline examples/policy/policy.json --node examples/policy/node.json openssl",
			"rehydrate baseline explain --baseline web --node node.json --forecast --days 30",
		},
		flags: append(judgeFlags(), baselineFlag, configFlag, formatFlag("table", "json"),
			&cli.BoolFlag{Name: "forecast", Usage: "list what becomes approved in the next days, if nothing else changes"},
			&cli.IntFlag{Name: "days", Value: 30, Usage: "with --forecast: how many `DAYS` ahead"}),
		run: func(c *cli.Context) error {
			if err := checkOutput(c, "table", "json"); err != nil {
				return err
			}
			if c.Bool("forecast") {
				return forecast(c)
			}
			if c.IsSet("days") {
				return fault.New(fault.Usage, "add --forecast", "--days is for --forecast only")
			}
			if err := need(c, 1, "a package, or --forecast"); err != nil {
				return err
			}
			return explain(c)
		},
	})
}

func explain(c *cli.Context) error {
	f, j, err := subject(c)
	if err != nil {
		return err
	}
	name := c.Args().First()
	list, err := baseline.Explain(f.Baseline, j.node, j.now, j.options, name, "")
	if i := strings.LastIndexByte(name, '.'); err == nil && len(list) == 0 && i > 0 {
		list, err = baseline.Explain(f.Baseline, j.node, j.now, j.options, name[:i], name[i+1:]) // name.arch
	}
	if err != nil {
		return fault.As(err, fault.Usage, "")
	}
	if len(list) == 0 {
		return fault.New(fault.NotFound, "names are exact: name or name.arch, on Windows a KB id", "neither the node nor its repositories know %s", name)
	}
	if c.String("output") == "json" {
		return encodeJSON(c.App.Writer, list)
	}
	for _, e := range list {
		fmt.Fprintln(c.App.Writer, explanation(e))
	}
	return nil
}

// explanation puts one package's story into lines.
func explanation(e baseline.Explanation) string {
	var b strings.Builder
	i := e.Item
	state := string(i.State)
	if state == "" {
		state = "not installed, and no version of it is approved"
	}
	fmt.Fprintf(&b, "%s: %s", i.ID, state)
	switch {
	case i.State == baseline.StateMissing || i.State == baseline.StateFailed:
		fmt.Fprintf(&b, ", %s → %s", i.Installed, i.Version)
	case i.Installed != "":
		fmt.Fprintf(&b, ", %s installed", i.Installed)
	}
	if i.Rule != "" {
		fmt.Fprintf(&b, " (%s, level %s)", i.Rule, i.ComplianceLevel)
	}
	if i.Reason != "" {
		fmt.Fprintf(&b, ": %s", i.Reason)
	}
	if len(e.Candidates) == 0 {
		b.WriteString("\n  no repository offers it")
	}
	for _, k := range e.Candidates {
		fmt.Fprintf(&b, "\n  %s", k.Version)
		if k.Advisory != "" {
			fmt.Fprintf(&b, " by %s", k.Advisory)
		}
		switch {
		case k.Approved:
			fmt.Fprintf(&b, ": approved by %s", k.Rule)
		case !k.ApprovedFrom.IsZero():
			fmt.Fprintf(&b, ": not yet approved; will be from %s", k.ApprovedFrom.Format(time.RFC3339))
		default:
			b.WriteString(": not approved")
		}
		for _, r := range k.Reasons {
			fmt.Fprintf(&b, "\n    - %s", r)
		}
	}
	return b.String()
}

// maxForecast is the longest delay a baseline can have.
const maxForecast = 360

func forecast(c *cli.Context) error {
	days := c.Int("days")
	if days < 1 || days > maxForecast {
		return fault.New(fault.Usage, "", "--days is %d; 1 to %d, the longest delay there is", days, maxForecast)
	}
	f, j, err := subject(c)
	if err != nil {
		return err
	}
	all, err := baseline.ForecastApprovals(f.Baseline, j.node, j.now, time.Duration(days)*24*time.Hour, j.options)
	if err != nil {
		return fault.As(err, fault.Usage, "")
	}
	list := []baseline.Forecast{}
	for _, a := range all {
		if only := c.Args().First(); only == "" || a.ID == only || strings.HasPrefix(a.ID, only+".") {
			list = append(list, a)
		}
	}
	if c.String("output") == "json" {
		return encodeJSON(c.App.Writer, list)
	}
	if len(list) == 0 {
		_, err := fmt.Fprintf(c.App.Writer, "nothing becomes approved in the next %d days\n", days)
		return err
	}
	w := table(c)
	fmt.Fprintln(w, "APPROVED FROM\tPACKAGE\tINSTALLED\tVERSION\tADVISORY\tRULE\tCVES")
	for _, a := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", a.ApprovedFrom.Format(time.RFC3339), a.ID, a.Installed, a.Version, a.Advisory, a.Rule, strings.Join(a.CVEs, " "))
	}
	return errors.Join(w.Flush())
}
