package cli

import (
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/report/imagediff"
)

func imageCommand() *cli.Command {
	diff := command(spec{
		name: "diff", usage: "say what changed from one root folder, disk image, snapshot, AMI, instance or saved scan to another; changes nothing", args: "<from> <to>", max: 2,
		examples: []string{
			"rehydrate image diff ami-0123456789abcdef0 ami-0fedcba9876543210",
			"rehydrate image diff --depth metadata --output md before.raw after.raw",
			"rehydrate image diff --exit-code scan.json /",
		},
		codes: "4 permissions, with --exit-code: 14 something differs, 10 nothing differs but not everything could be compared",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "depth", Value: record.DepthPackages, Usage: "compare packages, metadata (users, services, setuid files, sizes) or digest (every file): `DEPTH`"},
			&cli.BoolFlag{Name: "exit-code", Usage: "end with exit code 14 if anything differs"},
			&cli.StringFlag{Name: "bucket", Usage: "`BUCKET` through which an instance gets its program, over the configuration's"},
			&cli.StringFlag{Name: "output", Value: "table", Usage: "`FORMAT` of the result: " + strings.Join(imagediff.Formats(), ", "), EnvVars: []string{"REHYDRATE_OUTPUT"}},
			configFlag, stateFlag, regionFlag, twinFlag, worldFlag, setFlag, yesFlag, eventsFlag,
		},
		run: imageDiff,
	})
	return &cli.Command{Name: "image", Usage: "look at images, revoke and retire them", HideHelpCommand: true,
		Subcommands: []*cli.Command{imageListCommand(), imageShowCommand(), diff, imageLineageCommand(), revokeCommand(), retireCommand()}}
}

func imageDiff(c *cli.Context) error {
	if c.NArg() != 2 {
		return fault.New(fault.Usage, "see `rehydrate image diff --help`", "compare what? name two root folders, disk images, snapshots, AMIs, instances or saved scans")
	}
	in := app.ImageDiffRequest{From: c.Args().Get(0), To: c.Args().Get(1),
		Scan: app.ScanRequest{Tool: "rehydrate " + Version, Now: time.Now().UTC(), Depth: c.String("depth")}}
	switch in.Scan.Depth {
	case record.DepthPackages, record.DepthMetadata, record.DepthDigest:
	default:
		return fault.New(fault.Usage, "", "unknown --depth %q: packages, metadata or digest", in.Scan.Depth)
	}
	if err := imagediff.Known(c.String("output")); err != nil {
		return err
	}
	// An instance on either side needs what the configuration has for it.
	for _, t := range []string{in.From, in.To} {
		if in.Scan.Target == "" || strings.HasPrefix(t, "i-") {
			in.Scan.Target = t
		}
	}
	if err := scanCloud(c, &in.Scan); err != nil {
		return err
	}
	in.Scan.Confirm = func(what string) error { return confirmReading(c, what) }
	d, err := app.RunImageDiff(c.Context, in)
	if err != nil {
		return err
	}
	if err := imagediff.Write(c.App.Writer, c.String("output"), d); err != nil {
		return err
	}
	switch {
	case c.Bool("exit-code") && !d.Same:
		return cli.Exit("", fault.Pending.ExitCode())
	case c.Bool("exit-code") && len(d.Unknown) > 0: // no difference was seen, and not all was seen
		return cli.Exit("", fault.GateSaysNo.ExitCode())
	}
	return nil
}
