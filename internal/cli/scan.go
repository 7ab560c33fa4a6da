package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/app"
	"github.com/goldenami/rehydrate/internal/config"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
	scanreport "github.com/goldenami/rehydrate/internal/report/scan"
)

func scanCommand() *cli.Command {
	formats := strings.Join(scanreport.Formats(), ", ")
	return command(spec{
		name: "scan", usage: "say what is installed on a root folder, disk image, snapshot, AMI or instance, what is pending, and how it stands; changes nothing", args: "<target>", max: 1,
		examples: []string{
			"rehydrate scan /", "rehydrate scan --inventory-only --output cyclonedx / > sbom.json",
			"rehydrate scan --baseline AWS-DebianDefaultPatchBaseline --max-age 48h /srv/root",
			"rehydrate scan --lock lock.json ami-0123456789abcdef0",
			"rehydrate scan --baseline debian --metadata node-report.json --report html=scan.html --report sarif=scan.sarif snap-0123456789abcdef0",
			"rehydrate scan --baseline debian i-0123456789abcdef0", "rehydrate scan --depth digest --yes disk.qcow2",
			"rehydrate scan --from scan.json --output html > scan.html",
		},
		codes: "4 permissions, 10 not compliant, or unknown",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "baseline", Usage: "judge by this `BASELINE`: a label of the configuration, one of AWS's own, or a file"},
			&cli.BoolFlag{Name: "apt-approval-delay", Usage: "honour approval delays on Debian and Ubuntu (an extension)"},
			&cli.StringFlag{Name: "lock", Usage: "compare with this lock `FILE`"},
			&cli.StringFlag{Name: "metadata", Usage: "take what sources offer from this node report `FILE`, where the target has no package lists"},
			&cli.BoolFlag{Name: "inventory-only", Usage: "list packages, look for no updates and judge nothing"},
			&cli.StringFlag{Name: "depth", Value: record.DepthPackages, Usage: "read packages, metadata (users, setuid files, services, sizes) or digest (every file): `DEPTH`"},
			&cli.DurationFlag{Name: "max-age", Usage: "an index older than this `DURATION`, by its own date, says nothing about updates"},
			&cli.StringSliceFlag{Name: "keyring", Usage: "trust the keys of this keyring `FILE` for indices, and no others; may be repeated"},
			&cli.StringSliceFlag{Name: "report", Usage: "write a report to a file too: `FORMAT=FILE`; may be repeated"},
			&cli.StringFlag{Name: "from", Usage: "scan nothing: render this JSON report `FILE` again (- is standard input)"},
			&cli.StringFlag{Name: "bucket", Usage: "`BUCKET` through which an instance gets its program, over the configuration's"},
			&cli.StringFlag{Name: "output", Value: "table", Usage: "`FORMAT` of the result: " + formats, EnvVars: []string{"REHYDRATE_OUTPUT"}},
			configFlag, stateFlag, regionFlag, twinFlag, worldFlag, setFlag, yesFlag, eventsFlag,
		},
		run: scan,
	})
}

func scan(c *cli.Context) error {
	out, err := scanOutputs(c)
	if err != nil {
		return err
	}
	s, err := scanned(c)
	if err != nil {
		return err
	}
	if err := out.write(c.App.Writer, s); err != nil {
		return err
	}
	if s.Standing != record.StandsCompliant && s.Standing != record.StandsInventory {
		return cli.Exit("", fault.GateSaysNo.ExitCode())
	}
	return nil
}

// scanned is the target's report, or the one that was saved.
func scanned(c *cli.Context) (*record.Scan, error) {
	if name := c.String("from"); name != "" {
		if c.NArg() > 0 {
			return nil, fault.New(fault.Usage, "leave one of them out", "--from renders a saved report, and %s is a target", c.Args().First())
		}
		return savedScan(c.App.Reader, name)
	}
	if c.NArg() != 1 {
		return nil, fault.New(fault.Usage, "see `rehydrate scan --help`", "scan what? name a root folder, a disk image, snap-..., ami-... or i-...")
	}
	in, err := scanRequest(c)
	if err != nil {
		return nil, err
	}
	return app.RunScan(c.Context, in)
}

