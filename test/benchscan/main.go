//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
)

// group prepares the rows of one file. Whatever it makes it leaves in env.Cache or
// removes through env.OnExit.
type group struct {
	name string
	rows func(context.Context, *Env) ([]Row, error)
}

// groups are the rows that there are, in the order of the table.
func groups() []group {
	return []group{
		{"debian", debianRows},
		{"node", nodeRows},
		{"image", imageRows},
		{"rpm", rpmRows},
	}
}

func main() {
	var names []string
	for _, g := range groups() {
		names = append(names, g.name)
	}
	rows := flag.String("rows", strings.Join(names, ","), "groups of rows to measure")
	runs := flag.Int("runs", 10, "measured runs of each side")
	flag.Parse()
	wanted := strings.Split(*rows, ",")
	for _, name := range wanted {
		if !slices.Contains(names, name) || flag.NArg() > 0 || *runs < 1 {
			fmt.Fprintf(os.Stderr, "benchscan: -rows takes %s; -runs a number from 1\n", strings.Join(names, ","))
			os.Exit(2)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := bench(ctx, wanted, *runs, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "benchscan: %v\n", err)
		os.Exit(1)
	}
}

// bench measures the wanted groups and prints the table.
func bench(ctx context.Context, wanted []string, runs int, out, log io.Writer) (err error) {
	env, err := newEnv(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, env.close()) }()
	var results []*result
	var bad []string
	for _, g := range groups() {
		if !slices.Contains(wanted, g.name) {
			continue
		}
		fmt.Fprintf(log, "prepare %s\n", g.name)
		rows, err := g.rows(ctx, env)
		if err != nil {
			fmt.Fprintf(out, "not measured: %s: %v\n", g.name, err)
			if _, ok := errors.AsType[missing](err); !ok || os.Getenv("REQUIRE_ALL") == "1" {
				bad = append(bad, g.name+" was not measured")
			}
			continue
		}
		for _, row := range rows {
			fmt.Fprintf(log, "measure %s\n", row.Task)
			r := measure(ctx, row, runs)
			results = append(results, r)
			if r.failed() {
				bad = append(bad, r.Task+": "+r.verdict())
			}
		}
	}
	if err := table(out, results); err != nil {
		return err
	}
	if len(bad) > 0 {
		return errors.New(strings.Join(bad, "; "))
	}
	return nil
}

// table prints a line for each row, and below it what the sides do in addition and
// how far the runs were apart.
func table(out io.Writer, results []*result) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TASK\tOURS\tPEER\tRATIO\tBAR\t")
	for _, r := range results {
		peer, ratio := "-", "-"
		if len(r.peer) > 0 {
			peer = figure(r.peer, r.Unit)
			ratio = fmt.Sprintf("%.2f×", median(r.peer)/median(r.ours))
			if r.Bar.kind == "within" {
				ratio = fmt.Sprintf("%.2f× its time", median(r.ours)/median(r.peer))
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Task, figure(r.ours, r.Unit), peer, ratio, r.Bar.text(r.Unit), r.verdict())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	said := map[string]bool{}
	for _, r := range results {
		for _, s := range []Side{r.Ours, r.Peer} {
			if line := s.Name + ": " + s.Also; s.Also != "" && !said[line] {
				said[line] = true
				fmt.Fprintf(out, "  %s\n", line)
			}
		}
		for i, d := range r.differ {
			if i == 10 {
				fmt.Fprintf(out, "  ! and %d more\n", len(r.differ)-i)
				break
			}
			fmt.Fprintf(out, "  ! %s: %s\n", r.Task, d)
		}
	}
	return nil
}

// figure is a median with the range of its runs.
func figure(v []float64, unit string) string {
	if len(v) == 0 {
		return "-"
	}
	if v[0] == v[len(v)-1] {
		return fmt.Sprintf("%.4g %s", v[0], unit)
	}
	return fmt.Sprintf("%.4g %s (%.4g–%.4g)", median(v), unit, v[0], v[len(v)-1])
}

func (r *result) verdict() string {
	switch {
	case r.err != nil:
		return "FAILED: " + r.err.Error()
	case len(r.differ) > 0:
		return fmt.Sprintf("ANSWERS DIFFER in %d", len(r.differ))
	case !r.Bar.met(median(r.ours), median(r.peer)):
		return "BAR MISSED"
	case r.Bar.kind == "":
		return ""
	}
	return "met"
}
