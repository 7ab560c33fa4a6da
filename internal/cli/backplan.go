package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
)

// showBack shows what roll rollback would do.
func showBack(c *cli.Context, s *setup) error {
	if err := formatIn(c, "table", "json"); err != nil {
		return err
	}
	in := rollRequest(s)
	in.Run = c.String("run")
	p, err := app.PlanRollBack(c.Context, in, c.Bool("keep-channel"))
	if err != nil {
		return err
	}
	if c.String("output") == "json" {
		return writeJSON(c, p)
	}
	return backTable(c.App.Writer, p)
}

func backTable(out io.Writer, p *app.BackPlan) error {
	fmt.Fprintf(out, "run %s of %s: %s\n", p.Run, p.Line, p.Outcome)
	switch {
	case p.Outcome == "running":
		fmt.Fprintf(out, "it is at work: the andon %s would be set to rollback, and the run itself would take back what it has done by then\n", p.Andon.Parameter)
	case p.Andon.Order != app.OrderRun && p.Andon.Order != app.OrderRollback:
		fmt.Fprintf(out, "refused until `rehydrate roll resume`: the andon %s says %s\n", p.Andon.Parameter, strings.TrimSpace(p.Andon.Order+" "+p.Andon.Says))
	}
	for _, why := range p.Stay {
		fmt.Fprintln(out, why)
	}
	if len(p.Channels)+len(p.Groups) == 0 {
		_, err := fmt.Fprintln(out, "nothing would move: no group runs what the run brought")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "IN THIS ORDER\tRING\tIMAGE\tTEMPLATE")
	n := 0
	row := func(at, name, ring, from, to, template string) {
		n++
		if at != "" {
			name = at + " " + name
		}
		fmt.Fprintf(w, "%d  %s\t%s\t%s → %s\t%s\n", n, name, ring, from, to, template)
	}
	for _, x := range p.Channels {
		row(x.Cell.String(), x.Channel, "-", x.From, x.To, "-")
	}
	for _, g := range p.Groups {
		row(g.Cell.String(), g.Group, g.Ring, g.From, g.To, fmt.Sprintf("%s version %s → %s", g.Template, dash(g.FromVersion), g.ToVersion))
	}
	return w.Flush()
}
