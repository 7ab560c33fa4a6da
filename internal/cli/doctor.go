package cli

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
)

func doctorCommand() *cli.Command {
	return command(spec{
		name: "doctor", usage: "say what a run needs and whether it is there; changes nothing", max: 0,
		examples: []string{"rehydrate doctor", "rehydrate doctor --twin --modelled"},
		flags:    []cli.Flag{configFlag, stateFlag, regionFlag, twinFlag, modelledFlag, packerFlag, amazonFlag, outputFlag},
		run:      doctor,
	})
}

func doctor(c *cli.Context) error {
	state, err := app.OpenState(c.String("state"))
	if err != nil {
		return err
	}
	found, cfg, region := configFinding(c)
	found = append(found, app.Doctor(c.Context, app.DoctorRequest{
		Tools: tools(c, state), State: state, Twin: c.Bool("twin"), Modelled: c.Bool("modelled"), Config: cfg,
		Cloud: func(ctx context.Context, endpoint string) (*app.Cloud, error) {
			return app.OpenCloud(ctx, region, endpoint, Version)
		},
	})...)
	missing := 0
	for _, f := range found {
		if f.Standing == app.FoundMissing {
			missing++
		}
	}
	if c.String("output") == "json" {
		err = writeJSON(c, found)
	} else {
		w := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
		for _, f := range found {
			fmt.Fprintf(w, "%s\t%s\t%s\n", f.Standing, f.Name, f.Detail)
			if f.Hint != "" {
				fmt.Fprintf(w, "\t\tnext: %s\n", f.Hint)
			}
		}
		err = w.Flush()
	}
	if err == nil && missing > 0 {
		return cli.Exit("", fault.Failed.ExitCode())
	}
	return err
}

// configFinding says how the configuration stands, and which region it names; the
// configuration is nil if it cannot be read.
func configFinding(c *cli.Context) ([]app.Finding, *config.Config, string) {
	region := c.String("region")
	cfg, err := config.Load(c.String("config"))
	if err != nil {
		return []app.Finding{{Name: "configuration", Standing: app.FoundMissing, Detail: err.Error(), Hint: fault.HintOf(err)}}, nil, region
	}
	if region == "" {
		region = cfg.Region
	}
	return []app.Finding{{Name: "configuration", Standing: app.FoundOK, Detail: cfg.File}}, cfg, region
}
