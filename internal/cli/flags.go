package cli

import (
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/event"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/packer"
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
	maxWaitFlag  = &cli.DurationFlag{Name: "max-wait", DefaultText: "no bound", Usage: "end with exit code 15 rather than wait longer than this for one step"}
	packerFlag   = &cli.StringFlag{Name: "packer", Usage: "Packer `PROGRAM`, 1.11 or newer", EnvVars: []string{"REHYDRATE_PACKER"}}
	amazonFlag   = &cli.StringFlag{Name: "packer-plugin-amazon", Usage: "`PROGRAM` of Packer's amazon plugin", EnvVars: []string{"REHYDRATE_PACKER_PLUGIN_AMAZON"}}
)

// stageFlags are what every command that runs stages takes.
func stageFlags(more ...cli.Flag) []cli.Flag {
	return append(more, configFlag, stateFlag, regionFlag, twinFlag, worldFlag, setFlag, modelledFlag,
		packerFlag, amazonFlag, maxWaitFlag, dryRunFlag, yesFlag, outputFlag, eventsFlag, verboseFlag)
}

// own are copies of flags for one command. The library writes into a flag what the
// environment says, and one that several commands share would keep it for the next.
func own(flags []cli.Flag) []cli.Flag {
	out := make([]cli.Flag, len(flags))
	for i, f := range flags {
		switch f := f.(type) {
		case *cli.StringFlag:
			out[i] = copied(f)
		case *cli.BoolFlag:
			out[i] = copied(f)
		case *cli.DurationFlag:
			out[i] = copied(f)
		case *cli.StringSliceFlag:
			out[i] = copied(f)
		default: // of this command alone
			out[i] = f
		}
	}
	return out
}

func copied[T any](f *T) *T {
	c := *f
	return &c
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
		t.Packer = packer.Find(c.Context, cache)
	}
	if t.AmazonPlugin == "" {
		t.AmazonPlugin = packer.Newest(filepath.Join(cache, "tools", "packer-plugin-amazon-*", "packer-plugin-amazon"))
	}
	return t
}
