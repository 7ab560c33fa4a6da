package zypp

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
)

// lock is an entry of zypper's locks file that is about packages.
type lock struct {
	text      string // for people
	names     []*regexp.Regexp
	operator  string // of the version; empty: any version
	version   string
	repos     []string // aliases; empty: any, the installed packages too
	installed bool     // about installed packages only
	available bool     // about packages that are not installed only
}

// maxLocks bounds the locks: each is tried on every package.
const maxLocks = 1000

// systemAlias is zypper's alias for what is installed.
const systemAlias = "@System"

// readLocks reads the locks on packages, and remarks on those that are about
// something else or that are not understood.
func readLocks(root fs.FS, name string) (locks []lock, remarks []string, err error) {
	if name == "" {
		return nil, nil, nil
	}
	text, err := readFile(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read zypper's locks: %w", err)
	}
	locks, remarks = parseLocks(string(text))
	if len(locks) > maxLocks {
		return nil, nil, fmt.Errorf("read zypper's locks: %s has more than %d", name, maxLocks)
	}
	return locks, remarks, nil
}

// parseLocks reads entries of "attribute: value", parted by empty lines.
func parseLocks(text string) (locks []lock, remarks []string) {
	var entry [][2]string
	end := func() {
		if len(entry) == 0 {
			return
		}
		l, err := newLock(entry)
		switch {
		case err != nil:
			remarks = append(remarks, fmt.Sprintf("zypper's lock (%s) is left out here: %v; zypper heeds it", l.text, err))
		default:
			locks = append(locks, l)
		}
		entry = nil
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok { // zypper takes any other line for an empty one
			end()
			continue
		}
		entry = append(entry, [2]string{strings.TrimSpace(key), strings.TrimSpace(value)})
	}
	end()
	return locks, remarks
}

func newLock(entry [][2]string) (lock, error) {
	var l lock
	var names, kinds, said []string
	match, sensitive := "substring", false
	var err error
	for _, e := range entry {
		value := e[1]
		said = append(said, e[0]+": "+short(value))
		switch e[0] {
		case "type", "kind":
			kinds = append(kinds, value)
		case "repo":
			l.repos = append(l.repos, value)
		case "match_type", "string_type":
			match = value
		case "case_sensitive":
			sensitive = yes(value)
		case "install_status":
			l.installed, l.available = value == "installed", value == "not-installed"
		case "version":
			i := strings.IndexFunc(value, func(r rune) bool { return !strings.ContainsRune("=<>!", r) })
			if i < 0 {
				err = fmt.Errorf("version %q has no number", short(value))
				break
			}
			l.operator, l.version = value[:i], strings.TrimSpace(value[i:])
			if l.operator == "" || l.operator == "=" {
				l.operator = "=="
			}
		case "solvable_name":
			name, rest, versioned := cutVersion(value)
			names = append(names, name)
			if versioned {
				l.operator, l.version = rest[0], rest[1]
			}
		case "comment":
		default:
			err = fmt.Errorf("attribute %s is not read", short(e[0]))
		}
	}
	l.text = strings.Join(said, ", ")
	switch {
	case err != nil:
		return l, err
	case len(kinds) > 0 && !slices.Contains(kinds, "package"):
		return l, fmt.Errorf("it is about a %s", short(strings.Join(kinds, ", ")))
	case len(names) == 0:
		return l, errors.New("it gives no name")
	}
	for _, n := range names {
		re, err := pattern(n, match, sensitive)
		if err != nil {
			return l, err
		}
		l.names = append(l.names, re)
	}
	return l, nil
}

// cutVersion parts "name > 1.0".
func cutVersion(value string) (name string, version [2]string, ok bool) {
	words := strings.Fields(value)
	if len(words) != 3 || strings.Trim(words[1], "=<>!") != "" {
		return value, version, false
	}
	if words[1] == "=" {
		words[1] = "=="
	}
	return words[0], [2]string{words[1], words[2]}, true
}

// hold marks the installed packages that a lock keeps as they are, and remarks on them.
func hold(list []baseline.Installed, locks []lock) []string {
	var remarks []string
	for i := range list {
		p := &list[i]
		for _, l := range locks {
			if l.covers(p.Package, systemAlias) {
				p.Held = true
				remarks = append(remarks, fmt.Sprintf("package %s is locked at %s by zypper (%s)", p.Name, p.Version+"-"+p.Release, l.text))
				break
			}
		}
	}
	return remarks
}

// forbidden remarks on offers that a lock keeps from being installed although it does
// not hold what is installed.
func (s system) forbidden(available baseline.Available) []string {
	held := map[string]bool{}
	for _, p := range s.inventory.Installed {
		held[p.Name] = held[p.Name] || p.Held
	}
	var remarks []string
	for _, p := range available.Packages {
		if held[p.Name] {
			continue
		}
		for _, l := range s.locks {
			if l.covers(p.Package, p.Repository) {
				remarks = append(remarks, fmt.Sprintf("package %s %s is kept out by zypper's lock (%s)", p.Name, p.Version+"-"+p.Release, l.text))
				break
			}
		}
	}
	return remarks
}
