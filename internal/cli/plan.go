package cli

import (
	"encoding/json"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/fault"
)

var planFileFlag = &cli.StringFlag{Name: "plan", Usage: "roll by this plan and no other: a `FILE` that plan --out wrote"}

func planCommand() *cli.Command {
	return command(spec{
		name: "plan", usage: "show what every stage would do now; reads only", args: "[image]", max: 1,
		examples: []string{"rehydrate plan web", "rehydrate plan --exit-code web", "rehydrate plan --out roll.json web", "rehydrate plan --output html --prices prices.json web"},
		codes:    "4 permissions, 11 conflict, 14 changes pending (with --exit-code)",
		flags: stageFlags(
			&cli.BoolFlag{Name: "exit-code", Usage: "end with 14 when something would change"},
			&cli.StringFlag{Name: "out", Usage: "write the plan of the roll to a `FILE` for roll --plan"},
			&cli.StringFlag{Name: "prices", Usage: "table of instance prices in a `FILE`, for the cost of surge"},
		),
		run: func(c *cli.Context) error { return showPlan(c, c.Bool("exit-code")) },
	})
}

func showPlan(c *cli.Context, exitCode bool) error {
	if err := formatIn(c, "table", "json", "html"); err != nil {
		return err
	}
	given, err := planFile(c)
	if err != nil {
		return err
	}
	// Of a plan that is kept, or applied as it is, the bake is no part.
	in := app.Request{Force: c.Bool("force"), Modelled: c.Bool("modelled"), Plan: given, Keep: given != nil || c.String("out") != ""}
	if file := c.String("prices"); file != "" {
		if in.Prices, err = app.LoadPrices(file); err != nil {
			return err
		}
	}
	s, err := open(c)
	if err != nil {
		return err
	}
	in.Config, in.Image, in.State, in.Cloud, in.Events, in.Tools = s.cfg, s.image, s.state, s.cloud, s.sink, tools(c, s.state)
	p, err := app.MakePlan(c.Context, in)
	if err != nil {
		return err
	}
	if err := writePlan(c, p); err != nil {
		return err
	}
	// What a run would end with is shown above as well. A plan to be kept is of the roll
	// alone, and none of it needs what a bake needs.
	if c.String("out") != "" {
		err = savePlan(c, p)
	} else {
		err = p.Err()
	}
	if err != nil {
		return err
	}
	if exitCode && p.Pending() {
		return cli.Exit("", fault.Pending.ExitCode())
	}
	return nil
}

func writePlan(c *cli.Context, p *app.Overview) error {
	switch c.String("output") {
	case "json":
		enc := json.NewEncoder(c.App.Writer)
		enc.SetIndent("", "  ")
		return enc.Encode(p)
	case "html":
		return p.HTML(c.App.Writer)
	}
	_, err := fmt.Fprint(c.App.Writer, p.Text())
	return err
}

// savePlan writes the file that --out names.
func savePlan(c *cli.Context, p *app.Overview) error {
	file := c.String("out")
	plan, err := p.ForRoll()
	if err != nil {
		return err
	}
	if err := app.SavePlan(file, plan); err != nil {
		return err
	}
	fmt.Fprintf(c.App.ErrWriter, "plan %s is in %s; apply it and no other: rehydrate roll --plan %s %s\n", plan.Hash[:min(len(plan.Hash), 15)], file, file, p.Line)
	return nil
}

// planFile is the plan that --plan names; nil without it.
func planFile(c *cli.Context) (*app.RollPlan, error) {
	if c.String("plan") == "" {
		return nil, nil
	}
	return app.LoadPlan(c.String("plan"))
}
