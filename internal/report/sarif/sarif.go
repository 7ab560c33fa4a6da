// Package sarif writes a scan as SARIF 2.1.0, so that code-scanning pages show what
// is missing on an image. Every result is about a package, never about a line.
package sarif

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/record"
	"github.com/goldenami/rehydrate/internal/report/purl"
)

// The rules; a result's rule never changes its meaning.
const (
	ruleUnknown = "unknown"
	ruleState   = "baseline"
	ruleLock    = "lock"
	ruleUpdate  = "update"
)

var rules = []rule{
	{ruleUnknown, text{"The target could not be read truthfully."}, text{"Unknown is never compliant: what is installed, or what is missing, could not be established."}},
	{ruleState, text{"A package does not comply with the patch baseline."}, text{"The state is Patch Manager's, by the baseline that the scan was given."}},
	{ruleLock, text{"A package is not at the version of the patch lock."}, text{"A lock names exact versions; older, newer and absent ones do not honour it."}},
	{ruleUpdate, text{"An update is pending."}, text{"The configured sources offer a newer version. CVEs are those that the vendor says the update fixes; whether this system is affected was not examined."}},
}

// Write writes the scan as one run.
func Write(w io.Writer, s *record.Scan) error {
	name, version, _ := strings.Cut(s.Tool, " ")
	if name == "" {
		name = "rehydrate"
	}
	d := writer{scan: s, purls: map[string]string{}}
	for _, p := range s.Inventory.Installed {
		d.purls[p.Name+"."+p.Arch] = purl.Of(s.Inventory, p)
	}
	d.collect()
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(document{
		Schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", Version: "2.1.0",
		Runs: []run{{
			Tool:        tool{driver{Name: name, Version: version, Rules: rules}},
			Invocations: []invocation{{Successful: s.Standing != record.StandsUnknown, EndTime: s.ScannedAt.UTC().Format(time.RFC3339)}},
			Results:     d.results,
			Properties: map[string]any{"target": s.Target, "kind": s.Kind, "product": s.Inventory.Product, "standing": s.Standing,
				"packages": len(s.Inventory.Installed), "updatesKnown": s.UpdatesKnown, "bytesRead": s.Read.Bytes, "blocksRead": s.Read.Blocks, "modelled": append([]string{}, s.Modelled...)},
		}},
	})
}

// writer gathers the results of one scan.
type writer struct {
	scan    *record.Scan
	purls   map[string]string // by name.arch
	results []result
}

func (d *writer) collect() {
	s := d.scan
	d.results = []result{}
	if s.Standing == record.StandsUnknown {
		d.add(ruleUnknown, "error", "", "", "Unknown: "+s.Reason)
	}
	judged := map[string]bool{}
	if s.Evaluation != nil {
		for _, i := range s.Evaluation.Items {
			if level := levelOf(i); level != "" {
				judged[i.Name+"."+i.Arch] = true
				d.add(ruleState, level, i.Name, i.Arch, stateText(i))
			}
		}
	}
	for _, f := range s.Findings {
		if f.Standing != baseline.StandingExact {
			d.add(ruleLock, "error", f.Name, f.Arch, fmt.Sprintf("%s is %s; the lock wants %s, installed is %s.", f.Name, f.Standing, baseline.FullVersion(s.Inventory.OS, f.Package), or(f.Installed, "none")))
		}
	}
	for i := range s.Updates {
		u := &s.Updates[i]
		if judged[u.Name+"."+u.Arch] {
			continue // already a result of the baseline
		}
		level := "note"
		if u.Security {
			level = "warning"
		}
		d.add(ruleUpdate, level, u.Name, u.Arch, updateText(u))
	}
}

// levelOf is how grave a state is; empty: nothing to show.
func levelOf(i baseline.Item) string {
	switch i.State {
	case baseline.StateMissing, baseline.StateFailed, baseline.StateInstalledRejected:
		if l := i.ComplianceLevel; l == baseline.LevelLow || l == baseline.LevelInformational {
			return "warning"
		}
		return "error"
	case baseline.StateInstalledPendingReboot, baseline.StateAvailableSecurityUpdate:
		return "warning"
	case baseline.StateInstalled, baseline.StateInstalledOther, baseline.StateNotApplicable:
		return ""
	}
	return "error" // a state that we do not know is nothing good
}

func stateText(i baseline.Item) string {
	out := fmt.Sprintf("%s is %s: installed %s", i.Name, i.State, or(i.Installed, "none"))
	if i.Version != "" && i.Version != i.Installed {
		out += ", wanted " + i.Version
	}
	if i.Rule != "" {
		out += ", by " + i.Rule
	}
	if i.Reason != "" {
		out += " (" + i.Reason + ")"
	}
	return out + "." + fixes(i.CVEs)
}

func updateText(u *record.Update) string {
	out := fmt.Sprintf("%s %s can be updated to %s", u.Name, u.Installed, u.Version)
	if u.Origin != "" {
		out += " from " + u.Origin
	}
	return out + "." + fixes(u.CVEs)
}

func fixes(cves []string) string {
	if len(cves) == 0 {
		return ""
	}
	return " CVEs the vendor says this update fixes: " + strings.Join(cves, ", ") + "."
}

func (d *writer) add(ruleID, level, name, arch, message string) {
	index := 0
	for i := range rules {
		if rules[i].ID == ruleID {
			index = i
		}
	}
	id := name
	if arch != "" {
		id += "." + arch
	}
	sum := sha256.Sum256([]byte(ruleID + "\x00" + id))
	l := location{Physical: physical{artifact{address(d.scan.Target)}}}
	if id != "" {
		l.Logical = []logical{{Name: id, Full: or(d.purls[id], id), Kind: "package"}}
	}
	d.results = append(d.results, result{RuleID: ruleID, RuleIndex: index, Level: level, Message: text{message}, Locations: []location{l},
		Fingerprints: map[string]string{"package/v1": hex.EncodeToString(sum[:])}})
}

// address is the target as a relative reference, so that it is one in any format.
func address(target string) string {
	u := url.URL{Path: strings.TrimPrefix(filepath.ToSlash(target), "/")}
	return u.String()
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
