package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/policy"
)

func lockCommand() *cli.Command {
	return &cli.Command{
		Name: "lock", Usage: "look at patch locks: baselines evaluated once",
		Subcommands: []*cli.Command{lockShow(), lockDiff()}, HideHelpCommand: true,
	}
}

var lockOutputs = []string{"table", "json", "install-list", "override-list", "baseline-override"}

func lockShow() *cli.Command {
	cmd := command(spec{
		name: "show", usage: "show what a lock installs, and why each package", args: "<file>", max: 1,
		examples: []string{
			"rehydrate lock show lock.json", "rehydrate lock show --output json - < lock.json",
			"apt-get install $(rehydrate lock show --output install-list lock.json)",
		},
		flags: []cli.Flag{formatFlag(lockOutputs...)},
		run: func(c *cli.Context) error {
			if err := errors.Join(checkOutput(c, lockOutputs...), need(c, 1, "a lock")); err != nil {
				return err
			}
			l, err := readLock(c.Args().First(), c.App.Reader)
			if err != nil {
				return err
			}
			return showLock(c, l)
		},
	})
	cmd.Description += "\n\ninstall-list is for the package manager of the lock's system; override-list is an\nInstallOverrideList (YAML) and baseline-override a BaselineOverride for AWS-RunPatchBaseline,\nboth weaker than the lock."
	return cmd
}

func readLock(name string, in io.Reader) (*baseline.Lock, error) {
	var data []byte
	var err error
	if name == "-" {
		data, err = io.ReadAll(in)
	} else {
		data, err = os.ReadFile(name)
	}
	var l *baseline.Lock
	if err == nil {
		l, err = baseline.ParseLock(data)
	}
	if err != nil {
		return nil, fault.As(fmt.Errorf("read lock %s: %w", name, err), fault.Usage, "")
	}
	return l, nil
}

func showLock(c *cli.Context, l *baseline.Lock) error {
	out := c.App.Writer
	switch c.String("output") {
	case "json":
		return encodeJSON(out, l)
	case "install-list":
		for _, s := range l.InstallList() {
			fmt.Fprintln(out, s)
		}
		return nil
	case "override-list":
		_, err := out.Write(l.InstallOverrideList().YAML())
		return err
	case "baseline-override":
		list, err := l.BaselineOverride()
		if err != nil {
			return fault.As(err, fault.Usage, "use --output override-list, or the lock itself")
		}
		all := make([]found, len(list))
		for i := range list {
			all[i] = found{Policy: policy.Policy{Baseline: &list[i]}}
		}
		return export(out, policy.Override, all)
	}
	return lockTable(c, l)
}

func lockTable(c *cli.Context, l *baseline.Lock) error {
	out := c.App.Writer
	fmt.Fprintf(out, "%s %s (%s), by baseline %s (%s) at %s\n", l.Product, l.Arch, l.OS, l.Baseline, l.BaselineDigest, l.EvaluatedAt.UTC().Format(time.RFC3339))
	if len(l.Extensions) > 0 {
		fmt.Fprintf(out, "extensions that SSM does not have: %s\n", strings.Join(l.Extensions, ", "))
	}
	for _, r := range l.Repositories {
		fmt.Fprintf(out, "from %s, index %s%s\n", r.URL, orUnknown(r.IndexSHA256), verifiedWords(r))
	}
	w := table(c)
	fmt.Fprintln(w, "PACKAGE\tFROM → TO\tRULE\tLEVEL\tCVES")
	cves := map[string]bool{}
	for _, p := range l.Packages {
		from := p.From
		if from == "" {
			from = "new"
		}
		for _, v := range p.CVEs {
			cves[v] = true
		}
		fmt.Fprintf(w, "%s\t%s → %s\t%s\t%s\t%s\n", baseline.ItemID(l.OS, p.Package), from, baseline.FullVersion(l.OS, p.Package), p.Rule, p.ComplianceLevel, strings.Join(p.CVEs, " "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range l.Skipped {
		fmt.Fprintf(out, "skipped: %s stays at %s: %s\n", baseline.ItemID(l.OS, s.Package), s.From, s.Reason)
	}
	_, err := fmt.Fprintf(out, "%d package%s, %d CVE%s, lock %s\n", len(l.Packages), plural(len(l.Packages)), len(cves), plural(len(cves)), l.Digest())
	return err
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func verifiedWords(r baseline.Repository) string {
	if r.Verified {
		return ", signature checked"
	}
	return ", signature not checked"
}

func lockDiff() *cli.Command {
	return command(spec{
		name: "diff", usage: "say in words what differs between two locks", args: "<old> <new>", max: 2,
		examples: []string{"rehydrate lock diff last-week.json today.json", "rehydrate lock diff --output json a.json b.json"},
		flags:    []cli.Flag{formatFlag("table", "json")},
		run: func(c *cli.Context) error {
			if err := errors.Join(checkOutput(c, "table", "json"), need(c, 2, "two locks")); err != nil {
				return err
			}
			a, errA := readLock(c.Args().Get(0), c.App.Reader)
			b, errB := readLock(c.Args().Get(1), c.App.Reader)
			if err := errors.Join(errA, errB); err != nil {
				return fault.As(err, fault.Usage, "")
			}
			d := baseline.DiffLocks(a, b)
			if c.String("output") == "json" {
				return encodeJSON(c.App.Writer, d)
			}
			_, err := fmt.Fprintln(c.App.Writer, d)
			return err
		},
	})
}
