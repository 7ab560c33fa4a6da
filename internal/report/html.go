package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/goldenami/rehydrate/internal/record"
)

//go:embed run.html.tmpl
var page string

// HTML renders the run as one self-contained page: no script, no network.
func HTML(w io.Writer, r *record.Run) error {
	t, err := template.New("run").Funcs(template.FuncMap{
		"outcome": outcome, "rows": Rows, "pending": pending, "good": good, "share": share,
		"mb":   func(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) },
		"dash": func(s string) string { return orDash(s) }, "several": several, "held": held, "against": against,
		"told": told, "mixed": mixed, "place": place,
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("parse report page: %w", err)
	}
	return t.Execute(w, r)
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// good is the class of an outcome; colour only repeats what the word says.
func good(outcome string) string {
	switch outcome {
	case "done", "pass", "exact", "COMPLIANT", "nothing-to-do", "skipped", record.DriftNone:
		return "good"
	case "unknown", "waiting", "interrupted", "":
		return "unsure"
	}
	return "bad"
}

// share is n of total in whole percent.
func share(n, total int) int {
	if total <= 0 {
		return 0
	}
	return 100 * n / total
}
