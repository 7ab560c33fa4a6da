package app

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/report/rollplan"
	"github.com/goldenami/rehydrate/rollout"
)

// textGroups is how many groups of a ring are told where people read.
const textGroups = 30

func (o *Overview) ring(b *strings.Builder, r rollout.RingPlan) {
	quiet := 0
	for n, g := range r.Groups {
		if n >= textGroups && !refuses(g) {
			quiet++
			continue
		}
		o.group(b, r.Name, g)
	}
	if quiet > 0 {
		fmt.Fprintf(b, "            and %d more groups (--output json has them all)\n", quiet)
	}
	m := r.Measured
	if m == nil || m.Duration.High == 0 {
		return
	}
	soak := ""
	if d := o.soak(r); d > 0 {
		soak = ", then soaks " + rollplan.Round(d)
	}
	fmt.Fprintf(b, "            ring %s takes %s%s, surge %s\n", r.Name, took(m.Duration), soak, surge(m.Surge, m.Cost))
	if w := m.Window; w != nil && windowText(w) != "" {
		fmt.Fprintf(b, "            window: %s; %s\n", windowText(w), windowFit(w))
	}
	var told []string
	for _, g := range r.Groups {
		if a := g.Measured.Alone; a != "" && !slices.Contains(told, a) {
			told = append(told, a)
			fmt.Fprintf(b, "            without us AWS %s\n", a)
		}
	}
}

// soak is how long a ring soaks once it has rolled.
func (o *Overview) soak(r rollout.RingPlan) time.Duration { return max(r.Soak, o.soaks[r.Name]) }

// sizeText is a group's size: with weights it is units of capacity.
func sizeText(g rollout.GroupPlan) string {
	if g.Measured.Bounds.Units {
		return fmt.Sprintf("%d units of capacity", g.Measured.Desired)
	}
	return fmt.Sprintf("%d instances", g.Measured.Desired)
}

func refuses(g rollout.GroupPlan) bool {
	for _, f := range g.Findings {
		if f.Refuse {
			return true
		}
	}
	return false
}

func (o *Overview) group(b *strings.Builder, ring string, g rollout.GroupPlan) {
	what := fmt.Sprintf("template version %s (%s) with only the image replaced", g.InUse, g.From)
	switch {
	case refuses(g) && !strings.HasPrefix(g.From, "ami-"):
		what = "not planned"
	case g.Nothing && o.Bake.Skip:
		what = "nothing: every instance runs " + g.To
	}
	where := ""
	if g.Cell != (rollout.Cell{}) && g.Cell != (rollout.Cell{Account: o.Account, Region: o.Region}) {
		where = " in " + g.Cell.String()
	}
	fmt.Fprintf(b, "  roll      ring %s: %s%s, %s: %s\n", ring, g.Group, where, sizeText(g), what)
	if g.Pin {
		fmt.Fprintf(b, "            first pinned to version %s, which it runs now\n", g.InUse)
	}
	if e := g.Measured.Estimate; e.Steps > 0 && !refuses(g) {
		keeps := g.Measured.Bounds
		fmt.Fprintf(b, "            keeps %d to %d in service, %d if the fullest zone fails then%s; %s\n", keeps.Floor, keeps.Ceiling, keeps.WithoutZone, checkpointText(", checkpoints at ", g.Preferences.Checkpoints), took(e.Duration))
	}
	if room := roomText(g.Measured.Room); room != "" && !g.Nothing && !refuses(g) {
		fmt.Fprintf(b, "            surge %s; %s\n", surge(g.Measured.Estimate.Surge, g.Measured.Estimate.Cost), room)
	}
	for _, f := range g.Findings {
		fmt.Fprintf(b, "            %s\n", findingText(f, ""))
	}
	for _, a := range g.Measured.Anyway {
		fmt.Fprintf(b, "            anyway: %s\n", a)
	}
}

// findingText is a finding with what to do about it.
func findingText(f rollout.Finding, of string) string {
	text := toneOf(f) + ": " + of + f.Text
	if f.Hint != "" {
		text += " — " + f.Hint
	}
	return text
}

func toneOf(f rollout.Finding) string {
	switch {
	case f.Refuse:
		return "refused"
	case f.Warn:
		return "look"
	}
	return "note"
}

// checkpointText are the places at which a refresh stops before its end.
func checkpointText(before string, all []int) string {
	var out []string
	for _, c := range all {
		if c < 100 {
			out = append(out, fmt.Sprintf("%d%%", c))
		}
	}
	if len(out) == 0 {
		return ""
	}
	return before + strings.Join(out, " and ")
}

// windowText says when a ring may begin; "" where nothing keeps it from it, as outside the
// freezes of a configuration without windows.
func windowText(w *rollout.Window) string {
	switch {
	case w.Open && w.Closes.IsZero():
		return ""
	case w.Open:
		return "open until " + moment(w.Closes)
	case w.Opens.IsZero():
		return "none opens any more"
	case w.Closes.IsZero():
		return "opens " + moment(w.Opens)
	}
	return "opens " + moment(w.Opens) + ", closes " + moment(w.Closes)
}

func windowFit(w *rollout.Window) string {
	switch {
	case w.Fits:
		return "the ring fits"
	case w.Likely:
		return "the ring likely fits, and may not"
	}
	return "the ring likely does not fit"
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func took(s span) string { return rollplan.Span(s).String() }
