// Package report renders a run document for people and machines.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/record"
)

// Formats are the names that Write knows.
var Formats = []string{"table", "json", "md", "html"}

// Write renders the run in a format.
func Write(w io.Writer, format string, r *record.Run) error {
	switch format {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	case "md":
		return Markdown(w, r)
	case "html":
		return HTML(w, r)
	case "table", "":
		return Summary(w, r)
	}
	return fault.New(fault.Usage, "", "unknown format %q: one of %s", format, strings.Join(Formats, ", "))
}

// Row is one line of the summary: a stage, what it did, how long, how it ended.
type Row struct{ Stage, What, Took, Outcome string }

// Rows are the stages of a run in order.
func Rows(r *record.Run) []Row {
	var out []Row
	for _, s := range r.Stages {
		out = append(out, Row{s.Name, s.Text, took(s), s.Outcome})
	}
	return out
}

// took shows the wall's time and, where it differs, the run's own.
func took(s record.Stage) string {
	if s.EndedAt.IsZero() {
		return "unfinished"
	}
	wall := seconds(s.WallMS)
	virtual := s.EndedAt.Sub(s.StartedAt)
	if d := virtual.Milliseconds() - s.WallMS; d > 2000 {
		return fmt.Sprintf("%s (%s modelled)", wall, virtual.Round(1e9))
	}
	return wall
}

func seconds(ms int64) string { return fmt.Sprintf("%.1fs", float64(ms)/1000) }

// Summary is the closing table of a run.
func Summary(w io.Writer, r *record.Run) error {
	rows := Rows(r)
	width := [3]int{5, 4, 4}
	for _, x := range rows {
		for i, s := range []string{x.Stage, x.Took, x.Outcome} {
			width[i] = max(width[i], len(s))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "run %s: %s\n", r.ID, outcome(r))
	for _, x := range rows {
		fmt.Fprintf(&b, "  %-*s  %-*s  %-*s  %s\n", width[0], x.Stage, width[2], x.Outcome, width[1], x.Took, x.What)
	}
	textRoll(&b, r.Roll)
	for _, m := range r.Modelled {
		fmt.Fprintf(&b, "  modelled: %s\n", m)
	}
	for _, m := range r.Real {
		fmt.Fprintf(&b, "  real: %s\n", m)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func outcome(r *record.Run) string {
	if r.Outcome == "" {
		return "unfinished"
	}
	if r.Message != "" {
		return r.Outcome + ", " + r.Message
	}
	return r.Outcome
}

// pending are the items of the verdict's evaluation that are not Installed or
// InstalledOther, worst first.
func pending(v *record.Verdict) []string {
	if v == nil || v.Evaluation == nil {
		return nil
	}
	var out []string
	for _, i := range v.Evaluation.Items {
		if i.State != "Installed" && i.State != "InstalledOther" {
			out = append(out, fmt.Sprintf("%s %s %s", i.State, i.ID, i.Version))
		}
	}
	slices.Sort(out)
	return out
}
