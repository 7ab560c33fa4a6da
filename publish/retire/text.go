package retire

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Text is the plan for people: every image, what becomes of it, and why.
func (p *Plan) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "retire images of %s: %d looked at, %d to act on\n", p.Input.Line, len(p.Items), p.Count())
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, i := range p.Items {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", i.Action, i.Image, i.Cell, i.Why)
		for _, x := range i.With {
			fmt.Fprintf(w, "  \t  with %s\t%s\t%s\n", x.Kind, x.Cell, x)
		}
		for _, s := range i.Stays {
			fmt.Fprintf(w, "  \t  stays\t%s\t%s\n", i.Cell, s)
		}
	}
	for _, l := range p.Leftovers {
		fmt.Fprintf(w, "  delete\t%s\t%s\tleft by %s, which is gone\n", l.Snapshot, l.Cell, l.Image)
	}
	for _, r := range p.Runs {
		fmt.Fprintf(w, "  remove\trun %s\t\t%s\n", r.Run, strings.Join(r.Parts, ", "))
	}
	flush(w)
	for _, u := range p.Unknown {
		fmt.Fprintf(&b, "  unknown: %s\n", u)
	}
	if p.Nothing() {
		b.WriteString("  nothing to do\n")
	}
	return b.String()
}

// flush writes to a builder, which takes everything.
func flush(w *tabwriter.Writer) { _ = w.Flush() }

// Markdown is the plan as a report.
func (p *Plan) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Retirement of %s\n\nLooked at: %s.\n\n| action | image | where | created | why |\n|---|---|---|---|---|\n", cellText(p.Input.Line), p.Looked)
	for _, i := range p.Items {
		why := i.Why
		if len(i.With) > 0 {
			var parts []string
			for _, x := range i.With {
				parts = append(parts, fmt.Sprintf("%s %s", x.Kind, x))
			}
			why += "; with " + strings.Join(parts, ", ")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", i.Action, i.Image, i.Cell, day(i.CreatedAt), cellText(why))
	}
	for _, l := range p.Leftovers {
		fmt.Fprintf(&b, "| delete | %s | %s | | left by %s |\n", l.Snapshot, l.Cell, l.Image)
	}
	for _, r := range p.Runs {
		fmt.Fprintf(&b, "| remove | run %s | | | %s |\n", r.Run, cellText(strings.Join(r.Parts, ", ")))
	}
	for _, u := range p.Unknown {
		fmt.Fprintf(&b, "\n**Unknown, so everything is kept:** %s\n", cellText(u))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cellText keeps a text from ending a cell or opening markup.
func cellText(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ", "<", "&lt;").Replace(s)
}

// Text is the results for people.
func Text(results []Result) string {
	var b strings.Builder
	for _, r := range results {
		fmt.Fprintf(&b, "%-5s %s\n", r.Outcome, r.Text)
	}
	return b.String()
}
