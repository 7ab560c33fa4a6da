package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/unit"
)

const approveCodes = "11 there is an answer already"

func approveCommand() *cli.Command {
	return answerCommand(true, "approve", "let a run that waits for an approval go on",
		"rehydrate approve --by ann 20260102-030405-abcdef", "rehydrate approve --by ann --comment CHG-1234 --unit roll/prod/before 20260102-030405-abcdef")
}

func refuseCommand() *cli.Command {
	return answerCommand(false, "refuse", "refuse what a run waits for; nothing that it asks for moves",
		"rehydrate refuse --by ann --comment \"not this week\" 20260102-030405-abcdef")
}

func answerCommand(approved bool, name, usage string, examples ...string) *cli.Command {
	return command(spec{
		name: name, usage: usage, args: "<run>", max: 1, codes: approveCodes, examples: examples,
		flags: append(pastFlags(),
			&cli.StringFlag{Name: "by", Usage: "`NAME` of who answers", EnvVars: []string{"REHYDRATE_BY"}},
			&cli.StringFlag{Name: "comment", Usage: "`TEXT` that is kept with the answer"},
			&cli.StringFlag{Name: "unit", Usage: "`UNIT` that waits, where several do"},
		),
		run: func(c *cli.Context) error { return answer(c, approved) },
	})
}

func answer(c *cli.Context, approved bool) error {
	if c.Args().First() == "" {
		return fault.New(fault.Usage, "`rehydrate history` lists the runs", "%s: no run is named", c.Command.HelpName)
	}
	// A configuration that cannot be read may name a bucket: an answer in the folder
	// would not be found there.
	if _, err := os.Stat(c.String("config")); err == nil {
		if _, err := config.Load(c.String("config")); err != nil {
			return err
		}
	}
	s, err := openPast(c)
	if err != nil {
		return err
	}
	now := time.Now().UTC()
	ask, err := app.Decide(c.Context, s, c.Args().First(), c.String("unit"), unit.Decision{
		Approved: approved, By: c.String("by"), Comment: c.String("comment"), At: now, Wall: now})
	if err != nil {
		return err
	}
	what := "refused"
	if approved {
		what = "approved"
	}
	if c.String("output") == "json" {
		return writeJSON(c, map[string]any{"run": c.Args().First(), "unit": ask.Unit, "approval": ask.Approval, "approved": approved, "by": c.String("by")})
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s: %s. Go on with: rehydrate run --resume %s\n", what, ask.Approval, c.Args().First())
	return err
}
