package baseline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Warning is a trap in a baseline that is legal. Error marks what fails open:
// more gets approved, or less gets reported, than its author can have meant.
type Warning struct {
	Code  string `json:"code"` // stable, such as windows-long-delay
	Field string `json:"field"`
	Text  string `json:"text"`
	Error bool   `json:"error,omitempty"`
}

func (w Warning) String() string {
	kind := "warning"
	if w.Error {
		kind = "error"
	}
	return fmt.Sprintf("%s: %s: %s (%s)", kind, w.Field, w.Text, w.Code)
}

// Lint looks for traps in a baseline that Validate accepts, in the order of the
// baseline's fields.
func Lint(b *Baseline) []Warning {
	l := &linter{b: b, os: b.os()}
	l.filters("GlobalFilters", b.GlobalFilters.filters())
	for i := range b.rules() {
		l.rule(i)
	}
	if len(b.rules()) == 0 && len(b.ApprovedPatches) == 0 {
		l.warn("approves-nothing", "ApprovalRules", "no rules and no approved patches: nothing is ever approved")
	}
	l.lists()
	l.windows()
	for i, s := range b.Sources {
		for _, p := range s.Products {
			if p != "*" && !knownProduct(l.os, p) {
				l.warn("unknown-product", fmt.Sprintf("Sources[%d].Products", i), fmt.Sprintf("%q is in no list of known products", p))
			}
		}
	}
	return l.out
}

// LintTags finds patch-group tags that Patch Manager ignores because of their
// case or spelling (§8), such as patchgroup or Patch group.
func LintTags(tags map[string]string) []Warning {
	var out []Warning
	for key := range tags {
		squeezed := strings.NewReplacer(" ", "", "-", "", "_", "").Replace(foldString(key))
		if squeezed == "patchgroup" && key != "Patch Group" && key != "PatchGroup" {
			out = append(out, Warning{Code: "wrong-case-tag", Field: key, Error: true,
				Text: "is not read: the tag is spelt Patch Group or PatchGroup, and the node falls through to the default baseline"})
		}
	}
	slices.SortFunc(out, func(a, b Warning) int { return strings.Compare(a.Field, b.Field) })
	return out
}

type linter struct {
	b   *Baseline
	os  OperatingSystem
	out []Warning
}

func (l *linter) warn(code, field, text string) {
	l.out = append(l.out, Warning{Code: code, Field: field, Text: text})
}

func (l *linter) fail(code, field, text string) {
	l.out = append(l.out, Warning{Code: code, Field: field, Text: text, Error: true})
}

func (l *linter) windows() {
	if l.os == Windows && l.b.AvailableSecurityUpdatesComplianceStatus == "" {
		l.fail("available-security-unstated", "AvailableSecurityUpdatesComplianceStatus",
			"unstated means COMPLIANT: nodes that lack an available security update count as compliant; state it (AMB-19)")
	}
}

var (
	// advisoryID is the shape of the publishers' ids, such as RHSA-2017:0864,
	// ALAS2023-2024-123 and ELSA-2020-1234.
	advisoryID = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)^([A-Z]{2,6}(SA|BA|EA)-\d{4}[:-]\d+|ALAS[A-Z0-9.]*-\d{4}-\d+|SUSE-[A-Z]{2}-.*)$`)
	})
	cveID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)^CVE-\d{4}-\d+$`) })
	kbID  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)^(KB\d+|MS\d\d-\d{3})$`) })
)
