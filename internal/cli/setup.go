package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
)

// setup is what the stage commands open: configuration, image line, state, cloud.
type setup struct {
	cfg   *config.Config
	image *config.Image
	state app.State
	cloud *app.Cloud
	sink  event.Sink
}

// open opens it for the image line that the argument names.
func open(c *cli.Context) (*setup, error) {
	return openFor(c, func(s *setup) (err error) {
		s.image, err = imageOf(c, s.cfg)
		return err
	})
}

// openAny opens it for every image line; setup.image stays nil.
func openAny(c *cli.Context) (*setup, error) {
	return openFor(c, func(*setup) error { return nil })
}

// openFor finds what is wrong with the command before anything is started.
func openFor(c *cli.Context, choose func(*setup) error) (*setup, error) {
	s := &setup{}
	var err error
	if s.cfg, err = config.Load(c.String("config")); err != nil {
		return nil, err
	}
	if err := choose(s); err != nil {
		return nil, err
	}
	if s.state, err = app.OpenState(c.String("state")); err != nil {
		return nil, err
	}
	if s.sink, err = sink(c); err != nil {
		return nil, err
	}
	if s.cloud, err = openCloud(c, s); err != nil {
		return nil, err
	}
	s.state = s.state.Share(s.cloud, s.cfg.Journal)
	return s, nil
}

// imageOf is the image line that the argument names, or the only one.
func imageOf(c *cli.Context, cfg *config.Config) (*config.Image, error) {
	name := c.Args().First()
	if i, ok := cfg.ImageNamed(name); ok {
		return i, nil
	}
	var have []string
	for _, i := range cfg.Images {
		have = append(have, i.Label)
	}
	switch {
	case len(have) == 0:
		return nil, fault.New(fault.Usage, "add an image block", "%s has no image", cfg.File)
	case name == "":
		return nil, fault.New(fault.Usage, "", "%s has %d images; name one of: %s", cfg.File, len(have), strings.Join(have, ", "))
	}
	return nil, fault.New(fault.Usage, "", "there is no image %q in %s; it has: %s%s", name, cfg.File, strings.Join(have, ", "), meant(c))
}

func openCloud(c *cli.Context, s *setup) (*app.Cloud, error) {
	region := c.String("region")
	if region == "" {
		region = s.cfg.Region
	}
	endpoint := ""
	if c.Bool("twin") {
		w := worldOf(c, s.cfg)
		t, err := app.EnsureTwin(c.Context, s.state.Twin(), w)
		if err != nil {
			return nil, err
		}
		endpoint = t.Endpoint
		fmt.Fprintf(c.App.ErrWriter, "This is the twin, an embedded AWS: EC2, Auto Scaling and Systems Manager are modelled at %s (%s).\n", t.Endpoint, t.How)
	}
	cloud, err := app.OpenCloud(c.Context, region, endpoint, Version)
	if err != nil {
		return nil, err
	}
	if c.Bool("modelled") && cloud.Twin == "" {
		return nil, fault.New(fault.Usage, "add --twin", "--modelled works on the twin only")
	}
	return cloud, nil
}

// worldOf is the world that a new twin begins with: --world, or else the
// configuration's twin block. --set adds to what the block sets.
func worldOf(c *cli.Context, cfg *config.Config) app.World {
	w := app.World{File: c.String("world")}
	if w.File == "" && cfg.Twin != nil {
		w.File = cfg.Twin.World
		for _, name := range slices.Sorted(maps.Keys(cfg.Twin.Set)) {
			w.Set = append(w.Set, name+"="+cfg.Twin.Set[name])
		}
	}
	w.Set = append(w.Set, c.StringSlice("set")...)
	return w
}

// confirm asks on a terminal, and elsewhere insists on --yes. On the twin nothing
// real moves, so nothing is asked.
func confirm(c *cli.Context, cloud *app.Cloud, what string) error {
	if c.Bool("yes") || cloud.Twin != "" {
		return nil
	}
	where := fmt.Sprintf("%s in account %s, region %s", what, cloud.Account, cloud.Region)
	in, ok := c.App.Reader.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return fault.New(fault.Usage, "add --yes, or look first with --dry-run", "%s: nobody is here to be asked", where)
	}
	return ask(c.Context, in, c.App.ErrWriter, where)
}

// ask takes nothing but yes for a yes, and an interrupt for a no.
func ask(ctx context.Context, in io.Reader, out io.Writer, what string) error {
	fmt.Fprintf(out, "%s. Go on? Type yes: ", what)
	answered := make(chan string, 1)
	go func() {
		var answer string
		if _, err := fmt.Fscanln(in, &answer); err != nil {
			answer = "" // none, or more than a word
		}
		answered <- answer
	}()
	select {
	case answer := <-answered:
		if answer == "yes" {
			return nil
		}
	case <-ctx.Done():
	}
	return fault.New(fault.Interrupted, "", "declined; nothing was changed")
}
