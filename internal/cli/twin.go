package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
)

func twinCommand() *cli.Command {
	dir := &cli.StringFlag{Name: "state", Usage: "`FOLDER` of the twin's state", Value: app.DefaultState + "/twin"}
	serve := command(spec{
		name: "serve", usage: "run the embedded AWS until it is told to stop", max: 0,
		examples: []string{"rehydrate twin serve --listen 127.0.0.1:4599 --state .rehydrate/twin --world examples/modelled/world.json"},
		flags: []cli.Flag{
			dir, worldFlag, setFlag,
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:0", Usage: "`ADDRESS`; port 0 takes a free one. Off loopback it wants --credentials"},
			&cli.StringFlag{Name: "credentials", Usage: "`FILE` of the only access keys that are answered, as AWS's shared credentials file, readable by its owner alone"},
			&cli.StringFlag{Name: "clock", Value: "auto", Usage: "how virtual time passes: auto, real, manual or rate=N (seconds a second)"},
			&cli.StringFlag{Name: "faults", Usage: "fault plan `FILE`"},
			&cli.DurationFlag{Name: "idle", Usage: "end after this long without a request"},
			&cli.Int64Flag{Name: "seed", Usage: "seed of all ids"},
		},
		run: func(c *cli.Context) error {
			return app.ServeTwin(c.Context, app.TwinOptions{
				Dir: c.String("state"), World: app.World{File: c.String("world"), Set: c.StringSlice("set")},
				Listen: c.String("listen"), Clock: c.String("clock"), Faults: c.String("faults"), Credentials: c.String("credentials"), Idle: c.Duration("idle"), Seed: c.Int64("seed"), Version: Version,
				Ready: func(endpoint string) { fmt.Fprintf(c.App.Writer, "the twin answers at %s\n", endpoint) },
			})
		},
	})
	status := command(spec{
		name: "status", usage: "say whether the twin runs, and what time it has", max: 0, flags: []cli.Flag{dir},
		examples: []string{"rehydrate twin status"},
		run: func(c *cli.Context) error {
			s, err := app.TwinStatus(c.Context, c.String("state"))
			if err != nil {
				return err
			}
			return writeJSON(c, s)
		},
	})
	stop := command(spec{
		name: "stop", usage: "end the twin of a state folder; its state stays", max: 0, flags: []cli.Flag{dir},
		examples: []string{"rehydrate twin stop"},
		run:      func(c *cli.Context) error { return app.StopTwin(c.Context, c.String("state")) },
	})
	return &cli.Command{Name: "twin", Usage: "the embedded AWS (modelled)", Subcommands: []*cli.Command{serve, status, stop}, HideHelpCommand: true}
}
