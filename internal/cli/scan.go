package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

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
			&cli.BoolFlag{Name: "fetch", Usage: "read RPM repositories, which the target has no metadata of, from their own addresses"},
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

// collect is how much the heap may grow before garbage is collected, in percent of
// what lives: reading 50 MB of package lists leaves much garbage and keeps little.
const collect = 400

func scan(c *cli.Context) error {
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(collect))
	}
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
	if c.NArg() != 1 || c.Args().First() == "" {
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
