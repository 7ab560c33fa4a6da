package baseline

import "strings"

// patternList is a compiled approved or rejected list, or one side of an install
// override entry. The zero value matches nothing.
type patternList struct {
	world   world
	suse    bool
	forms   []form
	entries []pattern
	// ids are the entries compared whole with advisory ids, CVE ids and Bugzilla
	// numbers, by length; only an approved list has them (AMB-09).
	ids map[int][]listID
}

type listID struct {
	text  string // folded
	index int    // in the baseline's list
}

type pattern struct {
	text  string
	index int // in the baseline's list
	glob  glob
}

// compileList prepares a list for an operating system. withIDs makes entries
// match advisory, CVE and Bugzilla ids too, on rpm systems (§6.1).
func compileList(os OperatingSystem, list []string, withIDs bool) patternList {
	l := patternList{world: worldOf(os), suse: os == Suse}
	l.forms = formsOf(l.world, l.suse)
	for i, text := range list {
		if l.world == worldRPM && withIDs {
			if l.ids == nil {
				l.ids = make(map[int][]listID, 4)
			}
			l.ids[len(text)] = append(l.ids[len(text)], listID{foldString(text), i})
			if _, number := digits(text); number && text != "" {
				continue // a Bugzilla id and nothing else
			}
		}
		p := pattern{text: text, index: i}
		if l.world == worldMac || l.world == worldWindows {
			p.glob = literalGlob(text) // exact: no wildcards (§6.4)
		} else {
			p.glob = compileGlob(text)
		}
		l.entries = append(l.entries, p)
	}
	return l
}

// matchPackage returns the index in the list of the first entry that fits one of
// the package's renderings; -1 if none does. buf is scratch and may be nil.
func (l *patternList) matchPackage(p *Package, buf *[]byte) int {
	for i := range l.entries {
		if e := &l.entries[i]; e.fits(l.forms, p, buf) {
			return e.index
		}
	}
	return -1
}

// fits tries the renderings that can begin and end as the pattern does.
func (e *pattern) fits(forms []form, p *Package, buf *[]byte) bool {
	starts := startingParts(p, e.glob.head)
	if starts == 0 {
		return false
	}
	ends := endingParts(p, e.glob.tail)
	if ends == 0 {
		return false
	}
	for i := range forms {
		f := &forms[i]
		if starts&f.start == 0 || ends&f.end == 0 {
			continue
		}
		n := f.length(p)
		if n < e.glob.least || (e.glob.ops == nil && n > e.glob.least) || !f.endsWith(p, e.glob.tail) {
			continue
		}
		if e.matchForm(f, p, buf) {
			return true
		}
	}
	return false
}

func (e *pattern) matchForm(f *form, p *Package, buf *[]byte) bool {
	var local []byte
	if buf == nil {
		buf = &local
	}
	*buf = f.render((*buf)[:0], p)
	return e.glob.match(*buf)
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
	for _, e := range l.ids[len(id)] {
		if equalFolded(id, e.text) {
			return e.index
		}
	}
	return -1
}

// equalFolded compares from the end, where ids differ, with an already folded text
// of the same length.
func equalFolded(s, folded string) bool {
	for i := len(s) - 1; i >= 0; i-- {
		if fold(s[i]) != folded[i] {
			return false
		}
	}
	return true
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
