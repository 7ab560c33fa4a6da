package scan

import (
	"fmt"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
)

// fixes is what stands before CVEs: whether a system is affected was not examined.
const fixes = "CVEs the vendor says this update fixes"

// size writes bytes for people, in decimal units.
func size(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.2f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d bytes", n)
}

// cost says what was read, of a disk in blocks too.
func cost(c record.ReadCost) string {
	if c.Total > 0 {
		return fmt.Sprintf("read %d of %d blocks, %s, in %d ms", c.Blocks, c.Total, size(c.Bytes), c.MS)
	}
	return fmt.Sprintf("read %s in %d ms", size(c.Bytes), c.MS)
}

// costs are the lines of each depth; one line where there is one depth.
func costs(s *record.Scan) []string {
	if s.Read.Bytes == 0 && s.Read.Blocks == 0 {
		return nil
	}
	out := []string{cost(s.Read)}
	if len(s.Costs) < 2 {
		return out
	}
	for _, c := range s.Costs {
		line := "depth " + c.Depth + ": " + cost(c.ReadCost)
		if c.Files > 0 {
			line += fmt.Sprintf(", %d files", c.Files)
		}
		out = append(out, line)
	}
	return out
}

// age is how old something of date was when the target was scanned.
func age(date, at time.Time) string {
	if date.IsZero() {
		return "of no date"
	}
	d := at.Sub(date)
	switch {
	case d < 0:
		return "dated after the scan"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes old", int(d.Minutes()))
	case d < 72*time.Hour:
		return fmt.Sprintf("%d hours old", int(d.Hours()))
	}
	return fmt.Sprintf("%d days old", int(d.Hours()/24))
}

// verified says whether a source's signature counted, and whose.
func verified(r baseline.Repository) string {
	switch {
	case !r.Verified:
		return "not verified"
	case r.SignedBy == "":
		return "verified"
	}
	return "verified by " + r.SignedBy
}

// expired says that an index was no longer valid when the target was scanned.
func expired(r baseline.Repository, at time.Time) bool {
	return !r.ValidUntil.IsZero() && at.After(r.ValidUntil)
}

// advisories are an update's advisories with what they say of themselves.
func advisories(u record.Update) string {
	var out []string
	for _, a := range u.Advisories {
		text := a.ID
		if a.Severity != "" {
			text += " (" + a.Severity + ")"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// notes are what else there is to know about an update.
func notes(u record.Update) string {
	var out []string
	if u.Security {
		out = append(out, "security")
	}
	if u.Held {
		out = append(out, "on hold")
	}
	if u.Phased > 0 && u.Phased < 100 {
		out = append(out, fmt.Sprintf("phased: %d %% of machines", u.Phased))
	}
	return strings.Join(out, ", ")
}

// pending is the sentence about updates.
func pending(s *record.Scan) string {
	if !s.UpdatesKnown {
		return "pending updates are unknown: " + or(s.UpdatesReason, "the sources were not read")
	}
	security := 0
	for _, u := range s.Updates {
		if u.Security {
			security++
		}
	}
	out := fmt.Sprintf("%d pending updates, %d of them for security", len(s.Updates), security)
	switch {
	case len(s.Updates) == 0:
		out = "no pending updates"
	case len(s.Updates) == 1:
		out = fmt.Sprintf("1 pending update%s", map[bool]string{true: ", for security"}[security > 0])
	}
	if s.UpdatesFrom != "" {
		out += ", by the metadata stored in " + s.UpdatesFrom
	}
	if s.UpdatesReason != "" {
		out += "; " + s.UpdatesReason
	}
	return out
}

// unstated says that there are updates and that no source says what one of them
// fixes: the indices of Debian and Ubuntu do not.
func unstated(s *record.Scan) bool {
	for _, u := range s.Updates {
		if len(u.Advisories) > 0 || len(u.CVEs) > 0 {
			return false
		}
	}
	return len(s.Updates) > 0
}

// unstatedText is what to say then: no CVE named is not no CVE fixed.
const unstatedText = "these sources do not state which CVEs an update fixes"

// inventoryOnly says that nobody looked for updates.
func inventoryOnly(s *record.Scan) bool {
	return !s.UpdatesKnown && s.UpdatesReason == "not looked for"
}

// open are the items of the evaluation that are neither Installed nor InstalledOther.
func open(s *record.Scan) []baseline.Item {
	if s.Evaluation == nil {
		return nil
	}
	var out []baseline.Item
	for _, i := range s.Evaluation.Items {
		if i.State != baseline.StateInstalled && i.State != baseline.StateInstalledOther && i.State != baseline.StateNotApplicable {
			out = append(out, i)
		}
	}
	return out
}

// broken are the findings by which the lock is not honoured.
func broken(s *record.Scan) []baseline.LockFinding {
	var out []baseline.LockFinding
	for _, f := range s.Findings {
		if f.Standing != baseline.StandingExact {
			out = append(out, f)
		}
	}
	return out
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// plain keeps a target's text on its line and its terminal unharmed.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
}
