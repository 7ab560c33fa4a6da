package scan

import (
	"fmt"
	"io"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// Markdown writes the scan for a pull request, a step summary or a ticket.
func Markdown(w io.Writer, s *record.Scan) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s\n\n", md(s.Target), s.Standing)
	fmt.Fprintf(&b, "%s, %s, %d packages, scanned %s.\n", kind(s), md(or(s.Inventory.Product, "unknown system")), len(s.Inventory.Installed), s.ScannedAt.UTC().Format("2006-01-02 15:04:05 UTC"))
	if len(s.Modelled) > 0 {
		fmt.Fprintf(&b, "\n> **Modelled, not AWS:** %s.\n", md(strings.Join(s.Modelled, "; ")))
	}
	if s.Reason != "" {
		fmt.Fprintf(&b, "\n> **Unknown:** %s\n", md(s.Reason))
	}
	if s.Hint != "" {
		fmt.Fprintf(&b, "\nNext: %s.\n", md(s.Hint))
	}
	table(&b, "Pending updates", []string{"package", "installed", "offered", "from", "about", "advisories", fixes}, s.Updates, func(u record.Update) []string {
		return []string{u.Name + " " + u.Arch, u.Installed, u.Version, or(u.Origin, u.Source), notes(u), advisories(u), strings.Join(u.CVEs, " ")}
	})
	if unstated(s) {
		fmt.Fprintf(&b, "\n%s.\n", sentence(unstatedText))
	}
	if !inventoryOnly(s) && len(s.Updates) == 0 && s.Inventory.Product != "" {
		fmt.Fprintf(&b, "\n%s.\n", md(sentence(pending(s))))
	}
	if s.Baseline != nil && s.Evaluation != nil {
		fmt.Fprintf(&b, "\n## Baseline %s: %s\n\n%s.\n", md(s.Baseline.Name), s.Evaluation.Status, counts(s.Evaluation.Counts))
		table(&b, "", []string{"state", "package", "installed", "wanted", "rule", "level"}, open(s), func(i baseline.Item) []string {
			return []string{string(i.State), i.ID, i.Installed, i.Version, i.Rule, i.ComplianceLevel}
		})
	}
	if s.Lock != nil {
		fmt.Fprintf(&b, "\n## Lock\n\n%d packages, %d not as it says.\n", len(s.Findings), len(broken(s)))
		table(&b, "", []string{"standing", "package", "installed", "wanted"}, broken(s), func(f baseline.LockFinding) []string {
			return []string{f.Standing, f.Name, f.Installed, baseline.FullVersion(s.Inventory.OS, f.Package)}
		})
	}
	table(&b, "Sources", []string{"source", "index", "signature", "read from"}, s.Sources, func(r baseline.Repository) []string {
		return []string{r.ID, age(r.Date, s.ScannedAt), verified(r), r.SeenFrom}
	})
	if len(s.Remarks) > 0 {
		b.WriteString("\n## Remarks\n\n")
		for _, r := range s.Remarks {
			fmt.Fprintf(&b, "- %s\n", md(r))
		}
	}
	for _, c := range costs(s) {
		fmt.Fprintf(&b, "\n%s.\n", sentence(c))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// table writes rows under a head; nothing where there are none.
func table[T any](b *strings.Builder, title string, head []string, rows []T, cells func(T) []string) {
	if len(rows) == 0 {
		return
	}
	if title != "" {
		fmt.Fprintf(b, "\n## %s\n", title)
	}
	fmt.Fprintf(b, "\n| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, r := range rows {
		var out []string
		for _, c := range cells(r) {
			out = append(out, md(or(c, "–")))
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(out, " | "))
	}
}

// kind is the target's kind, as a sentence begins with it.
func kind(s *record.Scan) string {
	switch s.Kind {
	case record.KindRoot:
		return "Root folder"
	case record.KindDisk:
		return strings.TrimSpace("Disk image " + s.Format)
	case record.KindSnapshot:
		return "EBS snapshot"
	case record.KindImage:
		return "AMI"
	case record.KindInstance:
		return "Instance"
	}
	return "Target"
}

func counts(c baseline.Counts) string {
	return fmt.Sprintf("%d installed, %d installed beside the baseline, %d missing, %d failed, %d rejected, %d pending a reboot",
		c.InstalledCount, c.InstalledOtherCount, c.MissingCount, c.FailedCount, c.InstalledRejectedCount, c.InstalledPendingRebootCount)
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// md keeps a text inside its line and cell.
func md(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "`", "'", "[", `\[`, "*", `\*`, "_", `\_`).Replace(plain(s))
}
