// Package rollplan renders a plan of a roll as one page that needs nothing from
// outside and has no script: the rings on a line of time, and what each group keeps of
// its capacity at the worst moment.
package rollplan

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"
)

// Page is what the page shows. Texts are for people; lists may be empty.
type Page struct {
	Line     string // the image line
	Where    string // account and Region, or how many
	Modelled string // what is not AWS; empty: nothing
	Image    string
	Channel  string // with its version; empty: the image was named
	Upon     string // what the plan stands in for, when the image is not the one that will roll
	Hash     string
	Tolerate string // in words
	MadeAt   time.Time
	Rings    []Ring
	Notes    []Note   // of fleets and cells
	Quotas   []string // limits of running vCPUs that the roll stays within
}

// Ring is one ring.
type Ring struct {
	Name   string
	Soak   time.Duration
	Took   Span
	Surge  string // instance-hours, and what they cost where that is known
	Window string // in words; empty: any time
	Late   bool   // it may not fit into its window
	Groups []Group
	More   int // groups that were left out
}

// Span is a duration as bounds and a guess.
type Span struct{ Low, Likely, High time.Duration }

// String is the guess with its bounds.
func (s Span) String() string {
	if s.High == 0 {
		return "no time"
	}
	return fmt.Sprintf("%s (%s to %s)", Round(s.Likely), Round(s.Low), Round(s.High))
}

// Group is one group.
type Group struct {
	Name, Cell, Fleet string
	Desired           int
	Floor, Ceiling    int
	WithoutZone       int
	Units             bool // the numbers are units of capacity
	Replace           int  // instances to replace
	From, To          string
	Template          string // such as "version 3 of web"
	Diff              []string
	Checkpoints       string
	Took              Span
	Surge, Room       string
	Alone             string // what AWS goes on doing without us; may be empty
	Anyway            []string
	Notes             []Note
	Nothing           bool
}

// Note is a finding.
type Note struct {
	Tone string // refused, look or note
	Text string
	Hint string
}

// Refused says that a group cannot be rolled as it stands.
func (g Group) Refused() bool { return count(g.Notes) > 0 }

// Refusals are all refusals in the plan.
func (p Page) Refusals() int {
	n := count(p.Notes)
	for _, r := range p.Rings {
		for _, g := range r.Groups {
			n += count(g.Notes)
		}
	}
	return n
}

func count(notes []Note) int {
	n := 0
	for _, x := range notes {
		if x.Tone == "refused" {
			n++
		}
	}
	return n
}

// Round is a duration as people say it: to the second below a minute, to the minute
// below a day, and else to the hour.
func Round(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 24*time.Hour:
		d = d.Round(time.Minute)
		if h := d / time.Hour; h > 0 && d%time.Hour > 0 {
			return fmt.Sprintf("%d h %d min", h, d%time.Hour/time.Minute)
		} else if h > 0 {
			return fmt.Sprintf("%d h", h)
		}
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	d = d.Round(time.Hour)
	return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

//go:embed page.html.tmpl
var page string

// HTML writes the page.
func HTML(w io.Writer, p Page) error {
	t, err := template.New("plan").Funcs(template.FuncMap{
		"round": Round, "timeline": timeline, "lanes": lanes,
		"at":     func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"groups": func(p Page) (n int) { return total(p, func(Group) int { return 1 }) },
		"moving": func(p Page) int {
			return total(p, func(g Group) int {
				if g.Nothing {
					return 0
				}
				return g.Replace
			})
		},
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("parse the page of a plan: %w", err)
	}
	if err := t.Execute(w, p); err != nil {
		return fmt.Errorf("write the plan as html: %w", err)
	}
	return nil
}

func total(p Page, of func(Group) int) int {
	n := 0
	for _, r := range p.Rings {
		n += r.More
		for _, g := range r.Groups {
			n += of(g)
		}
	}
	return n
}
