package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/pipelines"
)

func pipelineCommand() *cli.Command {
	github := command(spec{
		name: "github", usage: "print a GitHub Actions workflow that runs the stages as jobs", args: "[image]", max: 1,
		examples: []string{"rehydrate pipeline render github --role arn:aws:iam::111122223333:role/rehydrate web > .github/workflows/rehydrate.yml"},
		flags: []cli.Flag{
			configFlag, regionFlag,
			&cli.StringFlag{Name: "role", Usage: "`ARN` of the role that the jobs assume through OpenID Connect"},
			&cli.StringFlag{Name: "cron", Value: pipelines.Monthly, Usage: "when it runs by itself: five `FIELDS`, UTC"},
			&cli.StringFlag{Name: "environment", Usage: "GitHub `ENVIRONMENT` whose protection rules are the approvals (default: production)"},
			&cli.StringFlag{Name: "version", Value: "v" + Version, Usage: "`VERSION` of rehydrate to install"},
			&cli.StringFlag{Name: "runs-on", Usage: "`LABEL` of the runners (default: ubuntu-24.04; a bake over SSH needs one that reaches the build instance)"},
			&cli.StringFlag{Name: "bucket", Usage: "`BUCKET` that keeps the state from run to run (default: the configuration's artifacts bucket)"},
		},
		run: func(c *cli.Context) error {
			cfg, err := config.Load(c.String("config"))
			if err != nil {
				return err
			}
			if c.String("role") == "" {
				return fault.New(fault.Usage, "add --role ARN", "pipeline render github: the jobs need a role to assume, and --role names none")
			}
			image, err := imageOf(c, cfg)
			if err != nil {
				return err
			}
			region := c.String("region")
			if region == "" {
				region = cfg.Region
			}
			bucket := c.String("bucket")
			if bucket == "" {
				bucket = cfg.Artifacts.Bucket
			}
			out, err := pipelines.RenderGitHub(pipelines.GitHub{
				Image: image.Label, Config: c.String("config"), Region: region, Role: c.String("role"),
				Cron: c.String("cron"), Environment: c.String("environment"), Version: c.String("version"),
				RunsOn: c.String("runs-on"), Bucket: bucket,
			})
			if err != nil {
				return err
			}
			_, err = c.App.Writer.Write(out)
			return err
		},
	})
	render := &cli.Command{Name: "render", Usage: "print the files for a CI host", Subcommands: []*cli.Command{github}, HideHelpCommand: true}
	return &cli.Command{Name: "pipeline", Usage: "files for CI hosts", Subcommands: []*cli.Command{render}, HideHelpCommand: true}
}
