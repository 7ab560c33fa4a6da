package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/report"
)

// rollCommand is the stage, and the andon below it.
func rollCommand() *cli.Command {
	c := stageCommand("roll", "replace the groups that follow the channel, ring by ring; or do what a command below does", "rehydrate roll --plan roll.json web")
	c.Subcommands = []*cli.Command{
		andonCommand("pause", "let no further group begin; what moves holds at its next checkpoint", "rehydrate roll pause --reason errors web",
			&cli.BoolFlag{Name: "now", Usage: "cancel our refreshes where they are, and hold"}),
		andonCommand("resume", "go on after pause; let rolls begin again after cancel or rollback", "rehydrate roll resume web"),
		andonCommand("cancel", "end the roll: cancel our refreshes, and leave the groups as they are", "rehydrate roll cancel --reason mistake web"),
		rollBackCommand(), rollStatusCommand(),
	}
	return c
}

var reasonFlag = &cli.StringFlag{Name: "reason", Usage: "`WHY`, in a few words; kept with the order"}

func rollRequest(s *setup) app.Request {
	return app.Request{Config: s.cfg, Image: s.image, State: s.state, Cloud: s.cloud, Events: s.sink}
}

func andonCommand(name, usage, example string, more ...cli.Flag) *cli.Command {
	return command(spec{
		name: name, usage: usage, args: "[image]", max: 1, codes: "4 permissions",
		examples: []string{example},
		flags:    channelFlags(append(more, reasonFlag, dryRunFlag)...),
		run: func(c *cli.Context) error {
			order := map[string]string{"pause": app.OrderPause, "resume": app.OrderRun, "cancel": app.OrderCancel}[name]
			if c.Bool("now") {
				order = app.OrderPauseNow
			}
			s, err := openRolling(c, "table", "json")
			if err != nil {
				return err
			}
			return pull(c, s, order)
		},
	})
}

func openRolling(c *cli.Context, formats ...string) (*setup, error) {
	if err := formatIn(c, formats...); err != nil {
		return nil, err
	}
	return open(c)
}

// pull sets the andon, which whoever rolls reads within 30 seconds.
func pull(c *cli.Context, s *setup, order string) error {
	why := strings.Join(strings.Fields(c.String("reason")), " ")
	if c.Bool("dry-run") {
		now, err := app.Andon(c.Context, rollRequest(s))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.App.Writer, "%s says %s; it would be set to %s\n", now.Parameter, now.Order, order)
		return err
	}
	was, err := app.PullAndon(c.Context, rollRequest(s), order, whoami(), why)
	if err != nil {
		return err
	}
	if c.String("output") == "json" {
		return writeJSON(c, map[string]string{"parameter": was.Parameter, "was": was.Order, "order": order})
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s: %s, was %s; whoever rolls sees it within 30 seconds\n", was.Parameter, order, was.Order)
	return err
}

func whoami() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

func rollBackCommand() *cli.Command {
	return command(spec{
		name: "rollback", usage: "take back what a roll has done: the channel, then every group by its recorded version, rings in reverse order", args: "[image]", max: 1,
		examples: []string{"rehydrate roll rollback web", "rehydrate roll rollback --run 20260102-030405-abcdef web"},
		codes:    "3 done in part, 4 permissions, 11 a group has moved since, or the andon says no, 13 a group could not go back",
		flags: channelFlags(&cli.StringFlag{Name: "run", Usage: "take back what this `RUN` did (default: the newest that has rolled)"},
			&cli.BoolFlag{Name: "keep-channel", Usage: "leave the channel where it is"}, reasonFlag, maxWaitFlag, dryRunFlag),
		run: func(c *cli.Context) error {
			s, err := openRolling(c, report.Formats...)
			if err != nil {
				return err
			}
			if c.Bool("dry-run") {
				return showBack(c, s)
			}
			if err := confirm(c, s.cloud, "roll back "+s.image.Label); err != nil {
				return err
			}
			return rollBack(c, s)
		},
	})
}

