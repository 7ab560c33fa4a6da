package cli

import (
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/rehearse"
)

func rehearseCommand() *cli.Command {
	return command(spec{
		name: "rehearse", usage: "roll a copy of the fleet in the embedded AWS, in virtual time; the real one is read only", args: "[image]", max: 1,
		examples: []string{"rehydrate rehearse web", "rehydrate rehearse --output html web > rehearsal.html", "rehydrate rehearse --fault health=web-prod --fault throttle web",
			"rehydrate rehearse --save fleet.json web", "rehydrate rehearse --from fleet.json --faults faults.json web"},
		codes: "as the roll in the copy ended: 3 in part, 10 a gate says no, 11 refused, 12 rolled back, 13 halted",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "world `FILE` or saved fleet to copy instead of the real fleet"},
			&cli.StringFlag{Name: "save", Usage: "write the fleet that was read to `FILE`, to be rehearsed elsewhere"},
			&cli.StringFlag{Name: "to", Usage: "`AMI` to roll to (default: a stand-in for the next image)"},
			&cli.StringSliceFlag{Name: "fault", Usage: "`PRESET` that goes wrong, may be repeated: " + strings.Join(rehearse.Presets, ", ")},
			&cli.StringFlag{Name: "faults", Usage: "`FILE` with a fault plan in the twin's format"},
			&cli.DurationFlag{Name: "approve-after", DefaultText: "at once", Usage: "`DURATION` after which approvals are given"},
			&cli.StringFlag{Name: "start", Usage: "`TIME` at which the copy's time begins, as 2026-03-01T22:00:00Z (default: now)"},
			&cli.Int64Flag{Name: "seed", Usage: "`NUMBER` that the copy's chance comes from"},
			configFlag, stateFlag, regionFlag, twinFlag, worldFlag, setFlag, outputFlag, eventsFlag, verboseFlag,
		},
		run: runRehearse,
	})
}

// maxApproval is as long as an approval may take in a rehearsal.
const maxApproval = 366 * 24 * time.Hour

func runRehearse(c *cli.Context) error {
	if err := formatIn(c, rehearse.Formats...); err != nil {
		return err
	}
	in := app.RehearseRequest{File: app.World{File: c.String("from"), Set: c.StringSlice("set")}, Save: c.String("save"), To: c.String("to"),
		Presets: c.StringSlice("fault"), Faults: c.String("faults"), Seed: c.Int64("seed"), ApproveAfter: c.Duration("approve-after")}
	if in.ApproveAfter < 0 || in.ApproveAfter > maxApproval {
		return fault.New(fault.Usage, "", "--approve-after %s is not within 0 to %s", in.ApproveAfter, maxApproval)
	}
	var err error
	if in.Start, err = app.ParseStart(c.String("start")); err != nil {
		return err
	}
	if in.File.File == "" {
		s, err := open(c)
		if err != nil {
			return err
		}
		in.Config, in.Line, in.Cloud, in.Events = s.cfg, s.image, s.cloud, s.sink
	} else {
		if in.Config, err = config.Load(c.String("config")); err != nil {
			return err
		}
		if in.Line, err = imageOf(c, in.Config); err != nil {
			return err
		}
		if in.Events, err = sink(c); err != nil {
			return err
		}
	}
	report, err := app.Rehearse(c.Context, in)
	if err != nil {
		return err
	}
	if err := rehearse.Write(c.App.Writer, c.String("output"), report); err != nil {
		return err
	}
	return report.Err()
}
