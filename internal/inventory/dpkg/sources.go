package dpkg

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Source is one configured archive of binary packages: one address and one suite.
type Source struct {
	File          string // where it is configured
	URI           string // with a final slash
	Suite         string // ends with a slash when the archive is flat
	Components    []string
	Architectures []string // restricted to these; empty: all of the system's
	Add, Remove   []string // architectures besides and without those
	SignedBy      []string // key files, fingerprints, or one armoured key
	Trusted       bool     // apt was told not to check its signature
	KeepExpired   bool     // apt was told not to check Valid-Until
	Snapshot      string   // a snapshot's id, "enable" or "no"; empty: not said
}

// archs are those of the system's architectures that s is read for.
func (s Source) archs(system []string) []string {
	var list []string
	for _, a := range system {
		listed := len(s.Architectures) == 0 || slices.Contains(s.Architectures, a) || slices.Contains(s.Add, a)
		if listed && !slices.Contains(s.Remove, a) {
			list = append(list, a)
		}
	}
	return list
}

// Flat reports whether the archive has no dists tree.
func (s Source) Flat() bool { return strings.HasSuffix(s.Suite, "/") }

// Index is what the Release file's entries are relative to.
func (s Source) Index() string {
	switch {
	case s.Suite == "/":
		return s.URI
	case s.Flat():
		return s.URI + s.Suite
	}
	return s.URI + "dists/" + s.Suite + "/"
}

// String names the source as apt's messages do, without a password.
func (s Source) String() string {
	return strings.TrimSpace(plain(s.URI) + " " + s.Suite + " " + strings.Join(s.Components, " "))
}

// readSources reads the sources of binary packages that root is configured with,
// in apt's order.
func readSources(root fs.FS, native string) ([]Source, error) {
	files := []string{"etc/apt/sources.list"}
	parts, err := fs.ReadDir(root, "etc/apt/sources.list.d")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read apt sources: %w", err)
	}
	for _, e := range parts { // ReadDir sorts by name, as apt does
		if ext := path.Ext(e.Name()); ext == ".list" || ext == ".sources" {
			files = append(files, "etc/apt/sources.list.d/"+e.Name())
		}
	}
	var all []Source
	for _, name := range files {
		text, err := readSmall(root, name)
		if errors.Is(err, fs.ErrNotExist) && name == files[0] {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read apt sources: %w", err)
		}
		parse := parseList
		if path.Ext(name) == ".sources" {
			parse = parseDeb822
		}
		list, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("read apt sources from %s: %w", name, err)
		}
		for _, s := range list {
			s.File = "/" + name
			s.Suite = strings.ReplaceAll(s.Suite, "$(ARCH)", native)
			s.URI = strings.ReplaceAll(s.URI, "$(ARCH)", native)
			all = append(all, s)
		}
	}
	return all, nil
}

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

// option takes the options that change what is read; the others are apt's affair.
func (s *Source) option(key string, values []string) {
	switch strings.ToLower(key) {
	case "arch", "architectures":
		s.Architectures = values
	case "arch+", "architectures-add":
		s.Add = append(s.Add, values...)
	case "arch-", "architectures-remove":
		s.Remove = append(s.Remove, values...)
	case "check-valid-until":
		s.KeepExpired = len(values) == 1 && no(values[0])
	case "snapshot":
		s.Snapshot = strings.Join(values, ",")
		if no(s.Snapshot) {
			s.Snapshot = "no"
		}
	case "signed-by":
		s.SignedBy = values
	case "trusted":
		s.Trusted = len(values) == 1 && slices.Contains([]string{"yes", "true", "1", "on"}, strings.ToLower(values[0]))
	}
}

func (s Source) check() error {
	if s.Flat() != (len(s.Components) == 0) {
		return fmt.Errorf("source %s %s: components are needed for a suite, and none for a suite that ends with a slash", plain(s.URI), s.Suite)
	}
	return nil
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

func slashed(uri string) string {
	if strings.HasSuffix(uri, "/") {
		return uri
	}
	return uri + "/"
}

// plain is uri without user and password.
func plain(uri string) string {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		return uri
	}
	host, tail, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	return scheme + "://" + host + "/" + tail
}

// listName is the name under which apt keeps the file at uri in its lists folder.
func listName(uri string) string {
	if scheme, rest, ok := strings.Cut(plain(uri), ":"); ok && !strings.ContainsAny(scheme, "/") {
		uri = strings.TrimPrefix(rest, "//")
	}
	var b strings.Builder
	for i := range len(uri) {
		switch c := uri[i]; {
		case c == '/':
			b.WriteByte('_')
		case c <= 0x20 || c >= 0x7f || strings.IndexByte("\\|{}[]<>\"^~_=!@#$%^&*", c) >= 0:
			fmt.Fprintf(&b, "%%%02x", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
