package rehearse

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/rollout"
)

//go:embed rehearse.html.tmpl
var pageText string

// shown is up to how many groups the page lists.
const shown = 200

var page = template.Must(template.New("rehearsal").Funcs(template.FuncMap{
	"seconds": seconds,
	"good": func(outcome string) string {
		switch outcome {
		case rollout.Done, rollout.NothingToDo:
			return "good"
		case NotBegun:
			return "unsure"
		}
		return "bad"
	},
	"waits":   Wait.words,
	"percent": func(v float64) string { return fmt.Sprintf("%.1f %%", v) },
	"plain":   func(s string) string { return strings.ReplaceAll(s, "-", " ") },
}).Parse(pageText))

// call is an operation and how often it was called.
type call struct {
	Op    string
	Times int
}

// view is a report with what the page needs besides.
type view struct {
	*Report
	Shown []Result
	More  int
	Often []call
}

// Plot is the picture of a series over the whole rehearsal, with the waits of a ring or,
// with "", of all.
func (v view) Plot(s Series, label, ring string) template.HTML {
	return plot(s, v.Seconds, label, v.Waits, ring)
}

// Spark is the small picture of one.
func (v view) Spark(s Series) template.HTML { return spark(s, v.Seconds, v.Waits) }

// Instances is how many the groups want.
func (v view) Instances() int { return v.groupsDesired() }

func writeHTML(w io.Writer, r *Report) error {
	v := view{Report: r, Shown: r.Groups[:min(len(r.Groups), shown)]}
	v.More = len(r.Groups) - len(v.Shown)
	for _, op := range slices.Sorted(maps.Keys(r.Calls)) {
		v.Often = append(v.Often, call{strings.Replace(op, ":", " ", 1), r.Calls[op]})
	}
	slices.SortStableFunc(v.Often, func(a, b call) int { return b.Times - a.Times })
	if err := page.Execute(w, v); err != nil {
		return fmt.Errorf("render the rehearsal: %w", err)
	}
	return nil
}
