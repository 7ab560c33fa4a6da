package scan

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/report/purl"
)

//go:embed scan.html.tmpl
var page string

// HTML writes the scan as one page that needs nothing from outside: its only script
// sorts and filters the tables, and without it everything is still there.
func HTML(w io.Writer, s *record.Scan) error {
	t, err := template.New("scan").Funcs(template.FuncMap{
		"kind": kind, "size": size, "cost": cost, "costs": costs, "age": age, "verified": verified, "expired": expired, "pending": pending,
		"sentence": sentence, "advisories": advisories, "open": open, "broken": broken, "counts": counts, "share": share, "tone": tone,
		"inventoryOnly": inventoryOnly, "unstated": unstated, "unstatedText": func() string { return unstatedText }, "join": strings.Join, "fixes": func() string { return fixes }, "tally": tallyOf,
		"dash":  func(s string) string { return or(s, "–") },
		"full":  func(p baseline.Package) string { return baseline.FullVersion(s.Inventory.OS, p) },
		"purl":  func(p baseline.Installed) string { return purl.Of(s.Inventory, p) },
		"mode":  func(x record.Special) string { return fmt.Sprintf("%s, uid %d, gid %d", x.Mode, x.UID, x.GID) },
		"state": func(s baseline.State) string { return string(s) },
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("parse report page: %w", err)
	}
	return t.Execute(w, s)
}

// tone is the class of a word; colour only repeats what the word says. What nobody
// knows is not good.
func tone(word string) string {
	switch word {
	case record.StandsCompliant, baseline.Compliant, baseline.StandingExact, "Installed", "InstalledOther":
		return "good"
	case record.StandsUnknown, "":
		return "unsure"
	case record.StandsInventory, "NotApplicable":
		return "plain"
	case "InstalledPendingReboot", "AvailableSecurityUpdate":
		return "unsure"
	}
	return "bad"
}

// share is n of total in whole percent.
func share(n, total int) int {
	if total <= 0 {
		return 0
	}
	return min(100*n/total, 100)
}

// tally counts what the updates bring.
type tally struct{ Security, CVEs int }

func tallyOf(s *record.Scan) tally {
	var t tally
	var all []string
	for _, u := range s.Updates {
		if u.Security {
			t.Security++
		}
		all = append(all, u.CVEs...)
	}
	slices.Sort(all)
	t.CVEs = len(slices.Compact(all))
	return t
}