func rollBack(c *cli.Context, s *setup) error {
	why := "asked for by " + whoami()
	if r := strings.Join(strings.Fields(c.String("reason")), " "); r != "" {
		why += ": " + r
	}
	release, err := s.state.Lease(c.Context, s.image.Label, "rollback")
	if err != nil && fault.KindOf(err) == fault.Conflict {
		fmt.Fprintf(c.App.ErrWriter, "a run is at work (%s): it is told by the andon and takes its roll and the channel back itself\n", err)
		return pull(c, s, app.OrderRollback)
	}
	if err != nil {
		return err
	}
	release()
	in := rollRequest(s)
	in.Run, in.MaxWait = c.String("run"), c.Duration("max-wait")
	doc, err := app.RollBack(c.Context, in, why, c.Bool("keep-channel"))
	if doc != nil {
		err = errors.Join(err, report.Write(c.App.Writer, c.String("output"), doc))
	}
	return err
}

func rollStatusCommand() *cli.Command {
	return command(spec{
		name: "status", usage: "show what moves, what the andon says, and what AWS goes on doing without us; reads only", args: "[image]", max: 1,
		examples: []string{"rehydrate roll status web", "rehydrate roll status --output json web"},
		codes:    "4 permissions",
		flags:    channelFlags(&cli.StringFlag{Name: "run", Usage: "of this `RUN` (default: the newest that has rolled)"}),
		run: func(c *cli.Context) error {
			s, err := openRolling(c, "table", "json")
			if err != nil {
				return err
			}
			return rollStatus(c, s)
		},
	})
}

func rollStatus(c *cli.Context, s *setup) error {
	in := rollRequest(s)
	in.Run = c.String("run")
	st, err := app.Status(c.Context, in)
	if err != nil {
		return err
	}
	if c.String("output") == "json" {
		return writeJSON(c, st)
	}
	return statusTable(c.App.Writer, st)
}

func statusTable(out io.Writer, st *app.RollStatus) error {
	fmt.Fprintf(out, "run %s of %s: %s\n", st.Run, st.Line, st.Outcome)
	if st.Message != "" {
		fmt.Fprintf(out, "  %s\n", st.Message)
	}
	fmt.Fprintf(out, "the andon %s says %s\n", st.Andon.Parameter, strings.TrimSpace(st.Andon.Order+" "+st.Andon.Says))
	if st.Andon.Odd != "" {
		fmt.Fprintf(out, "  taken for that: %s\n", st.Andon.Odd)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RING\tGROUP\tSTATE\tRUNS\tREFRESH\tWITHOUT US, AWS")
	for _, g := range st.Groups {
		refresh := dash(g.Status)
		if g.Status != "" {
			refresh = fmt.Sprintf("%s %d%%", g.Status, g.Percent)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", g.Ring, placed(g.Cell, g.Group), g.State, runs(g.Image, g.Mixed, g.Between), refresh, dash(g.Alone))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, g := range st.Groups {
		if g.Reason != "" { // too long for the table
			fmt.Fprintf(out, "%s: refresh %s is %s: %s\n", placed(g.Cell, g.Group), g.Refresh, g.Status, g.Reason)
		}
	}
	return nil
}

// placed is a group's name, after its cell where the roll goes to several.
func placed(cell fmt.Stringer, group string) string {
	if at := cell.String(); at != "" {
		return at + " " + group
	}
	return group
}

// runs is what a group's instances run: one image, or how many which, or those of which
// each runs one.
func runs(image string, mixed map[string]int, between []string) string {
	switch {
	case len(mixed) > 0:
	case image == "" && len(between) > 0:
		return strings.Join(between, " or ")
	default:
		return dash(image)
	}
	var parts []string
	for _, image := range slices.Sorted(maps.Keys(mixed)) {
		parts = append(parts, fmt.Sprintf("%d %s", mixed[image], dash(image)))
	}
	return strings.Join(parts, ", ")
}
