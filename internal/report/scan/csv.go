package scan

import (
	"encoding/csv"
	"io"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/report/purl"
)

// CSV writes one row for each installed package, with its pending update and what
// baseline and lock say about it. What a target cannot be trusted in begins no cell
// as a formula.
func CSV(w io.Writer, s *record.Scan) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"target", "standing", "package", "arch", "installed", "source", "held", "purl", "offered", "from", "security", "severity", "advisories", "vendor_says_fixes", "state", "rule", "level", "lock"}}
	updates, items, locked := map[string]record.Update{}, map[string]baseline.Item{}, map[string]string{}
	for _, u := range s.Updates {
		updates[u.Name+"."+u.Arch] = u
	}
	if s.Evaluation != nil {
		for _, i := range s.Evaluation.Items {
			items[i.Name+"."+i.Arch] = i
		}
	}
	for _, f := range s.Findings {
		locked[f.Name+"."+f.Arch] = f.Standing
	}
	row := func(p baseline.Installed, full string) {
		id := p.Name + "." + p.Arch
		u, i := updates[id], items[id]
		security := ""
		if u.Version != "" {
			security = word(u.Security)
		}
		rows = append(rows, []string{s.Target, s.Standing, p.Name, p.Arch, full, p.Source, word(p.Held), purl.Of(s.Inventory, p),
			u.Version, or(u.Origin, u.Source), security, u.Severity, advisories(u), strings.Join(u.CVEs, " "), string(i.State), i.Rule, i.ComplianceLevel, locked[id]})
		delete(locked, id)
	}
	for _, p := range s.Inventory.Installed {
		row(p, baseline.FullVersion(s.Inventory.OS, p.Package))
	}
	for _, f := range s.Findings { // of the lock, and not installed
		if _, left := locked[f.Name+"."+f.Arch]; left {
			row(baseline.Installed{Package: baseline.Package{Name: f.Name, Arch: f.Arch}}, "")
		}
	}
	for _, r := range rows {
		for i := range r {
			r[i] = cell(r[i])
		}
	}
	return out.WriteAll(rows)
}

func word(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// cell keeps a spreadsheet from taking a text for a formula.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
