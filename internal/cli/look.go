package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/report"
)

func commands() []*cli.Command {
	return []*cli.Command{
		initCommand(), doctorCommand(), runCommand(), planCommand(),
		stageCommand("bake", "make one candidate image (begins a run)"),
		stageCommand("validate", "judge the candidate of a run from its snapshot"),
		publishCommand(),
		rollCommand(),
		stageCommand("patch", "patch in place the nodes that cannot be replaced, with the same lock"),
		scanCommand(), imageCommand(), fleetCommand(), baselineCommand(), lockCommand(), reportCommand(), historyCommand(), rehearseCommand(), approveCommand(), refuseCommand(), scheduleCommand(), twinCommand(), configCommand(), pipelineCommand(), versionCommand(),
	}
}

func historyCommand() *cli.Command {
	return command(spec{
		name: "history", usage: "list the runs in the state folder, and those in the journal's bucket", max: 0,
		examples: []string{"rehydrate history", "rehydrate history --output json"},
		flags:    pastFlags(),
		run: func(c *cli.Context) error {
			s, err := openPast(c)
			if err != nil {
				return err
			}
			runs, err := s.History()
			if err != nil {
				return err
			}
			for n := range runs {
				if runs[n], err = s.AsItStands(c.Context, runs[n]); err != nil {
					return err
				}
			}
			if c.String("output") == "json" {
				return writeJSON(c, runs)
			}
			w := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "RUN\tIMAGE LINE\tBEGUN\tOUTCOME\tIMAGE")
			for _, r := range runs {
				image := ""
				if r.Bake != nil {
					image = r.Bake.Image
				} else if r.Kind != "" && r.Publish != nil {
					image = r.Publish.Image
				}
				outcome := r.Outcome
				if r.Kind != "" {
					outcome = r.Kind + ": " + outcome
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.ID, r.Line, r.StartedAt.UTC().Format("2006-01-02 15:04"), outcome, image)
			}
			return w.Flush()
		},
	})
}

func reportCommand() *cli.Command {
	return command(spec{
		name: "report", usage: "render a run document", args: "[run]", max: 1,
		examples: []string{"rehydrate report", "rehydrate report --output md", "rehydrate report --output html 20260102-030405-abcdef"},
		flags:    pastFlags(),
		run: func(c *cli.Context) error {
			s, err := openPast(c)
			if err != nil {
				return err
			}
			r, err := s.Load(c.Args().First())
			if err != nil {
				return err
			}
			if r, err = s.AsItStands(c.Context, r); err != nil {
				return err
			}
			return report.Write(c.App.Writer, c.String("output"), r)
		},
	})
}

func configCommand() *cli.Command {
	check := command(spec{
		name: "check", usage: "read and validate the configuration, do nothing", max: 0,
		examples: []string{"rehydrate config check", "rehydrate config check --config examples/demo/rehydrate.hcl"},
		flags:    []cli.Flag{configFlag},
		run: func(c *cli.Context) error {
			cfg, err := config.Load(c.String("config"))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.App.Writer, "%s: %d baseline%s, %d image%s, %d fleet%s: fine\n", cfg.File, len(cfg.Baselines), plural(len(cfg.Baselines)),
				len(cfg.Images), plural(len(cfg.Images)), len(cfg.Fleets), plural(len(cfg.Fleets)))
			return err
		},
	})
	show := command(spec{
		name: "show", usage: "print the configuration as it was understood", max: 0,
		examples: []string{"rehydrate config show"},
		flags:    []cli.Flag{configFlag},
		run: func(c *cli.Context) error {
			cfg, err := config.Load(c.String("config"))
			if err != nil {
				return err
			}
			return writeJSON(c, cfg)
		},
	})
	return &cli.Command{Name: "config", Usage: "look at the configuration", Subcommands: []*cli.Command{check, show}, HideHelpCommand: true}
}

func versionCommand() *cli.Command {
	return command(spec{
		name: "version", usage: "print the version", max: 0, examples: []string{"rehydrate version"},
		run: func(c *cli.Context) error {
			_, err := fmt.Fprintln(c.App.Writer, "rehydrate "+Version)
			return err
		},
	})
}
