package rpm

import (
	"fmt"
	"maps"
	"strings"
)

// section is one [part] of a configuration file.
type section struct {
	name string
	keys map[string]string // in lower case; a value of several lines keeps its line ends
}

// parseINI reads a configuration file of yum or dnf: a line that begins with a blank
// continues the value before it. Anything that is none of it is an error, because a
// repository that was not understood must not be left out.
func parseINI(text []byte) ([]section, error) {
	var all []section
	last := ""
	var more []string // further lines of the last value
	flush := func() {
		if len(more) > 0 {
			keys := all[len(all)-1].keys
			keys[last] = strings.Join(append([]string{keys[last]}, more...), "\n")
		}
		last, more = "", nil
	}
	n := 0
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		n++
		line = strings.TrimRight(line, " \t\r\n")
		body := strings.TrimLeft(line, " \t")
		switch {
		case body == "":
			flush()
		case body[0] == '#' || body[0] == ';':
		case body[0] == '[' && body == line:
			name, rest, ok := strings.Cut(body[1:], "]")
			if rest = strings.TrimSpace(rest); !ok || name == "" || (rest != "" && rest[0] != '#' && rest[0] != ';') {
				return nil, fmt.Errorf("line %d: %q is no section", n, shorten(body))
			}
			flush()
			all = append(all, section{name, map[string]string{}})
		case len(all) == 0:
			return nil, fmt.Errorf("line %d: %q stands before the first section", n, shorten(body))
		case body != line && last != "":
			more = append(more, body)
		default:
			i := strings.IndexAny(body, "=:")
			if i <= 0 || strings.ContainsAny(strings.TrimRight(body[:i], " \t"), " \t") {
				return nil, fmt.Errorf("line %d: %q is no setting", n, shorten(body))
			}
			flush()
			last = strings.ToLower(strings.TrimSpace(body[:i]))
			all[len(all)-1].keys[last] = strings.TrimSpace(body[i+1:])
		}
	}
	flush()
	return all, nil
}

// settings reads a configuration file whose sections have different names; of a key
// that is there twice the last counts.
func settings(text []byte) (map[string]map[string]string, error) {
	all, err := parseINI(text)
	out := map[string]map[string]string{}
	for _, s := range all {
		if out[s.name] == nil {
			out[s.name] = map[string]string{}
		}
		maps.Copy(out[s.name], s.keys)
	}
	return out, err
}

// words are the parts of a value that is a list: blanks, commas and line ends part
// them.
func words(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" ,\t\r\n", r) })
}

func shorten(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
