package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
)

// lookFlags are what the commands that only read images take.
func lookFlags() []cli.Flag {
	return []cli.Flag{configFlag, stateFlag, regionFlag, twinFlag, worldFlag, setFlag, outputFlag, eventsFlag}
}

func imageListCommand() *cli.Command {
	return command(spec{
		name: "list", usage: "list the images of the configuration's lines in every account and Region; reads only", args: "[image]", max: 1,
		examples: []string{"rehydrate image list", "rehydrate image list --output json web"},
		codes:    "3 not all could be read, 4 permissions",
		flags:    lookFlags(),
		run: func(c *cli.Context) error {
			in, line, err := imageRequest(c, c.NArg() > 0, "table", "json")
			if err != nil {
				return err
			}
			var lines []*config.Image
			if line != nil {
				lines = append(lines, line)
			}
			l, err := app.ListImages(c.Context, in, lines...)
			if err != nil {
				return err
			}
			if c.String("output") == "json" {
				return errors.Join(writeJSON(c, l), l.Err())
			}
			return errors.Join(imageTable(c.App.Writer, l), l.Err())
		},
	})
}

func imageTable(out io.Writer, l *app.ImageList) error {
	w := columns(out)
	fmt.Fprintln(w, "IMAGE\tLINE\tACCOUNT\tREGION\tCREATED\tSTATE\tCHANNELS\tNOTE")
	for _, i := range l.Images {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i.ID, i.Line, i.Account, i.Region, day(i.CreatedAt), i.State, dash(strings.Join(i.Channels, ", ")), remark(i))
	}
	return w.Flush()
}

// remark is what stands out of an image.
func remark(i app.ImageView) string {
	var out []string
	if i.Revoked != "" {
		out = append(out, "revoked: "+i.Reason)
	}
	if !i.Deprecated.IsZero() {
		out = append(out, "deprecated "+day(i.Deprecated))
	}
	if i.Protected != "" {
		out = append(out, "protected")
	}
	return strings.Join(out, ", ")
}

// oneImageCommand is a command that looks at one image. Its look returns what is printed,
// the way to print it for people, and what could not be read.
func oneImageCommand(name, use string, look func(ctx context.Context, in *app.ImageRequest, id string) (any, func(io.Writer) error, []string, error)) *cli.Command {
	return command(spec{
		name: name, usage: use, args: "<ami>", max: 1,
		examples: []string{"rehydrate image " + name + " ami-0123456789abcdef0", "rehydrate image " + name + " --output json ami-0123456789abcdef0"},
		codes:    "3 not all could be read, 4 permissions",
		flags:    lookFlags(),
		run: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return fault.New(fault.Usage, "see `"+c.Command.HelpName+" --help`", "%s: name one image by its id", c.Command.HelpName)
			}
			in, _, err := imageRequest(c, false, "table", "json")
			if err != nil {
				return err
			}
			v, text, unknown, err := look(c.Context, in, c.Args().First())
			if err != nil {
				return err
			}
			missing := (&app.ImageList{Unknown: unknown}).Err()
			if c.String("output") == "json" {
				return errors.Join(writeJSON(c, v), missing)
			}
			return errors.Join(text(c.App.Writer), missing)
		},
	})
}

func imageShowCommand() *cli.Command {
	return oneImageCommand("show", "show an image with everything that launches, runs or names it; reads only",
		func(ctx context.Context, in *app.ImageRequest, id string) (any, func(io.Writer) error, []string, error) {
			l, err := app.ShowImage(ctx, in, id)
			if err != nil {
				return nil, nil, nil, err
			}
			return l, func(w io.Writer) error { return showImage(w, l.Images[0], len(l.Unknown) == 0) }, l.Unknown, nil
		})
}

func imageLineageCommand() *cli.Command {
	return oneImageCommand("lineage", "show what an image descends from, and what was made from it; reads only",
		func(ctx context.Context, in *app.ImageRequest, id string) (any, func(io.Writer) error, []string, error) {
			l, err := app.ImageLineage(ctx, in, id)
			if err != nil {
				return nil, nil, nil, err
			}
			return l, func(w io.Writer) error { return showLineage(w, l) }, l.Unknown, nil
		})
}

func showImage(out io.Writer, i app.ImageView, whole bool) error {
	w := columns(out)
	for _, f := range [...][2]string{{"image", i.ID}, {"name", i.Name}, {"line", i.Line}, {"where", i.Account + "/" + i.Region}, {"owner", i.Owner}, {"state", i.State},
		{"created", day(i.CreatedAt)}, {"architecture", i.Arch}, {"source", i.Source}, {"run", i.Run}, {"note", remark(i)},
		{"snapshots", strings.Join(i.Snapshots, ", ")}, {"channels", strings.Join(i.Channels, ", ")}} {
		if f[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", f[0], f[1])
		}
	}
	for _, u := range i.Uses {
		fmt.Fprintf(w, "use\t%s\n", u)
	}
	switch {
	case !whole:
		fmt.Fprintln(w, "use\tnot known: not all could be read")
	case len(i.Uses) == 0:
		fmt.Fprintln(w, "use\tnone was found")
	}
	return w.Flush()
}

func showLineage(out io.Writer, l *app.Lineage) error {
	w := columns(out)
	for n := len(l.Up) - 1; n >= 0; n-- {
		fmt.Fprintf(w, "above\t%s\n", l.Up[n])
	}
	fmt.Fprintf(w, "image\t%s\t%s/%s\t%s\n", l.Image.ID, l.Image.Account, l.Image.Region, dash(l.Image.Run))
	for _, m := range l.Down {
		fmt.Fprintf(w, "below\t%s\t%s\t%s, %s\n", m.Image, m.Cell, m.Via, m.State)
	}
	return w.Flush()
}
