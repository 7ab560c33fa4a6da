package cli

import (
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/schedule"
)

// maxNext is how many occurrences are listed at most.
const maxNext = 1000

func scheduleCommand() *cli.Command {
	next := command(spec{
		name: "next", usage: "list when a schedule falls due", args: "<expression>", max: 1,
		examples: []string{"rehydrate schedule next \"cron(0 22 ? * MON-THU *)\"", "rehydrate schedule next --timezone Europe/Berlin --offset-days 2 \"cron(0 2 ? * TUE#2 *)\""},
		flags: []cli.Flag{
			&cli.StringFlag{Name: "timezone", Usage: "`ZONE` in which the expression is read, such as Europe/Berlin (default: UTC)"},
			&cli.IntFlag{Name: "offset-days", Usage: "`DAYS` after each occurrence, 0 to 6"},
			&cli.IntFlag{Name: "count", Value: 5, Usage: "how many, at most 1000"},
			&cli.TimestampFlag{Name: "after", Layout: time.RFC3339, Usage: "list from this `TIME` on (default: now)"},
			outputFlag,
		},
		run: func(c *cli.Context) error {
			if err := formatIn(c, "table", "json"); err != nil {
				return err
			}
			return scheduleNext(c)
		},
	})
	return &cli.Command{Name: "schedule", Usage: "try out schedule expressions", Subcommands: []*cli.Command{next}, HideHelpCommand: true}
}

func scheduleNext(c *cli.Context) error {
	s, err := schedule.Parse(c.Args().First())
	if err != nil {
		return fault.As(err, fault.Usage, "six fields in cron, as in cron(0 22 ? * MON-THU *)")
	}
	zone, err := schedule.LoadZone(c.String("timezone"))
	if err != nil {
		return fault.As(err, fault.Usage, "")
	}
	days, count := c.Int("offset-days"), c.Int("count")
	if days < 0 || days > schedule.MaxOffset || count < 1 || count > maxNext {
		return fault.New(fault.Usage, "", "--offset-days goes from 0 to %d, --count from 1 to %d", schedule.MaxOffset, maxNext)
	}
	at := time.Now()
	if t := c.Timestamp("after"); t != nil {
		at = *t
	}
	times := []time.Time{}
	for len(times) < count {
		next, ok := s.NextOffset(at, zone, days)
		if !ok {
			break
		}
		times, at = append(times, next.In(zone)), next
	}
	if c.String("output") == "json" {
		return writeJSON(c, map[string]any{"schedule": s, "times": times})
	}
	for _, t := range times {
		fmt.Fprintf(c.App.Writer, "%s  %s\n", t.Format("2006-01-02 15:04:05 -07:00 Mon"), t.UTC().Format(time.RFC3339))
	}
	switch len(times) {
	case count:
	case 0:
		fmt.Fprintln(c.App.ErrWriter, "it never falls due after that")
	default:
		fmt.Fprintln(c.App.ErrWriter, "it falls due no more often")
	}
	return nil
}
