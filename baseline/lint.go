package baseline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
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

func (l *linter) filters(path string, filters []PatchFilter) {
	for i, f := range filters {
		at := fmt.Sprintf("%s.PatchFilters[%d]", path, i)
		for _, v := range f.Values {
			switch {
			case knownValue(l.os, f.Key, v):
			case f.Key == "PRODUCT":
				l.warn("unknown-product", at, fmt.Sprintf("%q is in no list of known products; the service may refuse it", v))
			default:
				l.warn("unknown-value", at, fmt.Sprintf("%s never has the value %q as far as is known", f.Key, v))
			}
		}
		if len(f.Values) > 1 && slices.Contains(f.Values, "*") {
			l.warn("redundant-values", at, "* passes everything, the other values do nothing")
		}
	}
}

func (l *linter) rule(i int) {
	r := l.b.rules()[i]
	at := fmt.Sprintf("ApprovalRules.PatchRules[%d]", i)
	filters := r.PatchFilterGroup.filters()
	l.filters(at+".PatchFilterGroup", filters)
	l.unreachable(at, filters)
	if l.os == Windows {
		l.windowsRule(at, r, filters)
	}
	if worldOf(l.os) == worldDeb && (r.ApproveAfterDays != nil && *r.ApproveAfterDays > 0 || r.ApproveUntilDate != "") {
		l.warn("apt-delay-ignored", at, "Patch Manager knows no delay on this system: the rule approves at once, unless the approval-delay extension is on")
	}
	if l.os == MacOS && (r.ApproveAfterDays != nil && *r.ApproveAfterDays > 0 || r.ApproveUntilDate != "") {
		l.warn("macos-delay-ignored", at, "macOS packages carry no date: the rule approves at once")
	}
	if isTrue(r.EnableNonSecurity) && worldOf(l.os) == worldRPM && narrows(filters, "CLASSIFICATION", "SEVERITY") {
		l.warn("non-security-without-effect", at+".EnableNonSecurity",
			"a package without an advisory never passes a CLASSIFICATION or SEVERITY filter other than *")
	}
	if l.os == CentOS && !isTrue(r.EnableNonSecurity) {
		l.warn("centos-no-advisories", at, "the default CentOS repositories have no advisories: without EnableNonSecurity the rule approves nothing")
	}
}

// narrows says whether a filter on one of the keys has no "*".
func narrows(filters []PatchFilter, keys ...string) bool {
	return slices.ContainsFunc(filters, func(f PatchFilter) bool {
		return slices.Contains(keys, f.Key) && !slices.Contains(f.Values, "*")
	})
}

// unreachable reports a rule whose filters, with the global ones, exclude each
// other: all filters of one key are ANDed and share no value.
func (l *linter) unreachable(at string, filters []PatchFilter) {
	all := append(slices.Clone(l.b.GlobalFilters.filters()), filters...)
	seen := map[string][]string{}
	for _, f := range all {
		if slices.Contains(f.Values, "*") {
			continue
		}
		values, narrowed := seen[f.Key]
		if !narrowed {
			seen[f.Key] = f.Values
			continue
		}
		common := slices.DeleteFunc(slices.Clone(values), func(v string) bool {
			return !slices.ContainsFunc(f.Values, func(w string) bool { return equalFold(v, w) })
		})
		if len(common) == 0 {
			l.warn("never-matches", at, fmt.Sprintf("the filters on %s share no value: the rule can never match", f.Key))
			return
		}
		seen[f.Key] = common
	}
}

