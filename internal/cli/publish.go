package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/report"
)

// publishCommand is the stage, and what else can be done with channels below it.
func publishCommand() *cli.Command {
	c := stageCommand("publish", "move the channel to the image that passed, or do what a command below does", "rehydrate publish --verify web")
	stage := c.Action
	c.Flags = append(c.Flags, &cli.BoolFlag{Name: "verify", Usage: "publish nothing; compare the channels in every account and Region, as the command verify does"})
	c.Action = func(ctx *cli.Context) error {
		if ctx.Bool("verify") && !slices.ContainsFunc(ctx.Args().Slice(), func(a string) bool { return strings.HasPrefix(a, "-") }) && ctx.NArg() < 2 {
			return verifyChannels(ctx)
		}
		return stage(ctx)
	}
	c.Subcommands = []*cli.Command{promoteCommand(), rollbackCommand(), channelHistoryCommand(), verifyCommand()}
	return c
}

var imageFlag = &cli.StringFlag{Name: "image", Usage: "`LABEL` of the image line, where the configuration has several with such a channel"}

// channelFlags are what every command about channels takes.
func channelFlags(more ...cli.Flag) []cli.Flag {
	return append(more, configFlag, stateFlag, regionFlag, twinFlag, worldFlag, setFlag, yesFlag, outputFlag, eventsFlag, verboseFlag)
}

func promoteCommand() *cli.Command {
	return command(spec{
		name: "promote", usage: "put what one channel holds on the channel of the next ring", args: "<from> <to>", max: 2,
		examples: []string{"rehydrate publish promote latest dev", "rehydrate publish promote --dry-run dev prod", "rehydrate publish promote --image web /golden/web/dev /golden/web/prod"},
		codes:    "3 done in part, 4 permissions, 10 it has not passed the ring before, 11 conflict",
		flags:    channelFlags(imageFlag, maxWaitFlag, dryRunFlag),
		run: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return fault.New(fault.Usage, "see `rehydrate publish promote --help`", "promote what to where? name two channels, or their rings")
			}
			return moveChannel(c, func(in app.ChannelRequest) (*app.Move, error) {
				return app.PlanPromotion(c.Context, in, c.Args().Get(0), c.Args().Get(1))
			})
		},
	})
}

func rollbackCommand() *cli.Command {
	return command(spec{
		name: "rollback", usage: "take a channel back to the last good image, or to a version of it", args: "<channel>", max: 1,
		examples: []string{"rehydrate publish rollback latest", "rehydrate publish rollback --to 12 /golden/web/prod", "rehydrate publish rollback --dry-run prod"},
		codes:    "3 done in part, 4 permissions, 10 that image was revoked or cannot be launched, 11 conflict",
		flags:    channelFlags(imageFlag, &cli.Int64Flag{Name: "to", DefaultText: "the last good one", Usage: "`VERSION` in the session's own account and Region"}, maxWaitFlag, dryRunFlag),
		run: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return fault.New(fault.Usage, "see `rehydrate publish rollback --help`", "roll back which channel? name it, or its ring")
			}
			if c.IsSet("to") && c.Int64("to") < 1 {
				return fault.New(fault.Usage, "", "--to %d: versions begin at 1", c.Int64("to"))
			}
			return moveChannel(c, func(in app.ChannelRequest) (*app.Move, error) {
				return app.PlanRollback(c.Context, in, c.Args().First(), c.Int64("to"))
			})
		},
	})
}

func channelHistoryCommand() *cli.Command {
	return command(spec{
		name: "history", usage: "list the versions of a channel; reads only", args: "<channel>", max: 1,
		examples: []string{"rehydrate publish history latest", "rehydrate publish history --output json /golden/web/prod"},
		codes:    "3 not all could be read, 4 permissions",
		flags:    channelFlags(imageFlag),
		run: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return fault.New(fault.Usage, "see `rehydrate publish history --help`", "the history of which channel? name it, or its ring")
			}
			in, err := channelRequest(c)
			if err != nil {
				return err
			}
			all, err := app.ChannelHistory(c.Context, in, c.Args().First())
			switch {
			case len(all) == 0:
				return err
			case c.String("output") == "json":
				return errors.Join(writeJSON(c, all), err)
			}
			return errors.Join(historyTable(c.App.Writer, all), err)
		},
	})
}