func savedScan(in io.Reader, name string) (*record.Scan, error) {
	var data []byte
	var err error
	if name == "-" {
		data, err = io.ReadAll(in)
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fault.As(fmt.Errorf("read scan report: %w", err), fault.Usage, "")
	}
	return app.LoadScan(data)
}

func scanRequest(c *cli.Context) (app.ScanRequest, error) {
	in := app.ScanRequest{Target: c.Args().First(), Tool: "rehydrate " + Version, Now: time.Now().UTC(), InventoryOnly: c.Bool("inventory-only"),
		Options: baseline.Options{AptApprovalDelay: c.Bool("apt-approval-delay")}, Depth: c.String("depth"), MaxAge: c.Duration("max-age")}
	if in.MaxAge < 0 {
		return in, fault.New(fault.Usage, "write it as 48h", "--max-age %s: an age is not negative", in.MaxAge)
	}
	switch in.Depth {
	case record.DepthPackages, record.DepthMetadata, record.DepthDigest:
	default:
		return in, fault.New(fault.Usage, "", "unknown --depth %q: packages, metadata or digest", in.Depth)
	}
	if in.InventoryOnly && (c.String("baseline") != "" || c.String("lock") != "" || c.String("metadata") != "") {
		return in, fault.New(fault.Usage, "leave it out to judge", "--inventory-only judges nothing: it goes with neither --baseline nor --lock nor --metadata")
	}
	if err := scanJudges(c, &in); err != nil {
		return in, err
	}
	for _, name := range c.StringSlice("keyring") {
		data, err := os.ReadFile(name)
		if err != nil {
			return in, fault.As(fmt.Errorf("read keyring: %w", err), fault.Usage, "")
		}
		in.Keyrings = append(in.Keyrings, data)
	}
	in.Confirm = func(what string) error { return confirmReading(c, what) }
	return in, scanCloud(c, &in)
}

// scanJudges reads what the target is judged by.
func scanJudges(c *cli.Context, in *app.ScanRequest) error {
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
		if err == nil && in.Lock.Schema == 0 {
			err = errors.New("it is no lock")
		}
		if err != nil {
			return fault.As(fmt.Errorf("read lock %s: %w", name, err), fault.Usage, "")
		}
	}
	if name := c.String("metadata"); name != "" {
		var err error
		if in.Offers, err = app.ReadOffers(name); err != nil {
			return err
		}
	}
	return nil
}

// scanCloud prepares AWS without opening it: a root or an image on this machine
// needs neither configuration nor credentials.
func scanCloud(c *cli.Context, in *app.ScanRequest) error {
	state, err := app.OpenState(c.String("state"))
	if err != nil {
		return err
	}
	events, err := sink(c)
	if err != nil {
		return err
	}
	var cfg *config.Config
	load := func() (err error) {
		if cfg == nil {
			cfg, err = configIfThere(c)
		}
		return err
	}
	in.Cloud = func(context.Context) (*app.Cloud, error) {
		if err := load(); err != nil {
			return nil, err
		}
		return openCloud(c, &setup{cfg: cfg, state: state})
	}
	in.Instance = app.InstanceScan{State: state, Events: events, Node: nodeBeside(), Bucket: c.String("bucket")}
	if strings.HasPrefix(in.Target, "i-") && in.Instance.Bucket == "" {
		if err := load(); err != nil {
			return err
		}
		in.Instance.Bucket, in.Instance.Prefix = cfg.Artifacts.Bucket, cfg.Artifacts.Prefix
	}
	return nil
}

// nodeBeside is rehydrate-node beside this program.
func nodeBeside() string {
	self, _ := os.Executable() // without it the neighbour is just not found
	return filepath.Join(filepath.Dir(self), "rehydrate-node")
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

// confirmReading shows what a depth costs; off a terminal it insists on --yes.
func confirmReading(c *cli.Context, what string) error {
	fmt.Fprintf(c.App.ErrWriter, "the digest depth will %s\n", what)
	if c.Bool("yes") {
		return nil
	}
	in, ok := terminal(c)
	if !ok {
		return fault.New(fault.Usage, "add --yes", "the digest depth would %s: nobody is here to be asked", what)
	}
	return ask(c.Context, in, c.App.ErrWriter, "It would "+what)
}
