package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/policy"
)

func encodeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func baselineDiff() *cli.Command {
	return command(spec{
		name: "diff", usage: "say in words what differs between two baselines", args: "<a> <b>", max: 2,
		examples: []string{
			"rehydrate baseline diff AWS-AmazonLinux2023DefaultPatchBaseline policy.json",
			"rehydrate baseline diff --node node.json old.tf new.tf   # and what that changes on a node",
		},
		flags: append(judgeFlags(), configFlag, formatFlag("table", "json")),
		run: func(c *cli.Context) error {
			if err := errors.Join(checkOutput(c, "table", "json"), need(c, 2, "two baselines")); err != nil {
				return err
			}
			s := newShelf(c)
			a, errA := s.one(c.Args().Get(0), "")
			b, errB := s.one(c.Args().Get(1), "")
			if err := errors.Join(errA, errB); err != nil {
				return fault.As(err, fault.Usage, fault.HintOf(err))
			}
			out := struct {
				Changes []policy.Change `json:"changes"`
				Node    []moved         `json:"node,omitempty"`
			}{Changes: append([]policy.Change{}, policy.Diff(a.Baseline, b.Baseline)...)}
			if c.String("node") != "" {
				var err error
				if out.Node, err = compareOn(c, a, b); err != nil {
					return err
				}
			}
			if c.String("output") == "json" {
				return encodeJSON(c.App.Writer, out)
			}
			for _, d := range out.Changes {
				fmt.Fprintln(c.App.Writer, d.Words)
			}
			for _, m := range out.Node {
				fmt.Fprintf(c.App.Writer, "on the node: %s: %s → %s\n", m.ID, m.From, m.To)
			}
			if len(out.Changes) == 0 {
				fmt.Fprintln(c.App.Writer, "no difference")
			}
			return nil
		},
	})
}

// moved is a package that two baselines judge differently.
type moved struct {
	ID   string `json:"id"`
	From string `json:"from"`
	To   string `json:"to"`
}

func compareOn(c *cli.Context, a, b found) ([]moved, error) {
	states := map[string]string{}
	var order []string
	out := []moved{}
	for i, f := range []found{a, b} {
		j, err := newJudge(c, f)
		if err != nil {
			return nil, err
		}
		r, err := baseline.Evaluate(f.Baseline, j.node, j.now, j.options)
		if err != nil {
			return nil, fault.As(err, fault.Usage, "")
		}
		for _, it := range r.Items {
			s := strings.TrimSpace(string(it.State) + " " + it.Version)
			if i == 0 {
				states[it.ID] = s
				order = append(order, it.ID)
				continue
			}
			if was, ok := states[it.ID]; !ok || was != s {
				out = append(out, moved{it.ID, orNothing(was), s})
			}
			delete(states, it.ID)
		}
	}
	for _, id := range order {
		if was, left := states[id]; left {
			out = append(out, moved{id, was, orNothing("")})
		}
	}
	return out, nil
}

func orNothing(s string) string {
	if s == "" {
		return "not reported"
	}
	return s
}

// formatLines describe the formats in help.
func formatLines() string {
	var lines []string
	for _, a := range policy.Formats() {
		lines = append(lines, fmt.Sprintf("%s (%s)", a.Format, a.Text))
	}
	return strings.Join(lines, "; ")
}

func baselineImport() *cli.Command {
	cmd := command(spec{
		name: "import", usage: "read baselines from elsewhere and print them as the API's JSON, or in another format", args: "[format] <file>", max: 2,
		examples: []string{
			"rehydrate baseline import main.tf", "terraform show -json plan.out | rehydrate baseline import plan -",
			"rehydrate baseline import --to hcl cloudformation template.yaml", "rehydrate baseline import override baseline_overrides.json",
		},
		flags: []cli.Flag{&cli.StringFlag{Name: "to", Value: string(policy.API), Usage: "`FORMAT` to print"}},
		run:   importBaselines,
	})
	cmd.Description += "\n\nFormats: " + formatLines() + ".\nWithout a format it is guessed from what stands in the file."
	return cmd
}

func importBaselines(c *cli.Context) error {
	if err := need(c, 1, "a file, and a format where it cannot be guessed"); err != nil {
		return err
	}
	name := c.Args().Get(c.NArg() - 1)
	to, err := policy.ParseFormat(c.String("to"))
	if err != nil {
		return err
	}
	var data []byte
	if name == "-" {
		name = "standard input"
		data, err = io.ReadAll(c.App.Reader)
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return fault.As(fmt.Errorf("read baselines: %w", err), fault.Usage, "")
	}
	var from policy.Format
	if c.NArg() == 2 {
		from, err = policy.ParseFormat(c.Args().First())
	} else {
		from, err = policy.Guess(name, data)
	}
	if err != nil {
		return err
	}
	list, err := policy.Import(from, name, data)
	if err != nil {
		return err
	}
	var all []found
	for _, p := range list {
		for _, n := range p.Notes {
			fmt.Fprintf(c.App.ErrWriter, "note: %s\n", n)
		}
		if p.AptApprovalDelay && to != policy.HCL {
			fmt.Fprintf(c.App.ErrWriter, "note: %s: the extension apt_approval_delay is not in the API and is left out\n", p.Label)
		}
		all = append(all, found{p, name})
	}
	return export(c.App.Writer, to, all)
}

func baselineExport() *cli.Command {
	cmd := command(spec{
		name: "export", usage: "write baselines in another format", args: "<format> <name|file>...", max: anyNumber,
		examples: []string{
			"rehydrate baseline export terraform AWS-DebianDefaultPatchBaseline", "rehydrate baseline export hcl policy.json >> rehydrate.hcl",
			"rehydrate baseline export awscli web > web.json && aws ssm create-patch-baseline --cli-input-json file://web.json",
		},
		flags: []cli.Flag{configFlag},
		run: func(c *cli.Context) error {
			if err := need(c, 2, "a format and a baseline"); err != nil {
				return err
			}
			to, err := policy.ParseFormat(c.Args().First())
			if err != nil {
				return err
			}
			s := newShelf(c)
			var all []found
			var faults []error
			for _, ref := range c.Args().Tail() {
				got, err := s.find(ref, "")
				if err != nil {
					faults = append(faults, err)
				}
				all = append(all, got...)
			}
			if err := errors.Join(faults...); err != nil {
				return fault.As(err, fault.Usage, fault.HintOf(err))
			}
			return export(c.App.Writer, to, all)
		},
	})
	cmd.Description += "\n\nFormats: " + formatLines() + "."
	return cmd
}

func export(w io.Writer, to policy.Format, all []found) error {
	var list []*baseline.Baseline
	for _, f := range all {
		list = append(list, f.Baseline)
	}
	text, err := policy.Export(to, list)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
