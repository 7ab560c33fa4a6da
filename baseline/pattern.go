package baseline

import "strings"

// patternList is a compiled approved or rejected list, or one side of an install
// override entry. The zero value matches nothing.
type patternList struct {
	world   world
	suse    bool
	entries []pattern
	// ids are the entries compared whole with advisory ids, CVE ids and Bugzilla
	// numbers; only an approved list has them (AMB-09).
	ids map[string]int
}

type pattern struct {
	text  string
	index int // in the baseline's list
	glob  glob
	// A cheap test before any rendering: what a match must begin and end with.
	first, last         byte
	fixFirst, fixedLast bool
}

// compileList prepares a list for an operating system. withIDs makes entries
// match advisory, CVE and Bugzilla ids too, on rpm systems (§6.1).
func compileList(os OperatingSystem, list []string, withIDs bool) patternList {
	l := patternList{world: worldOf(os), suse: os == Suse}
	for i, text := range list {
		if l.world == worldRPM && withIDs {
			if l.ids == nil {
				l.ids = make(map[string]int, len(list))
			}
			if _, dup := l.ids[foldString(text)]; !dup {
				l.ids[foldString(text)] = i
			}
			if _, number := digits(text); number && text != "" {
				continue // a Bugzilla id and nothing else
			}
		}
		p := pattern{text: text, index: i}
		if l.world == worldMac || l.world == worldWindows {
			p.glob = glob{literal: foldString(text)} // exact: no wildcards (§6.4)
		} else {
			p.glob = compileGlob(text)
		}
		p.first, p.fixFirst = p.glob.first()
		p.last, p.fixedLast = p.glob.last()
		l.entries = append(l.entries, p)
	}
	return l
}

// matchPackage returns the index in the list of the first entry that fits one of
// the package's renderings; -1 if none does. buf is scratch and may be nil.
func (l *patternList) matchPackage(p *Package, buf *[]byte) int {
	for i := range l.entries {
		e := &l.entries[i]
		if e.possible(l, p) && e.fits(l, p, buf) {
			return e.index
		}
	}
	return -1
}

// possible rejects most pairs by the first and last byte of the renderings.
func (e *pattern) possible(l *patternList, p *Package) bool {
	if e.fixFirst {
		c := e.first
		ok := begins(p.Name, c) || begins(p.Version, c)
		switch l.world {
		case worldRPM:
			ok = ok || begins(epochOf(p.Epoch), c)
		case worldDeb:
			ok = ok || begins(p.Arch, c)
		}
		if !ok {
			return false
		}
	}
	if e.fixedLast {
		c := e.last
		if p.Version == "" || p.Arch == "" || (l.world == worldRPM && p.Release == "") {
			return true
		}
		return ends(p.Name, c) || ends(p.Version, c) || ends(p.Arch, c) || ends(p.Release, c) ||
			l.suse && c == 'm'
	}
	return true
}

func begins(s string, c byte) bool { return s == "" || fold(s[0]) == c }
func ends(s string, c byte) bool   { return s != "" && fold(s[len(s)-1]) == c }

func (e *pattern) fits(l *patternList, p *Package, buf *[]byte) bool {
	var local []byte
	if buf == nil {
		buf = &local
	}
	for _, form := range formsOf(l.world, l.suse) {
		*buf = render((*buf)[:0], form, p)
		if e.glob.match(*buf) {
			return true
		}
	}
	return false
}

// The renderings of a package: n name, a arch, e epoch, v version, r release, R
// the letters rpm; anything else stands for itself.
var (
	rpmForms = []string{ // §6.1, the twelve
		"n", "n.a", "n-v", "n-v-r", "n-v-r.a", "v", "v-r", "e:v-r",
		"n-e:v-r", "n-e:v-r.a", "e:n-v-r.a", "n.a:e:v-r",
	}
	suseForms = append(append([]string{}, rpmForms...), "n-v-r.a.R") // §6.3
	debForms  = []string{"n", "v", "n.a", "n-v", "a:v", "n.a:v"}     // §6.2
	macForms  = []string{"n", "n.v"}                                 // §6.4
	nameForm  = []string{"n"}
)

func formsOf(w world, suse bool) []string {
	switch {
	case suse:
		return suseForms
	case w == worldRPM:
		return rpmForms
	case w == worldDeb:
		return debForms
	case w == worldMac:
		return macForms
	}
	return nameForm
}

func render(b []byte, form string, p *Package) []byte {
	for _, c := range []byte(form) {
		switch c {
		case 'n':
			b = append(b, p.Name...)
		case 'a':
			b = append(b, p.Arch...)
		case 'e':
			b = append(b, epochOf(p.Epoch)...)
		case 'v':
			b = append(b, p.Version...)
		case 'r':
			b = append(b, p.Release...)
		case 'R':
			b = append(b, "rpm"...)
		default:
			b = append(b, c)
		}
	}
	return b
}

// matchVersion is matchPackage for a version in a repository: on SUSE the patches
// that name it count by their names.
func (l *patternList) matchVersion(p *AvailablePackage, buf *[]byte) int {
	i := l.matchPackage(&p.Package, buf)
	if i >= 0 || !l.suse {
		return i
	}
	for n := range p.Notices {
		if i := l.matchPatchName(p.Notices[n].ID); i >= 0 {
			return i
		}
	}
	return -1
}

// matchNotice returns the index of the entry that names the notice; -1 if none
// does. An approved list compares its id, CVE ids and Bugzilla numbers whole; on
// SUSE either list also matches the patch name, with wildcards (§6.3).
func (l *patternList) matchNotice(n *Notice, buf *[]byte) int {
	if n == nil {
		return -1
	}
	if l.ids == nil {
		return l.matchPatchName(n.ID)
	}
	if i := l.matchID(n.ID); i >= 0 {
		return i
	}
	for _, id := range n.CVEs {
		if i := l.matchID(id); i >= 0 {
			return i
		}
	}
	for _, id := range n.Bugzillas {
		if i := l.matchID(id); i >= 0 {
			return i
		}
	}
	return l.matchPatchName(n.ID)
}

func (l *patternList) matchID(id string) int {
	if i, ok := l.ids[id]; ok {
		return i
	}
	if i, ok := l.ids[foldString(id)]; ok {
		return i
	}
	return -1
}

// matchPatchName globs over the names of SUSE patches; other systems never do.
func (l *patternList) matchPatchName(name string) int {
	if !l.suse {
		return -1
	}
	for i := range l.entries {
		if e := &l.entries[i]; e.glob.match([]byte(name)) {
			return e.index
		}
	}
	return -1
}

// MatchPattern says whether one list entry matches a package, as an approved
// list would; notices are the advisories that name exactly this version.
func MatchPattern(os OperatingSystem, entry string, p Package, notices ...Notice) bool {
	names := compileList(os, []string{entry}, false)
	if names.matchPackage(&p, nil) >= 0 {
		return true
	}
	l := compileList(os, []string{entry}, true)
	for i := range notices {
		if l.matchNotice(&notices[i], nil) >= 0 {
			return true
		}
	}
	return false
}

// matchKB compares list entries with an update's KB id and bulletin (§6.4).
func (l *patternList) matchKB(u *Update) int {
	for i := range l.entries {
		for _, id := range [...]string{u.KB, u.Bulletin} {
			if id != "" && strings.EqualFold(l.entries[i].text, id) {
				return l.entries[i].index
			}
		}
	}
	return -1
}
