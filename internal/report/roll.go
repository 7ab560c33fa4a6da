package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/record"
)

// someInstances is how many instances of an image are named.
const someInstances = 10

// told are the groups of which more is to be said than a row of the table holds.
func told(rolls []record.Roll) []record.Roll {
	return slices.DeleteFunc(slices.Clone(rolls), func(r record.Roll) bool {
		return len(r.Mixed) == 0 && len(r.Manual) == 0 && !r.Frozen && r.Drift == nil && (good(r.Outcome) == "good" || r.Text == "")
	})
}

// place is a group and, where that is said, its account and Region.
func place(r record.Roll) string {
	return strings.Trim(strings.Join([]string{r.Group, strings.Trim(r.Account+" "+r.Region, " ")}, ", "), ", ")
}

// runs are the instances of a group that run one image.
type runs struct {
	Image string
	Count int
	Some  string // the first instances
}

// mixed is what runs what in a group that does not run one image, by image.
func mixed(r record.Roll) []runs {
	var out []runs
	for _, image := range slices.Sorted(maps.Keys(r.Mixed)) {
		ids := r.Mixed[image]
		some := strings.Join(ids[:min(len(ids), someInstances)], ", ")
		if len(ids) > someInstances {
			some += ", …"
		}
		out = append(out, runs{orDash(image), len(ids), some})
	}
	return out
}

func mdRoll(b *strings.Builder, rolls []record.Roll) {
	if len(rolls) == 0 {
		return
	}
	b.WriteString("\n## Groups\n\n| ring | group | outcome | on the new image | template version | fewest in service |\n|---|---|---|---|---|---|\n")
	for _, g := range rolls {
		fmt.Fprintf(b, "| %s | %s | %s | %d of %d | %s → %s | %d |\n", cell(g.Ring), cell(g.Group), outcomeOf(g), g.OnImage, g.Of, dash(g.FromV), dash(g.ToV), g.MinHealthy)
	}
	for _, g := range told(rolls) {
		fmt.Fprintf(b, "\n### %s: %s\n", cell(place(g)), outcomeOf(g))
		if g.Text != "" {
			fmt.Fprintf(b, "\n%s\n", cell(g.Text))
		}
		if g.Frozen {
			b.WriteString("\n**Frozen:** the way back failed. Nothing is tried again, and no other roll begins, until a person has looked.\n")
		}
		if len(g.Mixed) > 0 {
			b.WriteString("\n")
		}
		for _, m := range mixed(g) {
			fmt.Fprintf(b, "- %d run `%s`: %s\n", m.Count, m.Image, cell(m.Some))
		}
		if len(g.Manual) > 0 {
			b.WriteString("\nBy hand:\n\n")
		}
		for n, x := range g.Manual {
			fmt.Fprintf(b, "%d. %s\n", n+1, cell(x))
		}
		if d := g.Drift; d != nil {
			fmt.Fprintf(b, "\nDrift of `%s`: **%s** %s\n", orDash(d.Instance), d.Outcome, cell(d.Text))
			mdChanges(b, d.Packages)
		}
	}
}

func outcomeOf(g record.Roll) string {
	if g.Frozen {
		return cell(g.Outcome + ", frozen")
	}
	return cell(g.Outcome)
}

// textRoll is what the closing table of a run says of groups that need a look.
func textRoll(b *strings.Builder, rolls []record.Roll) {
	for _, g := range told(rolls) {
		if len(g.Mixed) == 0 && len(g.Manual) == 0 && !g.Frozen && (g.Drift == nil || g.Drift.Outcome == record.DriftNone) {
			continue
		}
		frozen := ""
		if g.Frozen {
			frozen = ", frozen: nothing is tried again until a person has looked"
		}
		fmt.Fprintf(b, "  %s: %s%s\n", place(g), g.Outcome, frozen)
		for _, m := range mixed(g) {
			fmt.Fprintf(b, "    %d run %s: %s\n", m.Count, m.Image, m.Some)
		}
		for _, x := range g.Manual {
			fmt.Fprintf(b, "    by hand: %s\n", x)
		}
		if d := g.Drift; d != nil && d.Outcome != record.DriftNone {
			fmt.Fprintf(b, "    drift of %s: %s %s\n", orDash(d.Instance), d.Outcome, d.Text)
		}
	}
}