func verifyCommand() *cli.Command {
	return command(spec{
		name: "verify", usage: "compare the channels in every account and Region with what should stand there; reads only", args: "[image]", max: 1,
		examples: []string{"rehydrate publish verify web", "rehydrate publish verify --run 20260102-030405-abcdef web", "rehydrate publish verify --output json"},
		codes:    "3 some are not correct, 4 permissions",
		flags:    channelFlags(&cli.StringFlag{Name: "run", Usage: "compare with what this `RUN` published (default: with the newest publication)"}),
		run:      verifyChannels,
	})
}

func verifyChannels(c *cli.Context) error {
	if err := formatIn(c, "table", "json"); err != nil {
		return err
	}
	s, err := open(c)
	if err != nil {
		return err
	}
	all, err := app.VerifyChannels(c.Context, requestOf(c, s), c.String("run"))
	if err != nil {
		return err
	}
	if c.String("output") == "json" {
		err = writeJSON(c, all)
	} else {
		err = verifyTable(c.App.Writer, all)
	}
	return errors.Join(err, app.Verified(all))
}

func requestOf(c *cli.Context, s *setup) app.ChannelRequest {
	return app.ChannelRequest{Config: s.cfg, Image: s.image, State: s.state, Cloud: s.cloud, Events: s.sink, MaxWait: c.Duration("max-wait")}
}

// channelRequest opens the image line that --image names or, without it, the only one
// that has all the channels that the arguments name.
func channelRequest(c *cli.Context) (app.ChannelRequest, error) {
	if err := formatIn(c, "table", "json"); err != nil {
		return app.ChannelRequest{}, err
	}
	s, err := openFor(c, func(s *setup) (err error) {
		s.image, err = imageWith(s.cfg, c.String("image"), c.Args().Slice())
		return err
	})
	if err != nil {
		return app.ChannelRequest{}, err
	}
	return requestOf(c, s), nil
}

func imageWith(cfg *config.Config, label string, words []string) (*config.Image, error) {
	var with []*config.Image
	var have []string
	for _, i := range cfg.Images {
		if label != "" && i.Label != label {
			continue
		}
		have = append(have, i.Label+" ("+strings.Join(i.ChannelWords(), ", ")+")")
		if !slices.ContainsFunc(words, func(w string) bool { _, _, ok := i.ChannelNamed(w); return !ok }) {
			with = append(with, i)
		}
	}
	switch {
	case len(with) == 1:
		return with[0], nil
	case len(with) > 1:
		return nil, fault.New(fault.Usage, "name one with --image", "%d images of %s have such a channel", len(with), cfg.File)
	case label != "" && len(have) == 0:
		return nil, fault.New(fault.Usage, "", "there is no image %q in %s", label, cfg.File)
	case len(have) == 0:
		return nil, fault.New(fault.Usage, "add an image block", "%s has no image", cfg.File)
	}
	return nil, fault.New(fault.Usage, "write a channel's full name, its ring or \"latest\"", "no image has the channel %s; there are: %s",
		strings.Join(words, " and "), strings.Join(have, "; "))
}

// moveChannel plans, shows the plan under --dry-run, asks, and moves.
func moveChannel(c *cli.Context, plan func(app.ChannelRequest) (*app.Move, error)) error {
	in, err := channelRequest(c)
	if err != nil {
		return err
	}
	m, err := plan(in)
	if err != nil {
		return err
	}
	for _, w := range m.Plan.Warnings {
		fmt.Fprintf(c.App.ErrWriter, "note: %s\n", w)
	}
	if c.Bool("dry-run") {
		if c.String("output") == "json" {
			return writeJSON(c, m.Plan)
		}
		return planTable(c.App.Writer, m.Plan)
	}
	first := m.Plan.Moves[0]
	if err := confirm(c, in.Cloud, fmt.Sprintf("move %d pointers such as %s from %s to %s", len(m.Plan.Moves), first.Channel, dash(first.From), first.Image)); err != nil {
		return err
	}
	out, err := m.Carry(c.Context, in)
	if len(out.Pointers) == 0 && err != nil { // it has not ended
		again := fmt.Sprintf("`rehydrate run --resume %s`, or asking for the same again, goes on with it", m.Run)
		if fault.KindOf(err) == fault.Interrupted {
			return fault.New(fault.Interrupted, again, "interrupted in run %s", m.Run)
		}
		fmt.Fprintf(c.App.ErrWriter, "this was run %s; %s\n", m.Run, again)
	}
	if len(out.Pointers) > 0 {
		if c.String("output") == "json" {
			err = errors.Join(writeJSON(c, out), err)
		} else {
			err = errors.Join(movedTable(c.App.Writer, out), err)
		}
	}
	return err
}

