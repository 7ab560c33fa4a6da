package cli

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/report"
)

const stageCodes = "3 done in part, 4 permissions, 10 the gate says no, 11 conflict, 12 rolled back, 13 halted, 15 waiting, 130 interrupted"

func runCommand() *cli.Command {
	return command(spec{
		name: "run", usage: "bake, validate, publish, roll and patch in place, in one run", args: "[image]", max: 1,
		examples: []string{"rehydrate run web", "rehydrate run --until validate web", "rehydrate run --resume 20260102-030405-abcdef web", "rehydrate run --resume --due", "rehydrate run --twin --modelled"},
		codes:    stageCodes,
		flags: stageFlags(
			&cli.StringFlag{Name: "from", Usage: "first `STAGE`: bake, validate, publish, roll or patch"},
			&cli.StringFlag{Name: "until", Usage: "last `STAGE`"},
			&cli.StringFlag{Name: "resume", Usage: "go on with this `RUN`; alone or as latest: the newest"},
			&cli.BoolFlag{Name: "due", Usage: "go on with every waiting run whose time has come"},
			&cli.BoolFlag{Name: "force", Usage: "bake even if nothing would change"},
		),
		run: func(c *cli.Context) error {
			if c.Bool("due") {
				return resumeDue(c)
			}
			return execute(c, order{c.String("from"), c.String("until"), c.String("resume")})
		},
	})
}

// stageCommand is one stage as a command of its own, on the run document: the
// newest run of the image, or the one that --run names. The bake begins a run.
func stageCommand(stage, usage string, examples ...string) *cli.Command {
	flags := stageFlags(&cli.StringFlag{Name: "run", Usage: "go on with this `RUN` (default: the newest)"})
	if stage == "bake" {
		flags = stageFlags(&cli.BoolFlag{Name: "force", Usage: "bake even if nothing would change"})
	}
	if stage == "roll" {
		flags = append(flags, planFileFlag)
	}
	return command(spec{
		name: stage, usage: usage, args: "[image]", max: 1, flags: flags, codes: stageCodes,
		examples: append([]string{"rehydrate " + stage + " web"}, examples...),
		run: func(c *cli.Context) error {
			run := c.String("run")
			if stage != "bake" && run == "" {
				run = latest
			}
			return execute(c, order{stage, stage, run})
		},
	})
}

// latest stands for the newest run of the image.
const latest = "latest"

// order is what to run: the first and the last stage, empty for the pipeline's own,
// and the run to go on with, empty for a new one.
type order struct{ from, until, run string }

func execute(c *cli.Context, o order) error {
	if c.Bool("dry-run") {
		return showPlan(c, false)
	}
	if err := formatIn(c, report.Formats...); err != nil {
		return err
	}
	s, err := open(c)
	if err != nil {
		return err
	}
	if o.run == latest {
		if o.run, err = latestRun(s); err != nil {
			return err
		}
	}
	if o.run != "" && o.from == "" && o.until == "" {
		if o.until, err = begunUntil(c, s, o.run); err != nil {
			return err
		}
	}
	return carryOut(c, s, o)
}

// begunUntil is the last stage for which the run was begun. A resume goes no further
// by itself: a run that was to end before the channel must not move it.
func begunUntil(c *cli.Context, s *setup, run string) (string, error) {
	r, err := s.state.Load(run)
	if err != nil {
		return "", err
	}
	if r.Until != "" {
		fmt.Fprintf(c.App.ErrWriter, "run %s was begun until %s and goes no further; --until patch goes on to the end\n", run, r.Until)
	}
	return r.Until, nil
}

// formatIn refuses an unknown --output before anything is opened or done.
func formatIn(c *cli.Context, formats ...string) error {
	if f := c.String("output"); !slices.Contains(formats, f) {
		return fault.New(fault.Usage, "", "unknown --output %q: one of %s", f, strings.Join(formats, ", "))
	}
	return nil
}

func carryOut(c *cli.Context, s *setup, o order) error {
	if o.run != "" && o.from == "" {
		if doc, err := s.state.Load(o.run); err != nil {
			return err
		} else if doc.Kind != "" {
			return resumeMove(c, s, doc)
		}
	}
	plan, err := planFile(c)
	if err != nil {
		return err
	}
	if err := confirm(c, s.cloud, "run "+s.image.Label); err != nil {
		return err
	}
	doc, err := app.Run(c.Context, app.Request{
		Config: s.cfg, Image: s.image, State: s.state, Cloud: s.cloud, Events: s.sink, Tools: tools(c, s.state),
		Run: o.run, From: o.from, Until: o.until, MaxWait: c.Duration("max-wait"), Force: c.Bool("force"), Modelled: c.Bool("modelled"), Plan: plan,
	})
	if doc == nil {
		return err
	}
	if werr := report.Write(c.App.Writer, c.String("output"), doc); werr != nil && err == nil {
		err = werr
	}
	if c.String("output") == "table" {
		fmt.Fprintf(c.App.ErrWriter, "report: %s and report.md\n", filepath.Join(s.state.Artifacts(doc.ID), "report.html"))
	}
	return err
}

func latestRun(s *setup) (string, error) {
	r, err := s.state.Newest(s.image.Label, func(*record.Run) bool { return true })
	if err != nil {
		return "", err
	}
	if r == nil {
		return "", fault.New(fault.NotFound, "`rehydrate bake` begins one", "there is no run of %s", s.image.Label)
	}
	return r.ID, nil
}
