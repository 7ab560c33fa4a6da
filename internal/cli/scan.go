package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
)

func scanCommand() *cli.Command {
	return command(spec{
		name: "scan", usage: "say what is installed on a root folder, disk image, snapshot or AMI, and how it stands", args: "<target>", max: 1,
		examples: []string{"rehydrate scan --inventory-only /", "rehydrate scan --baseline AWS-DebianDefaultPatchBaseline disk.raw", "rehydrate scan --lock lock.json ami-0123456789abcdef0"},
		codes:    "10 not compliant, or unknown",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "baseline", Usage: "judge by this `BASELINE`: a label of the configuration, one of AWS's own, or a file"},
			&cli.BoolFlag{Name: "apt-approval-delay", Usage: "honour approval delays on Debian and Ubuntu (an extension)"},
			&cli.StringFlag{Name: "lock", Usage: "compare with this lock `FILE`"},
			&cli.BoolFlag{Name: "inventory-only", Usage: "list packages, judge nothing"},
			configFlag, stateFlag, regionFlag, twinFlag, worldFlag, setFlag, outputFlag,
		},
		run: scan,
	})
}

func scan(c *cli.Context) error {
	if c.NArg() != 1 {
		return fault.New(fault.Usage, "see `rehydrate scan --help`", "scan what? name a root folder, a disk image, snap-... or ami-...")
	}
	in := app.ScanRequest{Target: c.Args().First(), Now: time.Now().UTC(), InventoryOnly: c.Bool("inventory-only"),
		Options: baseline.Options{AptApprovalDelay: c.Bool("apt-approval-delay")}}
	if name := c.String("baseline"); name != "" {
		f, err := newShelf(c).one(name, "")
		if err != nil {
			return err
		}
		in.Baseline = f.Baseline
		in.Options.AptApprovalDelay = in.Options.AptApprovalDelay || f.AptApprovalDelay
	}
	if name := c.String("lock"); name != "" {
		data, err := os.ReadFile(name)
		if err == nil {
			in.Lock = &baseline.Lock{}
			err = json.Unmarshal(data, in.Lock)
		}
		if err != nil {
			return fault.As(fmt.Errorf("read lock %s: %w", name, err), fault.Usage, "")
		}
	}
	state, err := app.OpenState(c.String("state"))
	if err != nil {
		return err
	}
	in.Cloud = func(ctx context.Context) (*app.Cloud, error) {
		cfg, err := configIfThere(c)
		if err != nil {
			return nil, err
		}
		return openCloud(c, &setup{cfg: cfg, state: state})
	}
	s, err := app.RunScan(c.Context, in)
	if err != nil {
		return err
	}
	if c.String("output") == "json" {
		err = writeJSON(c, s)
	} else {
		err = scanTable(c.App.Writer, s, in.InventoryOnly || in.Baseline == nil && in.Lock == nil)
	}
	if err == nil && (s.Standing == app.StandsNonCompliant || s.Standing == app.StandsUnknown) {
		return cli.Exit("", fault.GateSaysNo.ExitCode())
	}
	return err
}

// configIfThere reads the configuration for its region and twin; a scan needs none,
// so only a file that was named must be there.
func configIfThere(c *cli.Context) (*config.Config, error) {
	name := c.String("config")
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) && !c.IsSet("config") {
		return &config.Config{}, nil
	}
	return config.Load(name)
}

func scanTable(out io.Writer, s *app.Scan, list bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\t%s\t%s\t%d packages\t%s\n", s.Target, s.Kind, s.Inventory.Product, len(s.Inventory.Installed), s.Standing)
	if s.Reason != "" {
		fmt.Fprintf(w, "unknown: %s\n", s.Reason)
	}
	if list {
		for _, p := range s.Inventory.Installed {
			fmt.Fprintf(w, "%s\t%s\t%s\n", p.Name, p.Arch, baseline.FullVersion(s.Inventory.OS, p.Package))
		}
	}
	if s.Evaluation != nil {
		for _, i := range s.Evaluation.Items {
			if i.State != baseline.StateInstalled && i.State != baseline.StateInstalledOther {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", i.State, i.ID, i.Installed, i.Version, i.Rule)
			}
		}
	}
	for _, f := range s.Findings {
		if f.Standing != "exact" {
			fmt.Fprintf(w, "lock: %s\t%s\t%s\twants %s\n", f.Standing, f.Name, f.Installed, f.Version)
		}
	}
	for _, r := range s.Remarks {
		fmt.Fprintf(w, "note: %s\n", r)
	}
	if s.Read.Blocks > 0 {
		fmt.Fprintf(w, "read %d of %d blocks, %.1f MB, in %d ms\n", s.Read.Blocks, s.Read.Total, float64(s.Read.Bytes)/1e6, s.Read.MS)
	}
	return w.Flush()
}