// resumeMove goes on with a promotion or a rollback that was cut off.
func resumeMove(c *cli.Context, s *setup, doc *record.Run) error {
	in := requestOf(c, s)
	if in.Image.Label != doc.Line {
		return fault.New(fault.Usage, "", "run %s is of image %s, not %s", doc.ID, doc.Line, in.Image.Label)
	}
	if err := confirm(c, s.cloud, fmt.Sprintf("go on with the %s of %s", doc.Kind, doc.Line)); err != nil {
		return err
	}
	doc, err := app.ResumeMove(c.Context, in, doc.ID)
	if doc == nil {
		return err
	}
	return errors.Join(report.Write(c.App.Writer, c.String("output"), doc), err)
}

func columns(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// number is a version; "" is none.
func number(version int64) string {
	if version == 0 {
		return ""
	}
	return strconv.FormatInt(version, 10)
}

func planTable(out io.Writer, p *app.ChannelPlan) error {
	w := columns(out)
	fmt.Fprintln(w, "ACCOUNT\tREGION\tCHANNEL\tVERSION\tFROM\tTO\tBAKED\tGENERATION")
	for _, m := range p.Moves {
		to := m.Image
		if m.Nothing {
			to = "(holds it)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", dash(m.Account), dash(m.Region), m.Channel, dash(number(m.Version)), dash(m.From), to, day(m.Envelope.BakedAt), m.Envelope.Generation)
	}
	return w.Flush()
}

func movedTable(out io.Writer, p record.Publish) error {
	w := columns(out)
	fmt.Fprintln(w, "ACCOUNT\tREGION\tCHANNEL\tVERSION\tFROM\tTO\tOUTCOME")
	for _, x := range p.Pointers {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", dash(x.Account), dash(x.Region), x.Channel, dash(number(x.Version)), dash(x.From), x.Image, with(x.Outcome, x.Text))
	}
	return w.Flush()
}

func historyTable(out io.Writer, all []app.ChannelEntry) error {
	w := columns(out)
	fmt.Fprintln(w, "ACCOUNT\tREGION\tVERSION\tIMAGE\tWRITTEN\tRUN\tBAKED\tGENERATION\tLABELS")
	for _, e := range all {
		run, baked, generation := "(by hand)", "-", "-"
		if v := e.Envelope; v != nil {
			run, baked, generation = v.Run, day(v.BakedAt), strconv.FormatInt(v.Generation, 10)
		}
		switch {
		case e.TakenBack:
			run += " (taken back)"
		case e.Withdrawn:
			run += " (withdrawn)"
		case e.Envelope != nil && e.Envelope.Back != "":
			run += " (put back by " + e.Envelope.Back + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", dash(e.Account), dash(e.Region), e.Version, e.Image, day(e.ModifiedAt), run, baked, generation, dash(strings.Join(e.Labels, ", ")))
	}
	return w.Flush()
}

func verifyTable(out io.Writer, all []app.ChannelFinding) error {
	w := columns(out)
	fmt.Fprintln(w, "STATE\tACCOUNT\tREGION\tCHANNEL\tEXPECTED\tACTUAL\tWHY")
	for _, f := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.State, dash(f.Account), dash(f.Region), f.Channel, dash(f.Expected), dash(f.Actual), dash(strings.Join(f.Why, "; ")))
	}
	return w.Flush()
}

func with(outcome, text string) string {
	if text == "" {
		return outcome
	}
	return outcome + ": " + text
}

func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
