package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/goldenami/rehydrate/internal/record"
)

// Markdown renders the run for a pull request, a step summary or a ticket.
func Markdown(w io.Writer, r *record.Run) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s\n\n", r.Line, outcome(r))
	fmt.Fprintf(&b, "Run `%s`, account %s, region %s, begun %s.\n\n", r.ID, r.Account, r.Region, r.StartedAt.UTC().Format("2006-01-02 15:04:05 UTC"))
	if len(r.Modelled) > 0 {
		b.WriteString("> **Modelled, not AWS:** " + strings.Join(r.Modelled, "; ") + ".")
		if len(r.Real) > 0 {
			b.WriteString(" **Real:** " + strings.Join(r.Real, "; ") + ".")
		}
		b.WriteString("\n\n")
	}
	b.WriteString("| stage | outcome | took | what |\n|---|---|---|---|\n")
	for _, x := range Rows(r) {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", cell(x.Stage), cell(x.Outcome), cell(x.Took), cell(x.What))
	}
	mdBake(&b, r.Bake)
	mdVerdict(&b, r)
	mdSpread(&b, r.Spread)
	mdChannel(&b, r.Publish)
	mdRoll(&b, r.Roll)
	mdPatch(&b, r.Patch)
	_, err := io.WriteString(w, b.String())
	return err
}

func mdChannel(b *strings.Builder, p *record.Publish) {
	if p == nil {
		return
	}
	b.WriteString("\n## Channel\n\n")
	if held(p) {
		fmt.Fprintf(b, "`%s`: `%s` held already, version %d", p.Channel, p.Image, p.Version)
		if p.Build != "" {
			fmt.Fprintf(b, "; immutable entry `%s`", p.Build)
		}
		b.WriteString(".\n")
		return
	}
	if !several(p) {
		fmt.Fprintf(b, "`%s` version %d: `%s` → `%s`; immutable entry `%s`.\n", p.Channel, p.Version, dash(p.From), p.Image, p.Build)
		return
	}
	b.WriteString("| account | region | channel | from | image | version | outcome |\n|---|---|---|---|---|---|---|\n")
	for _, x := range p.Pointers {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %d | %s |\n", dash(x.Account), dash(x.Region), cell(x.Channel), dash(x.From), cell(x.Image), x.Version, cell(strings.TrimSpace(x.Outcome+" "+x.Text)))
	}
}

// held says that the one pointer of a publication was left as it was.
func held(p *record.Publish) bool {
	return len(p.Pointers) == 1 && p.Pointers[0].Outcome == "held"
}

// several says that a publication needs a table: more than one pointer, or one that did
// not move as it should.
func several(p *record.Publish) bool {
	return len(p.Pointers) > 1 || len(p.Pointers) == 1 && p.Pointers[0].Outcome != "moved" && p.Pointers[0].Outcome != "held"
}

func mdBake(b *strings.Builder, k *record.Bake) {
	if k == nil {
		return
	}
	b.WriteString("\n## Image\n\n")
	if k.Skipped {
		fmt.Fprintf(b, "Nothing to bake: %s.\n", k.SkipReason)
		return
	}
	fmt.Fprintf(b, "`%s` (%s) from `%s` by %s. Lock `%s`.\n", k.Image, k.ImageName, k.SourceImage, k.Builder, k.LockDigest)
	if len(k.Left) > 0 {
		fmt.Fprintf(b, "\n> **Could not be removed:** %s. Remove it by hand.\n", cell(strings.Join(k.Left, ", ")))
	}
	mdChanges(b, k.Changes)
}

func mdVerdict(b *strings.Builder, r *record.Run) {
	v := r.Validate
	if v == nil {
		return
	}
	fmt.Fprintf(b, "\n## Verdict: %s\n\n", v.Outcome)
	for _, reason := range v.Reasons {
		fmt.Fprintf(b, "- %s\n", cell(reason))
	}
	for _, c := range v.Checks {
		fmt.Fprintf(b, "- %s: **%s** %s\n", c.Name, c.Outcome, cell(c.Text))
	}
	fmt.Fprintf(b, "\nRead %d blocks (%.1f MB) of the snapshot in %d ms, without launching anything; %d packages.\n",
		v.Read.Blocks, float64(v.Read.Bytes)/1e6, v.Read.MS, v.Packages)
	for _, p := range pending(v) {
		fmt.Fprintf(b, "- %s\n", cell(p))
	}
	if v.Against != "" {
		c := against(r)
		fmt.Fprintf(b, "\nAgainst `%s`, %s\n", v.Against, c.Text)
		mdChanges(b, c.Changes)
	}
}

func mdChanges(b *strings.Builder, changes []record.Change) {
	if len(changes) == 0 {
		return
	}
	b.WriteString("\n| package | from | to |\n|---|---|---|\n")
	for _, c := range changes {
		fmt.Fprintf(b, "| %s | %s | %s |\n", cell(c.Name), dash(c.From), dash(c.To))
	}
}

func mdPatch(b *strings.Builder, nodes []record.Patched) {
	if len(nodes) == 0 {
		return
	}
	b.WriteString("\n## Nodes patched in place\n\n| node | outcome | by the lock | by the baseline today | from |\n|---|---|---|---|---|\n")
	for _, n := range nodes {
		from := map[string]int{}
		for _, o := range n.Obtained {
			from[o.From]++
		}
		var parts []string
		for _, k := range []string{"source", "time-travel", "bundle"} {
			if from[k] > 0 {
				parts = append(parts, fmt.Sprintf("%s %d", k, from[k]))
			}
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", n.Instance, n.Outcome, dash(n.Lock), dash(n.Today), dash(strings.Join(parts, ", ")))
	}
}

// cell keeps a text inside its table cell.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", "", "<", "&lt;").Replace(s)
}

func dash(s string) string {
	if s == "" {
		return "–"
	}
	return cell(s)
}
