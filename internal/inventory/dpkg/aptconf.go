package dpkg

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// settings are apt's configuration (apt.conf(5)): values by lower-case name, with
// "::" between its parts. A list has its items under the name of the list.
type settings map[string][]string

// last is the value of a plain setting; empty when it is not set.
func (s settings) last(name string) string {
	v := s[strings.ToLower(name)]
	if len(v) == 0 {
		return ""
	}
	return v[len(v)-1]
}

// moved are the settings that say where apt keeps what is read here.
var moved = map[string][]string{
	"Dir":                   {"/"},
	"Dir::State":            {"var/lib/apt", "var/lib/apt/", "/var/lib/apt", "/var/lib/apt/"},
	"Dir::State::lists":     {"lists", "lists/", "/var/lib/apt/lists", "/var/lib/apt/lists/"},
	"Dir::State::status":    {"/var/lib/dpkg/status"},
	"Dir::Etc":              {"etc/apt", "etc/apt/", "/etc/apt", "/etc/apt/"},
	"Dir::Etc::sourcelist":  {"sources.list", "/etc/apt/sources.list"},
	"Dir::Etc::sourceparts": {"sources.list.d", "/etc/apt/sources.list.d", "sources.list.d/", "/etc/apt/sources.list.d/"},
}

// readSettings reads apt's configuration of root. What it says about where lists and
// sources are must be where they are read here: to read elsewhere and find nothing
// pending would look like compliance.
func readSettings(root fs.FS) (settings, error) {
	files, err := parts(root, "etc/apt/apt.conf.d", "", ".conf")
	if err != nil {
		return nil, fmt.Errorf("read apt configuration: %w", err)
	}
	all := settings{}
	for _, name := range append(files, "etc/apt/apt.conf") {
		text, err := readSmall(root, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = all.parse(string(text))
		}
		if err != nil {
			return nil, fmt.Errorf("read apt configuration from /%s: %w", name, err)
		}
	}
	for name, usual := range moved {
		if v := all.last(name); v != "" && !slices.Contains(usual, v) {
			return nil, fmt.Errorf("read apt configuration: %s is %q: files in other places than the usual are not supported", name, v)
		}
	}
	return all, nil
}

// parse adds the settings of a file.
func (s settings) parse(text string) error {
	t := tokens{rest: text}
	var scopes []string // the open blocks' names
	name, valued := "", false
	flush := func(value string) {
		if len(scopes) == 0 && strings.EqualFold(name, "#clear") {
			s.clear(value)
			return
		}
		full := strings.ToLower(strings.Join(append(slices.Clone(scopes), name), "::"))
		full = strings.Trim(full, ":")
		s[full] = append(s[full], value)
	}
	for {
		word, quoted, err := t.next()
		switch {
		case err != nil:
			return err
		case word == "" && !quoted:
			if len(scopes) > 0 || name != "" {
				return errors.New("it ends within a setting")
			}
			return nil
		case !quoted && word == "{":
			if scopes = append(scopes, name); len(scopes) > 32 {
				return errors.New("its blocks are too deep")
			}
			name, valued = "", false
		case !quoted && word == "}":
			if len(scopes) == 0 || name != "" && !valued {
				return errors.New("a block is closed that was not opened")
			}
			scopes = scopes[:len(scopes)-1]
			name, valued = "", true // a semicolon may follow
		case !quoted && word == ";":
			if name != "" && !valued {
				flush("") // a setting without a value
			}
			name, valued = "", false
		case !quoted && name == "":
			name, valued = word, false
		default:
			flush(word)
			valued = true
		}
	}
}

// clear forgets a setting and all below it.
func (s settings) clear(name string) {
	name = strings.ToLower(strings.Trim(name, ":"))
	for key := range s {
		if key == name || strings.HasPrefix(key, name+"::") {
			delete(s, key)
		}
	}
}

// tokens cuts a configuration file into words, quoted values, braces and semicolons.
type tokens struct{ rest string }

// next returns an empty word that is not quoted at the end.
func (t *tokens) next() (word string, quoted bool, err error) {
	for {
		t.rest = strings.TrimLeft(t.rest, " \t\r\n")
		switch {
		case t.rest == "":
			return "", false, nil
		case strings.HasPrefix(t.rest, "//"), t.rest[0] == '#':
			line, rest, _ := strings.Cut(t.rest, "\n")
			// To read on without another file would be to misread; it is rare enough.
			if strings.HasPrefix(strings.ToLower(line), "#include ") {
				return "", false, errors.New("#include is not supported")
			}
			if d := "#clear"; strings.HasPrefix(strings.ToLower(line), d+" ") {
				word, t.rest = d, t.rest[len(d):]
				return word, false, nil
			}
			t.rest = rest
		case strings.HasPrefix(t.rest, "/*"):
			_, rest, ok := strings.Cut(t.rest[2:], "*/")
			if !ok {
				return "", false, errors.New("a comment does not end")
			}
			t.rest = rest
		case strings.IndexByte("{};", t.rest[0]) >= 0:
			word, t.rest = t.rest[:1], t.rest[1:]
			return word, false, nil
		case t.rest[0] == '"':
			value, rest, ok := strings.Cut(t.rest[1:], `"`)
			if !ok || strings.Contains(value, "\n") {
				return "", false, errors.New("a quoted value does not end")
			}
			t.rest = rest
			return value, true, nil
		default:
			i := strings.IndexAny(t.rest, " \t\r\n{};\"")
			if i < 0 {
				i = len(t.rest)
			}
			word, t.rest = t.rest[:i], t.rest[i:]
			return word, false, nil
		}
	}
}
