package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
)

// judgeFlags say on what, when and how a baseline is evaluated.
func judgeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "node", Usage: "`FILE` of a node: its inventory and what its repositories offer (docs/baselines.md)"},
		&cli.StringFlag{Name: "now", Usage: "evaluate at this `TIME` (UTC), such as 2026-01-31T12:00:00Z; default: now"},
		&cli.StringSliceFlag{Name: "extension", Usage: "`NAME` of an extension that SSM does not have: " + baseline.ExtensionAptDelay},
		&cli.StringSliceFlag{Name: "switch", Usage: "`NAME=VALUE` of a compatibility switch, such as date=issued; may be repeated"},
	}
}

// judge is everything an evaluation needs besides the baseline.
type judge struct {
	node    baseline.Node
	now     time.Time
	options baseline.Options
}

func newJudge(c *cli.Context, f found) (*judge, error) {
	j := &judge{now: time.Now().UTC(), options: f.options()}
	var faults []error
	fail := func(err error) { faults = append(faults, err) }
	if s := c.String("now"); s != "" {
		var ok bool
		if j.now, ok = parseNow(s); !ok {
			fail(fmt.Errorf("--now is %q; write a time such as 2026-01-31T12:00:00Z", s))
		}
	}
	for _, e := range c.StringSlice("extension") {
		if e != baseline.ExtensionAptDelay {
			fail(fmt.Errorf("--extension is %q; there is %s", e, baseline.ExtensionAptDelay))
		}
		j.options.AptApprovalDelay = true
	}
	var err error
	if j.options.Switches, err = switches(c.StringSlice("switch")); err != nil {
		fail(err)
	}
	if j.node, err = readNode(c.String("node"), c.App.Reader); err != nil {
		fail(err)
	} else if want := orWindows(string(f.Baseline.OperatingSystem)); string(j.node.Inventory.OS) != want {
		fail(fmt.Errorf("inventory.os of the node is %q, but baseline %s is for %s", j.node.Inventory.OS, f.Label, want))
	}
	return j, fault.As(errors.Join(faults...), fault.Usage, "")
}

func parseNow(s string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), true
	}
	return baseline.ParseDate(s)
}

func switches(list []string) (baseline.Switches, error) {
	var out baseline.Switches
	set := map[string]string{}
	for _, s := range list {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return out, fmt.Errorf("--switch is %q; write NAME=VALUE", s)
		}
		set[name] = value
	}
	data, err := json.Marshal(set)
	if err == nil {
		err = strictJSON(data, &out)
	}
	if err == nil {
		err = out.Validate()
	}
	if err != nil {
		return out, fmt.Errorf("reading --switch: %w", err)
	}
	return out, nil
}

func strictJSON(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("unexpected text after the JSON value")
	}
	return nil
}

// readNode reads a node. An empty inventory is refused: it would be compliant with
// everything, and unknown is never compliant.
func readNode(name string, in io.Reader) (n baseline.Node, err error) {
	if name == "" {
		return n, errors.New("on which node? name its file with --node")
	}
	var data []byte
	if name == "-" {
		data, err = io.ReadAll(in)
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return n, fmt.Errorf("read node: %w", err)
	}
	if err := strictJSON(data, &n); err != nil {
		return n, fmt.Errorf("read node %s: %w", name, err)
	}
	if !n.Inventory.OS.Known() {
		return n, fmt.Errorf("read node %s: inventory.os is %q, no operating system of Patch Manager", name, n.Inventory.OS)
	}
	if len(n.Inventory.Installed) == 0 && (n.Inventory.OS != baseline.Windows || len(n.Available.Updates) == 0) {
		return n, fmt.Errorf("read node %s: inventory.installed is empty: what is installed is unknown, and unknown is never compliant", name)
	}
	return n, nil
}

var baselineFlag = &cli.StringFlag{Name: "baseline", Usage: "`BASELINE`: a predefined name, a label of the configuration, or a file"}

// subject finds the baseline and the node of a command.
func subject(c *cli.Context) (found, *judge, error) {
	ref := c.String("baseline")
	if ref == "" {
		return found{}, nil, fault.New(fault.Usage, "`rehydrate baseline list` names what there is", "by which baseline? name it with --baseline")
	}
	f, err := newShelf(c).one(ref, "")
	if err != nil {
		return f, nil, err
	}
	j, err := newJudge(c, f)
	return f, j, err
}

func baselineEval() *cli.Command {
	return command(spec{
		name: "eval", usage: "judge a node by a baseline", max: 0,
		examples: []string{
			"rehydrate baseline eval --baseline AWS-AmazonLinux2023DefaultPatchBaseline --node examples/policy/node.json",
			"rehydrate baseline eval --baseline web --node node.json --now 2026-01-31T12:00:00Z --extension apt-approval-delay --output json",
		},
		codes: "10 not compliant (with --exit-code)",
		flags: append(judgeFlags(), baselineFlag, configFlag, formatFlag("table", "json"),
			&cli.BoolFlag{Name: "all", Usage: "show what is in order too"},
			&cli.BoolFlag{Name: "exit-code", Usage: "end with 10 when the node is not compliant"}),
		run: func(c *cli.Context) error {
			if err := checkOutput(c, "table", "json"); err != nil {
				return err
			}
			f, j, err := subject(c)
			if err != nil {
				return err
			}
			r, err := baseline.Evaluate(f.Baseline, j.node, j.now, j.options)
			if err != nil {
				return fault.As(err, fault.Usage, "")
			}
			if c.String("output") == "json" {
				err = encodeJSON(c.App.Writer, r)
			} else {
				err = resultTable(c, r)
			}
			if err == nil && c.Bool("exit-code") && r.Status != baseline.Compliant {
				return cli.Exit("", fault.GateSaysNo.ExitCode())
			}
			return err
		},
	})
}

func resultTable(c *cli.Context, r *baseline.Result) error {
	w := table(c)
	fmt.Fprintln(w, "STATE\tPACKAGE\tINSTALLED\tVERSION\tLEVEL\tRULE\tCVES")
	for _, i := range r.Items {
		if !c.Bool("all") && (i.State == baseline.StateInstalled || i.State == baseline.StateInstalledOther) {
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i.State, i.ID, i.Installed, i.Version, i.ComplianceLevel, i.Rule, strings.Join(i.CVEs, " "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, n := range r.Notes {
		fmt.Fprintf(c.App.Writer, "note: %s\n", n)
	}
	k := r.Counts
	_, err := fmt.Fprintf(c.App.Writer, "%s: %d installed, %d other, %d missing, %d failed, %d rejected, %d pending reboot, %d not applicable, %d available security updates\n",
		r.Status, k.InstalledCount, k.InstalledOtherCount, k.MissingCount, k.FailedCount, k.InstalledRejectedCount,
		k.InstalledPendingRebootCount, k.NotApplicableCount, k.AvailableSecurityUpdateCount)
	return err
}
