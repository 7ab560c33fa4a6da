package dpkg

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// parseList reads the one-line form: deb [ option=value … ] uri suite [component …].
func parseList(text []byte) ([]Source, error) {
	var list []Source
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		kind, rest, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		if kind == "deb-src" {
			continue
		}
		if kind != "deb" {
			return nil, fmt.Errorf("line %d: type %q is not deb or deb-src", n, kind)
		}
		var s Source
		rest = strings.TrimSpace(rest)
		if strings.HasPrefix(rest, "[") {
			options, after, ok := strings.Cut(rest[1:], "]")
			if !ok {
				return nil, fmt.Errorf("line %d: the options have no closing bracket", n)
			}
			for _, o := range strings.Fields(options) {
				key, value, ok := strings.Cut(o, "=")
				if !ok {
					return nil, fmt.Errorf("line %d: option %q has no value", n, o)
				}
				s.option(key, strings.Split(value, ","))
			}
			rest = after
		}
		words := words(rest)
		if len(words) < 2 {
			return nil, fmt.Errorf("line %d: an address and a suite are needed", n)
		}
		s.URI, s.Suite, s.Components = slashed(words[0]), words[1], words[2:]
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		list = append(list, s)
	}
	return list, lines.Err()
}

// parseDeb822 reads the paragraph form of sources.list(5).
func parseDeb822(text []byte) ([]Source, error) {
	var list []Source
	paragraphs := newStanzas(bytes.NewReader(uncommented(text)))
	for {
		stanza, err := paragraphs.next()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		p, err := paragraph(stanza)
		if err != nil {
			return nil, err
		}
		if len(p) == 0 || no(p["enabled"]) || !slices.Contains(strings.Fields(p["types"]), "deb") {
			continue
		}
		var common Source
		for key, value := range p {
			if key == "signed-by" && strings.Contains(value, "BEGIN PGP") {
				common.SignedBy = []string{unfold(value)}
				continue
			}
			common.option(key, strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" ,\n\t", r) }))
		}
		uris, suites := strings.Fields(p["uris"]), strings.Fields(p["suites"])
		if len(uris) == 0 || len(suites) == 0 {
			return nil, errors.New("a paragraph lacks URIs or Suites")
		}
		for _, uri := range uris {
			for _, suite := range suites {
				s := common
				s.URI, s.Suite, s.Components = slashed(uri), suite, strings.Fields(p["components"])
				if err := s.check(); err != nil {
					return nil, err
				}
				list = append(list, s)
			}
		}
	}
}

// words splits a line at spaces, but not within brackets: a disc's address is
// cdrom:[its name with spaces]/.
func words(line string) []string {
	var list []string
	deep, from := 0, -1
	for i, c := range line + " " {
		switch {
		case c == '[':
			deep++
		case c == ']':
			deep--
		}
		switch space := c == ' ' && deep <= 0 || i == len(line); {
		case space && from >= 0:
			list, from = append(list, line[from:i]), -1
		case !space && from < 0:
			from = i
		}
	}
	return list
}

// uncommented drops comment lines: between two paragraphs they would join them.
func uncommented(text []byte) []byte {
	var out []byte
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(line, []byte("#")) {
			continue
		}
		if len(bytes.TrimSpace(line)) == 0 {
			line = []byte("\n")
		}
		out = append(out, line...)
	}
	return out
}

// unfold restores a multi-line value: one leading space off, " ." is an empty line.
func unfold(value string) string {
	var lines []string
	for l := range strings.SplitSeq(value, "\n") {
		l = strings.TrimPrefix(l, " ")
		if l == "." {
			l = ""
		}
		lines = append(lines, l)
	}
	return strings.Join(lines, "\n") + "\n"
}

func no(v string) bool {
	return slices.Contains([]string{"no", "false", "0", "off", "without", "disable"}, strings.ToLower(v))
}
