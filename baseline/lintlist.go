package baseline

import (
	"fmt"
	"strings"
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
		if !kbID().MatchString(s) {
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
	if rejected && l.os != Suse && worldOf(l.os) == worldRPM && (number || cveID().MatchString(s) || advisoryID().MatchString(s)) {
		l.fail("id-in-rejected", at, fmt.Sprintf("%q is an advisory, CVE or Bugzilla id; RejectedPatches takes package names only and ignores it (AMB-09)", s))
		return
	}
	if worldOf(l.os) == worldDeb && (cveID().MatchString(s) || advisoryID().MatchString(s)) {
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
