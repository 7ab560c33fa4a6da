package zypp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// layout says where zypper keeps what is read here, as paths under the root.
type layout struct {
	repos, services, vars string // folders
	raw                   string // folder of the raw cache
	locks                 string // file; empty: locks are not applied
	signed                bool   // zypper demands that indices are signed
}

// readLayout reads the folders that zypp.conf may move.
func readLayout(root fs.FS) (layout, error) {
	main := map[string]string{}
	text, err := readFile(root, "etc/zypp/zypp.conf")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return layout{}, fmt.Errorf("read zypper's configuration: %w", err)
	}
	sections, err := parseINI(text)
	if err != nil {
		return layout{}, fmt.Errorf("read zypper's configuration from etc/zypp/zypp.conf: %w", err)
	}
	for _, s := range sections {
		if s.name == "main" {
			for _, e := range s.entries {
				main[e.key] = e.values[0]
			}
		}
	}
	at := func(key, otherwise string) string {
		if v := main[key]; v != "" {
			otherwise = v
		}
		return strings.TrimPrefix(path.Clean("/"+otherwise), "/")
	}
	etc := at("configdir", "/etc/zypp")
	l := layout{
		repos: at("reposdir", etc+"/repos.d"), services: at("servicesdir", etc+"/services.d"), vars: at("varsdir", etc+"/vars.d"),
		raw: at("metadatadir", at("cachedir", "/var/cache/zypp")+"/raw"), locks: at("locksfile.path", etc+"/locks"),
		signed: yes(main["repo_gpgcheck"]),
	}
	if v, ok := main["locksfile.apply"]; ok && !yes(v) {
		l.locks = ""
	}
	return l, nil
}

// maxConfig bounds a file of configuration, in bytes.
const maxConfig = 1 << 20

// readFile reads a file of configuration. Without such a file it answers fs.ErrNotExist.
func readFile(root fs.FS, name string) ([]byte, error) { return readUpTo(root, name, maxConfig) }

func readUpTo(root fs.FS, name string, limit int64) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, name, limit)
}

func readAll(r io.Reader, name string, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return text, err
}

// section is one [name] of an INI file with its entries in their order.
type section struct {
	name    string
	entries []entry
}

// entry is a key with its values: a key that stands on several lines, and the lines
// without a key after it, give several. There is at least one, which may be empty.
type entry struct {
	key    string
	values []string
}

// parseINI reads a file in the form of .repo files. Sections of one name are joined.
func parseINI(text []byte) ([]section, error) {
	var all []section
	index := map[string]int{}
	now := -1
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			end := strings.LastIndexByte(line, ']')
			if end < 0 {
				return nil, fmt.Errorf("line %d: a section's name is not closed", n)
			}
			name := strings.TrimSpace(line[1:end])
			if _, known := index[name]; !known {
				index[name] = len(all)
				all = append(all, section{name: name})
			}
			now = index[name]
			continue
		}
		if now < 0 {
			return nil, fmt.Errorf("line %d stands before any section", n)
		}
		s := &all[now]
		key, value, ok := strings.Cut(line, "=")
		// A further address may hold an equals sign itself: a key is one word.
		if key = strings.TrimSpace(key); ok && key != "" && !strings.ContainsAny(key, ":/ \t") {
			s.entries = append(s.entries, entry{key, []string{strings.TrimSpace(value)}})
			continue
		}
		if len(s.entries) == 0 {
			return nil, fmt.Errorf("line %d is neither a section nor key=value", n)
		}
		last := &s.entries[len(s.entries)-1]
		last.values = append(last.values, line)
	}
	return all, nil
}

// yes reads a switch as zypper does.
func yes(v string) bool {
	switch v = strings.ToLower(v); v {
	case "yes", "true", "always", "on", "+":
		return true
	}
	return strings.Trim(v, "0") != "" && strings.Trim(v, "0123456789") == ""
}
