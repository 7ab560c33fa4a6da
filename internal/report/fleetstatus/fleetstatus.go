// Package fleetstatus renders how old the images of fleets are.
package fleetstatus

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// Formats are the names that Write knows.
func Formats() []string { return []string{"table", "json", "html"} }

// Write renders the status in a format.
func Write(w io.Writer, format string, s *record.FleetStatus) error {
	var err error
	switch format {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		err = enc.Encode(s)
	case "html":
		err = html(w, s)
	case "table":
		err = table(w, s)
	default:
		return fault.New(fault.Usage, "", "unknown format %q: one of %s", format, strings.Join(Formats(), ", "))
	}
	if err != nil {
		return fmt.Errorf("write the fleets' status as %s: %w", format, err)
	}
	return nil
}

func table(out io.Writer, s *record.FleetStatus) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "FLEET\tRING\tINSTANCES\tCURRENT\tSTALE\tREVOKED\tAGE p50 / p95 / MAX\tSUPERSEDED")
	for _, d := range deadlines(s) {
		fmt.Fprintf(w, "\t%d DAYS", d)
	}
	fmt.Fprintln(w)
	for _, f := range s.Fleets {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%d\t%s\t%s", plain(f.Fleet), plain(f.Ring), instances(f), f.Current, stale(f), f.Revoked, age(f), supersededOf(f, s.At))
		for _, d := range f.Deadlines {
			fmt.Fprintf(w, "\t%s", forecast(d, s.At))
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, m := range s.Modelled {
		fmt.Fprintf(out, "modelled: %s\n", plain(m))
	}
	for _, u := range s.Unknown {
		if _, err := fmt.Fprintf(out, "not known: %s\n", plain(u)); err != nil {
			return err
		}
	}
	return nil
}

//go:embed page.html.tmpl
var page string

// html writes one page that needs nothing from outside and has no script.
func html(w io.Writer, s *record.FleetStatus) error {
	t, err := template.New("status").Funcs(template.FuncMap{
		"age": age, "at": at, "instances": instances, "stale": stale, "superseded": func(f record.FleetAges) string { return supersededOf(f, s.At) },
		"bars": bars, "forecast": func(d record.Deadline) string { return forecast(d, s.At) },
		"since": func(t time.Time) string { return superseded(t, s.At) },
		"days":  func(t time.Time) string { return fmt.Sprintf("%.1f", s.At.Sub(t).Hours()/24) },
		"late":  func(d record.Deadline) bool { return d.Passed > 0 },
		"total": func(of string) int { return total(s, of) },
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("parse the page: %w", err)
	}
	return t.Execute(w, s)
}

func total(s *record.FleetStatus, of string) int {
	n := 0
	for _, f := range s.Fleets {
		n += map[string]int{"instances": f.Instances, "current": f.Current, "stale": f.Stale, "revoked": f.Revoked, "unknown": f.Unknown, "undetermined": f.Undetermined}[of]
	}
	return n
}

// bar is a bucket of ages, in hundredths of the fleet.
type bar struct {
	Text      string
	X, Width  float64
	Class     string
	Instances int
}

// bars are the buckets of a fleet beside each other; those of unknown age come last.
func bars(f record.FleetAges) []bar {
	var out []bar
	x := 0.0
	add := func(text, class string, n int) {
		if n == 0 || f.Instances == 0 {
			return
		}
		w := 100 * float64(n) / float64(f.Instances)
		out = append(out, bar{text, x, w, class, n})
		x += w
	}
	for n, b := range f.Spread {
		text := fmt.Sprintf("%d days and more", b.Days)
		if n+1 < len(f.Spread) {
			text = fmt.Sprintf("%d to %d days", b.Days, f.Spread[n+1].Days)
		}
		add(text, fmt.Sprintf("a%d", min(n, 4)), b.Instances)
	}
	add("unknown age", "unknown", f.Unknown)
	return out
}
