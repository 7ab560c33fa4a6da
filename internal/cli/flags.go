package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
)

// Flags that several commands share. Every flag can be set by REHYDRATE_<FLAG>.
var (
	configFlag   = &cli.StringFlag{Name: "config", Aliases: []string{"c"}, Value: config.DefaultFile, Usage: "configuration `FILE` (.hcl or .hcl.json)", EnvVars: []string{"REHYDRATE_CONFIG"}}
	stateFlag    = &cli.StringFlag{Name: "state", Value: app.DefaultState, Usage: "`FOLDER` of journals, run documents and artifacts", EnvVars: []string{"REHYDRATE_STATE"}}
	regionFlag   = &cli.StringFlag{Name: "region", Usage: "AWS `REGION`, over the configuration's", EnvVars: []string{"REHYDRATE_REGION"}}
	twinFlag     = &cli.BoolFlag{Name: "twin", Usage: "use the embedded AWS (modelled), started if it does not run", EnvVars: []string{"REHYDRATE_TWIN"}}
	worldFlag    = &cli.StringFlag{Name: "world", Usage: "world `FILE` of a new twin", EnvVars: []string{"REHYDRATE_WORLD"}}
	setFlag      = &cli.StringSliceFlag{Name: "set", Usage: "`NAME=VALUE` for the world file; may be repeated"}
	modelledFlag = &cli.BoolFlag{Name: "modelled", Usage: "bake and patch package data instead of real roots; needs neither root nor Packer"}
	outputFlag   = &cli.StringFlag{Name: "output", Value: "table", Usage: "`FORMAT` of the result: table, json; reports also md, html", EnvVars: []string{"REHYDRATE_OUTPUT"}}
	eventsFlag   = &cli.StringFlag{Name: "events", Value: "plain", Usage: "progress on stderr as plain lines, jsonl or none"}
	verboseFlag  = &cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "show the output of tools too"}
	yesFlag      = &cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask"}
	dryRunFlag   = &cli.BoolFlag{Name: "dry-run", Usage: "print the plan and change nothing"}
	maxWaitFlag  = &cli.DurationFlag{Name: "max-wait", Usage: "end with exit code 15 rather than wait longer than this for one step"}
	packerFlag   = &cli.StringFlag{Name: "packer", Usage: "Packer `PROGRAM`, 1.11 or newer", EnvVars: []string{"REHYDRATE_PACKER"}}
	amazonFlag   = &cli.StringFlag{Name: "packer-plugin-amazon", Usage: "`PROGRAM` of Packer's amazon plugin", EnvVars: []string{"REHYDRATE_PACKER_PLUGIN_AMAZON"}}
)

// stageFlags are what every command that runs stages takes.
func stageFlags(more ...cli.Flag) []cli.Flag {
	return append(more, configFlag, stateFlag, regionFlag, twinFlag, worldFlag, setFlag, modelledFlag,
		packerFlag, amazonFlag, maxWaitFlag, dryRunFlag, yesFlag, outputFlag, eventsFlag, verboseFlag)
}

// sink is where progress goes.
func sink(c *cli.Context) (event.Sink, error) {
	switch f := c.String("events"); f {
	case "plain", "":
		return event.Plain(c.App.ErrWriter, c.Bool("verbose")), nil
	case "jsonl":
		return event.JSONLines(c.App.ErrWriter), nil
	case "none":
		return event.Discard, nil
	default:
		return nil, fault.New(fault.Usage, "", "unknown --events %q: plain, jsonl or none", f)
	}
}

// setup is what the stage commands open: configuration, image line, state, cloud.
type setup struct {
	cfg   *config.Config
	image *config.Image
	state app.State
	cloud *app.Cloud
	sink  event.Sink
}

func open(c *cli.Context) (*setup, error) {
	s := &setup{}
	var err error
	if s.cfg, err = config.Load(c.String("config")); err != nil {
		return nil, err
	}
	if s.image, err = imageOf(c, s.cfg); err != nil {
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
	return nil, fault.New(fault.Usage, "", "there is no image %q in %s; it has: %s", name, cfg.File, strings.Join(have, ", "))
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

// tools finds the programs that a bake drives: by flag, beside this program, on
// PATH, or in the cache that `make tools` fills.
func tools(c *cli.Context, s app.State) app.Tools {
	self, _ := os.Executable() // without it the neighbours are just not found
	beside := func(name string) string { return filepath.Join(filepath.Dir(self), name) }
	cache := os.Getenv("REHYDRATE_CACHE")
	if cache == "" {
		home, _ := os.UserHomeDir() // likewise
		cache = filepath.Join(home, ".cache", "rehydrate")
	}
	t := app.Tools{
		Packer: c.String("packer"), AmazonPlugin: c.String("packer-plugin-amazon"),
		Plugin: beside("packer-plugin-rehydrate"), Node: beside("rehydrate-node"), PluginFolder: filepath.Join(cache, "packer-plugins"),
	}
	if t.Packer == "" {
		t.Packer, _ = exec.LookPath("packer") // not on PATH: the cache is next
	}
	if t.Packer == "" {
		t.Packer = newest(filepath.Join(cache, "tools", "packer-[0-9]*", "packer"))
	}
	if t.AmazonPlugin == "" {
		t.AmazonPlugin = newest(filepath.Join(cache, "tools", "packer-plugin-amazon-*", "packer-plugin-amazon"))
	}
	return t
}

func newest(pattern string) string {
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		return ""
	}
	slices.Sort(found)
	return found[len(found)-1]
}

// confirm asks on a terminal, and elsewhere insists on --yes. On the twin nothing
// real moves, so nothing is asked.
func confirm(c *cli.Context, cloud *app.Cloud, what string) error {
	if c.Bool("yes") || cloud.Twin != "" {
		return nil
	}
	in, ok := c.App.Reader.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return fault.New(fault.Usage, "add --yes, or look first with --dry-run", "%s in account %s: nobody is here to be asked", what, cloud.Account)
	}
	fmt.Fprintf(c.App.ErrWriter, "%s in account %s, region %s. Go on? Type yes: ", what, cloud.Account, cloud.Region)
	var answer string
	if _, err := fmt.Fscanln(in, &answer); err != nil || answer != "yes" {
		return fault.New(fault.Interrupted, "", "declined; nothing was changed")
	}
	return context.Cause(c.Context)
}
