package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
)

var applyFlag = &cli.BoolFlag{Name: "apply", Usage: "do it; without this the plan is shown and nothing changes"}

// actFlags are what the commands that change images take.
func actFlags(more ...cli.Flag) []cli.Flag {
	return append(more, applyFlag, dryRunFlag, configFlag, stateFlag, regionFlag, twinFlag, worldFlag, setFlag, yesFlag, outputFlag, eventsFlag, verboseFlag)
}

func revokeCommand() *cli.Command {
	return command(spec{
		name: "revoke", usage: "mark a bad image, its copies and what was made from it, move their channels back, and disable what nothing would launch; shows the plan unless --apply", args: "<ami>", max: 1,
		examples: []string{
			`rehydrate image revoke --reason "CVE-2026-12345" ami-0123456789abcdef0`,
			`rehydrate image revoke --reason "CVE-2026-12345" --deadline 3d --apply --yes ami-0123456789abcdef0`,
			`rehydrate image revoke --reason "leaked key" --force --output json ami-0123456789abcdef0`,
		},
		codes: "3 done in part: not disabled while something launches it, 4 permissions, 10 no good image to go back to, or something would launch it, 11 it moved since the plan, 130 declined",
		flags: actFlags(
			&cli.StringFlag{Name: "reason", Usage: "`WHY`; it is written on the images"},
			&cli.StringFlag{Name: "deadline", Usage: "this `TIME` after the first revocation nothing may run on it any more, such as 72h or 3d (default: as said before, or 7d)"},
			&cli.BoolFlag{Name: "force", Usage: "disable images although scale-out would break, and although a channel has nothing to go back to"},
		),
		run: imageRevoke,
	})
}

func imageRevoke(c *cli.Context) error {
	if c.NArg() != 1 {
		return fault.New(fault.Usage, "see `rehydrate image revoke --help`", "revoke which image? name it by its id")
	}
	if strings.TrimSpace(c.String("reason")) == "" {
		return fault.New(fault.Usage, "add --reason \"CVE-…\"; it is written on the images", "revoke %s: no reason is given", c.Args().First())
	}
	var within time.Duration
	if s := c.String("deadline"); s != "" {
		var err error
		if within, err = config.ParseAge(s); err != nil {
			return fault.New(fault.Usage, "write it as 72h or 3d", "--deadline is %q", s)
		}
	}
	in, _, err := imageRequest(c, false, "table", "json")
	if err != nil {
		return err
	}
	ask := &app.RevokeRequest{ImageRequest: *in, Image: c.Args().First(), Reason: c.String("reason"), Within: within, Force: c.Bool("force")}
	p, err := app.PlanRevocation(c.Context, ask)
	if err != nil {
		return err
	}
	if !c.Bool("apply") {
		return errors.Join(show(c, p, p.Text()), p.Err())
	}
	fmt.Fprint(c.App.ErrWriter, p.Text())
	if !p.Nothing() && len(p.Refused) == 0 { // else there is nothing to be asked about
		if err := confirm(c, in.Cloud, "revoke "+ask.Image); err != nil {
			return err
		}
	}
	out, err := app.Revoke(c.Context, ask, p)
	return errors.Join(show(c, out, out.Text(p.Input.By)), err)
}

func retireCommand() *cli.Command {
	return command(spec{
		name: "retire", usage: "deprecate, disable and deregister old images that nobody uses, by the retire block of their line; shows the plan unless --apply", args: "[image]", max: 1,
		examples: []string{"rehydrate image retire web", "rehydrate image retire --output md web", "rehydrate image retire --apply --yes web"},
		codes:    "3 done in part, or not all could be read and everything was kept, 4 permissions, 11 something came into use since the plan, or a run is at work, 130 declined",
		flags:    actFlags(),
		run:      imageRetire,
	})
}

func imageRetire(c *cli.Context) error {
	in, line, err := imageRequest(c, true, "table", "json", "md")
	if err != nil {
		return err
	}
	p, err := app.PlanRetirement(c.Context, in, line)
	if err != nil {
		return err
	}
	unknown := error(nil)
	if len(p.Unknown) > 0 {
		unknown = fault.New(fault.Partial, "give the role the permission, or take the account out of the configuration", "everything is kept, because not all could be read: %s", p.Unknown[0])
	}
	if c.Bool("apply") && p.Nothing() && c.String("output") == "json" { // in the shape of what was done
		return errors.Join(writeJSON(c, []app.Retired{}), unknown)
	}
	if !c.Bool("apply") || p.Nothing() {
		if c.String("output") == "md" {
			return errors.Join(p.Markdown(c.App.Writer), unknown)
		}
		return errors.Join(show(c, p, p.Text()), unknown)
	}
	fmt.Fprint(c.App.ErrWriter, p.Text())
	if err := confirm(c, in.Cloud, fmt.Sprintf("retire images of %s (%d to act on)", line.Label, p.Count())); err != nil {
		return err
	}
	results, err := app.Retire(c.Context, in, p)
	if results == nil {
		return err
	}
	return errors.Join(show(c, results, app.RetiredText(results)), err)
}

// show prints the value as JSON, or its text.
func show(c *cli.Context, v any, text string) error {
	if c.String("output") == "json" {
		return writeJSON(c, v)
	}
	_, err := fmt.Fprint(c.App.Writer, text)
	return err
}

// imageRequest opens what the image commands need; with named, the argument is an image
// line, or the only one.
func imageRequest(c *cli.Context, named bool, formats ...string) (*app.ImageRequest, *config.Image, error) {
	if err := formatIn(c, formats...); err != nil {
		return nil, nil, err
	}
	if c.Bool("apply") && c.Bool("dry-run") {
		return nil, nil, fault.New(fault.Usage, "leave one out", "--apply and --dry-run contradict each other")
	}
	begin := openAny
	if named {
		begin = open
	}
	s, err := begin(c)
	if err != nil {
		return nil, nil, err
	}
	return &app.ImageRequest{Config: s.cfg, State: s.state, Cloud: s.cloud, Events: s.sink}, s.image, nil
}
