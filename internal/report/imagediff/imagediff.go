// Package imagediff renders what changed between two images, for people and machines.
package imagediff

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// Formats are the names that Write knows.
func Formats() []string { return []string{"table", "json", "md", "html"} }

// Known is an error of kind Usage for a format that Write does not know.
func Known(format string) error {
	for _, f := range Formats() {
		if f == format {
			return nil
		}
	}
	return fault.New(fault.Usage, "", "unknown format %q: one of %s", format, strings.Join(Formats(), ", "))
}

// Write renders the comparison in a format.
func Write(w io.Writer, format string, d *record.ImageDiff) error {
	if err := Known(format); err != nil {
		return err
	}
	var err error
	switch format {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		err = enc.Encode(d)
	case "md":
		err = markdown(w, d)
	case "html":
		err = html(w, d)
	default:
		err = table(w, d)
	}
	if err != nil {
		return fmt.Errorf("write the comparison as %s: %w", format, err)
	}
	return nil
}

// table writes for a terminal.
func table(out io.Writer, d *record.ImageDiff) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "from\t%s\nto\t%s\n", plain(sideText(d.From)), plain(sideText(d.To)))
	if err := w.Flush(); err != nil {
		return err
	}
	for _, m := range d.Modelled {
		fmt.Fprintf(w, "modelled: %s\n", plain(m))
	}
	fmt.Fprintln(w, plain(verdict(d)))
	for _, s := range sections(d, shown) {
		fmt.Fprintf(w, "\n%s\n", s.Title)
		for _, r := range s.Rows {
			for i := range r {
				r[i] = plain(r[i])
			}
			fmt.Fprintf(w, "  %s\n", strings.Join(r, "\t"))
		}
		if s.More > 0 {
			fmt.Fprintf(w, "  and %d more (--output json has them all)\n", s.More)
		}
		if err := w.Flush(); err != nil { // each section has columns of its own
			return err
		}
	}
	for _, u := range d.Unknown {
		fmt.Fprintf(w, "not known: %s\n", plain(u))
	}
	return w.Flush()
}

// markdown writes for a pull request, a step summary or a ticket.
func markdown(w io.Writer, d *record.ImageDiff) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", md(verdict(d)))
	fmt.Fprintf(&b, "- from %s\n- to %s\n", md(sideText(d.From)), md(sideText(d.To)))
	if len(d.Modelled) > 0 {
		fmt.Fprintf(&b, "\n> **Modelled, not AWS:** %s.\n", md(strings.Join(d.Modelled, "; ")))
	}
	for _, s := range sections(d, shown) {
		fmt.Fprintf(&b, "\n## %s\n\n| %s |\n|%s\n", s.Title, strings.Join(s.Head, " | "), strings.Repeat("---|", len(s.Head)))
		for _, r := range s.Rows {
			for i := range r {
				r[i] = md(or(r[i], "–"))
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(r, " | "))
		}
		if s.More > 0 {
			fmt.Fprintf(&b, "\nAnd %d more.\n", s.More)
		}
	}
	if len(d.Unknown) > 0 {
		b.WriteString("\n## Not known\n\n")
		for _, u := range d.Unknown {
			fmt.Fprintf(&b, "- %s\n", md(u))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

//go:embed page.html.tmpl
var page string

// html writes one page that needs nothing from outside and has no script.
func html(w io.Writer, d *record.ImageDiff) error {
	t, err := template.New("diff").Funcs(template.FuncMap{
		"verdict": verdict, "side": sideText, "costs": costs, "tone": tone,
		"sections": func(d *record.ImageDiff) []section { return sections(d, 2000) },
		"dash":     func(s string) string { return or(s, "–") },
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("parse report page: %w", err)
	}
	return t.Execute(w, d)
}
