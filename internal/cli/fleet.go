package cli

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/report/fleetstatus"
)

func fleetCommand() *cli.Command {
	output := func(formats ...string) cli.Flag {
		return &cli.StringFlag{Name: "output", Value: formats[0], Usage: "`FORMAT` of the result: " + strings.Join(formats, ", "), EnvVars: []string{"REHYDRATE_OUTPUT"}}
	}
	where := []cli.Flag{configFlag, stateFlag, regionFlag, twinFlag, worldFlag, setFlag, eventsFlag, verboseFlag}
	list := command(spec{
		name: "list", usage: "list the groups of the fleets", args: "[image]", max: 1,
		examples: []string{"rehydrate fleet list", "rehydrate fleet list --output json web"},
		codes:    "3 not everything could be read, 4 permissions",
		flags:    append(slices.Clone(where), output("table", "json")), run: fleetList,
	})
	status := command(spec{
		name: "status", usage: "say how old the images are that the fleets run, since when they are superseded, and when they pass a deadline", args: "[image]", max: 1,
		examples: []string{"rehydrate fleet status", "rehydrate fleet status --deadline 30 --output html web"},
		codes:    "3 not everything could be read, 4 permissions",
		flags: append(slices.Clone(where), output(fleetstatus.Formats()...),
			&cli.IntSliceFlag{Name: "deadline", Usage: "an age in `DAYS` that no image should pass; may be repeated (default: 14, 30, 60, 90)"}),
		run: fleetStatus,
	})
	discover := command(spec{
		name: "discover", usage: "find every group of every account: what it launches, whose it seems to be, what blocks a roll; writes configuration to edit", max: 0,
		examples: []string{"rehydrate fleet discover > found.hcl", "rehydrate fleet discover --output table"},
		codes:    "3 not everything could be read, 4 permissions",
		flags:    append(slices.Clone(where), output("hcl", "json", "table")), run: fleetDiscover,
	})
	return &cli.Command{Name: "fleet", Usage: "look at the fleets that follow an image line; changes nothing", Subcommands: []*cli.Command{list, status, discover}, HideHelpCommand: true}
}

// fleets opens what the fleet commands need.
func fleets(c *cli.Context) (app.FleetRequest, error) {
	s, err := openFor(c, func(s *setup) (err error) {
		if c.Args().First() != "" {
			s.image, err = imageOf(c, s.cfg)
		}
		return err
	})
	if err != nil {
		return app.FleetRequest{}, err
	}
	return app.FleetRequest{Config: s.cfg, Image: s.image, Cloud: s.cloud, Events: s.sink}, nil
}

func fleetList(c *cli.Context) error {
	if err := formatIn(c, "table", "json"); err != nil {
		return err
	}
	in, err := fleets(c)
	if err != nil {
		return err
	}
	groups, unread, err := app.FleetGroups(c.Context, in)
	if err != nil {
		return err
	}
	if c.String("output") == "json" {
		if err := writeJSON(c, groups); err != nil {
			return err
		}
		return incomplete(unread)
	}
	w := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FLEET\tLINE\tRING\tACCOUNT\tREGION\tGROUP\tIN SERVICE\tTEMPLATE\tVERSION")
	for _, g := range groups {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d of %d\t%s\t%s\n", g.Fleet, g.Line, g.Ring, g.Account, g.Region, g.Group, g.InService, g.Desired, g.Template, g.Version)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return incomplete(unread)
}

func fleetStatus(c *cli.Context) error {
	if err := formatIn(c, fleetstatus.Formats()...); err != nil {
		return err
	}
	for _, d := range c.IntSlice("deadline") {
		if d < 1 || d > 3650 {
			return fault.New(fault.Usage, "", "a deadline of %d days; 1 to 3650", d)
		}
	}
	in, err := fleets(c)
	if err != nil {
		return err
	}
	in.Deadlines = c.IntSlice("deadline")
	slices.Sort(in.Deadlines)
	in.Deadlines = slices.Compact(in.Deadlines)
	s, err := app.FleetStatus(c.Context, in)
	if err != nil {
		return err
	}
	if err := fleetstatus.Write(c.App.Writer, c.String("output"), s); err != nil {
		return err
	}
	return incomplete(s.Unknown)
}

func fleetDiscover(c *cli.Context) error {
	if err := formatIn(c, "hcl", "json", "table"); err != nil {
		return err
	}
	in, err := fleets(c)
	if err != nil {
		return err
	}
	d, err := app.Discover(c.Context, in)
	if err != nil {
		return err
	}
	if err := d.Write(c.App.Writer, c.String("output")); err != nil {
		return err
	}
	var unread []string
	for _, f := range d.Unread {
		if f.Refuse {
			unread = append(unread, f.Text)
		}
	}
	return incomplete(unread)
}

// incomplete is the error of an answer that does not know everything.
func incomplete(unread []string) error {
	if len(unread) == 0 {
		return nil
	}
	return fault.New(fault.Partial, "give the account's role what is missing, and ask again", "not everything could be read: %s", strings.Join(unread, "; "))
}