func (l *linter) windowsRule(at string, r PatchRule, filters []PatchFilter) {
	if r.ApproveAfterDays != nil && *r.ApproveAfterDays > 21 {
		l.warn("windows-long-delay", at+".ApproveAfterDays", fmt.Sprintf(
			"%d days: a monthly cumulative update is superseded before it is old enough, so that nothing may ever be approved", *r.ApproveAfterDays))
	}
	if hasKey(filters, "PATCH_ID") {
		l.warn("patch-id-in-rule", at, "PATCH_ID is documented for global filters; the service may refuse it in a rule")
	}
	application := slices.ContainsFunc(filters, func(f PatchFilter) bool {
		return f.Key == "PATCH_SET" && slices.Contains(f.Values, "APPLICATION")
	})
	if application && !hasKey(filters, "PRODUCT") && !strings.HasPrefix(l.b.Name, "AWS-") {
		l.warn("application-without-product", at, "a custom baseline's application rule needs PRODUCT")
	}
	if !application && slices.ContainsFunc(filters, func(f PatchFilter) bool {
		return f.Key == "PRODUCT_FAMILY" && slices.ContainsFunc(f.Values, func(v string) bool { return equalFold(v, "Office") })
	}) {
		l.warn("never-matches", at, "a rule without PATCH_SET means PATCH_SET=OS and never matches Office")
	}
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
	advisoryID = regexp.MustCompile(`(?i)^([A-Z]{2,6}(SA|BA|EA)-\d{4}[:-]\d+|ALAS[A-Z0-9.]*-\d{4}-\d+|SUSE-[A-Z]{2}-.*)$`)
	cveID      = regexp.MustCompile(`(?i)^CVE-\d{4}-\d+$`)
	kbID       = regexp.MustCompile(`(?i)^(KB\d+|MS\d\d-\d{3})$`)
)

func (l *linter) lists() {
	b := l.b
	for i, s := range b.ApprovedPatches {
		l.entry(fmt.Sprintf("ApprovedPatches[%d]", i), s, false)
	}
	for i, s := range b.RejectedPatches {
		l.entry(fmt.Sprintf("RejectedPatches[%d]", i), s, true)
	}
	rejected := compileList(l.os, b.RejectedPatches, false)
	for i, s := range b.ApprovedPatches {
		if r := l.rejecting(&rejected, s); r != "" {
			l.warn("rejected-blocks-approved", fmt.Sprintf("ApprovedPatches[%d]", i),
				fmt.Sprintf("%q is rejected by %q, and rejected wins", s, r))
		}
	}
}

// rejecting finds a rejected entry that matches everything an approved one does.
func (l *linter) rejecting(rejected *patternList, approved string) string {
	for i := range rejected.entries {
		e := &rejected.entries[i]
		if e.glob.match([]byte(approved)) || strings.HasPrefix(foldString(approved), foldString(e.text)+".") ||
			(e.glob.ops == nil && strings.HasPrefix(foldString(approved), foldString(e.text)+"-") && hasDigitAfterDash(approved, len(e.text))) {
			return e.text
		}
	}
	return ""
}

func hasDigitAfterDash(s string, at int) bool {
	return at+1 < len(s) && s[at] == '-' && isDigit(s[at+1])
}

func (l *linter) entry(at, s string, rejected bool) {
	report := l.warn
	if rejected {
		report = l.fail // an entry that never matches rejects nothing
	}
	stars := strings.Count(s, "*") + strings.Count(s, "?")
	switch worldOf(l.os) {
	case worldWindows:
		if !kbID.MatchString(s) {
			report("never-matches", at, fmt.Sprintf("%q is neither KB… nor MSnn-nnn and matches nothing", s))
		}
		return
	case worldMac:
		if isGlob(s) {
			report("never-matches", at, fmt.Sprintf("%q: wildcards do not work on macOS, the entry matches nothing", s))
		}
		return
	}
	_, number := digits(s)
	if rejected && l.os != Suse && worldOf(l.os) == worldRPM && (number || cveID.MatchString(s) || advisoryID.MatchString(s)) {
		l.fail("id-in-rejected", at, fmt.Sprintf("%q is an advisory, CVE or Bugzilla id; RejectedPatches takes package names only and ignores it (AMB-09)", s))
		return
	}
	if worldOf(l.os) == worldDeb && (cveID.MatchString(s) || advisoryID.MatchString(s)) {
		report("never-matches", at, fmt.Sprintf("%q: lists of Debian-like systems hold package names, not ids", s))
		return
	}
	if stars > 1 {
		l.warn("several-wildcards", at, fmt.Sprintf("%q: the documentation promises one wildcard", s))
	}
	switch name, found := strings.CutSuffix(s, "*"); {
	case s == "*":
		if rejected {
			l.warn("matches-everything", at, "* rejects every package: nothing is ever approved")
		} else {
			l.fail("matches-everything", at, "* approves every package past every filter and delay")
		}
	case found && !isGlob(name) && name != "" && isLetter(name[len(name)-1]):
		l.warn("wildcard-surprise", at, fmt.Sprintf("%q matches every package whose name begins so, such as %s-tools; write %q for the versions of one package", s, name, name+"-[0-9]*"))
	}
}
