package rpmmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
)

// Modules is what a modules.yaml says: streams with their packages, default streams
// and streams that are obsolete.
type Modules struct {
	Streams   []Stream
	Defaults  map[string]string // module → default stream
	Obsoletes []ObsoleteStream
}

// Stream is one build of a module stream.
type Stream struct {
	Name, Stream, Version, Context, Arch string
	// Requires are what it needs, all of it: module → streams, of which an empty list
	// accepts any and "-x" excludes x.
	Requires []map[string][]string
	// Artifacts are the packages, as name-epoch:version-release.arch.
	Artifacts []string
}

// ObsoleteStream is a stream that its publisher has given up.
type ObsoleteStream struct {
	Name, Stream string
	ByName, By   string // what takes its place, if anything
	EOL, Message string
	Reset        bool // nodes go back to the default stream
	Modified     string
	Context      string // of the build that is meant; empty: all
}

// Bounds of a modules.yaml: it is read whole, document by document.
const (
	maxModules  = 128 << 20
	maxDocument = 16 << 20
	maxRest     = 16 << 10 // of a document without its long lists and texts
	maxNesting  = 32
)

// ReadModules reads a modules.yaml. Kinds of documents that it does not know are
// left out.
func ReadModules(r io.Reader) (Modules, error) {
	m := Modules{Defaults: map[string]string{}}
	text, err := io.ReadAll(io.LimitReader(r, maxModules+1))
	if err != nil {
		return m, fmt.Errorf("modules: %w", err)
	}
	if len(text) > maxModules {
		return m, fmt.Errorf("modules: they have more than %d bytes", maxModules)
	}
	n := 0
	for doc := range documents(text) {
		n++
		if err := m.take(doc); err != nil {
			return m, fmt.Errorf("modules: document %d: %w", n, err)
		}
	}
	return m, nil
}

// documents yields the YAML documents of text, which lines of --- part.
func documents(text []byte) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		from := 0
		emit := func(to int) bool {
			doc := bytes.TrimSpace(text[from:to])
			return len(doc) == 0 || yield(text[from:to])
		}
		for at := 0; at < len(text); {
			end := bytes.IndexByte(text[at:], '\n')
			if end < 0 {
				end = len(text) - at - 1
			}
			line := bytes.TrimRight(text[at:at+end+1], " \t\r\n")
			if string(line) == "---" || string(line) == "..." || bytes.HasPrefix(line, []byte("%YAML")) {
				if !emit(at) {
					return
				}
				from = at + end + 1
			}
			at += end + 1
		}
		emit(len(text))
	}
}

// document is the part of a document that matters here.
type document struct {
	Document string `yaml:"document"`
	Data     struct {
		Module, Name string
		Stream       scalar
		Version      scalar
		Context      scalar
		Arch         string
		Dependencies []struct {
			Requires map[string]streams `yaml:"requires"`
		} `yaml:"dependencies"`
		EOL         scalar `yaml:"eol_date"`
		Modified    scalar
		Message     string
		Reset       bool
		ObsoletedBy struct {
			Module string
			Stream scalar
		} `yaml:"obsoleted_by"`
	}
}

// scalar is a text that YAML may take for a number: stream 10 is not 1e1.
type scalar string

// UnmarshalYAML keeps the text as written, without its quotes.
func (s *scalar) UnmarshalYAML(text []byte) error {
	v := strings.TrimSpace(string(text))
	switch {
	case strings.ContainsAny(v, "\n{}[]&*!|>"):
		return fmt.Errorf("%q is no plain value", short(v))
	case len(v) >= 2 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0]:
		v = v[1 : len(v)-1]
	}
	*s = scalar(v)
	return nil
}

// streams is a list of streams; a single one may stand without a list.
type streams []scalar

// UnmarshalYAML reads a list or a single value.
func (s *streams) UnmarshalYAML(text []byte) error {
	var list []scalar
	if err := yaml.Unmarshal(text, &list); err == nil {
		*s = list
		return nil
	}
	var one scalar
	if err := yaml.Unmarshal(text, &one); err != nil {
		return err
	}
	*s = streams{one}
	return nil
}

func (m *Modules) take(text []byte) error {
	if len(text) > maxDocument {
		return fmt.Errorf("it has more than %d bytes", maxDocument)
	}
	rest, artifacts, err := condense(text)
	if err != nil {
		return err
	}
	var d document
	if err := yaml.Unmarshal(rest, &d); err != nil {
		return fmt.Errorf("%s", firstLine(err.Error()))
	}
	switch d.Document {
	case "modulemd", "modulemd-stream", "modulemd-packager":
		s := Stream{
			Name: d.Data.Name, Stream: string(d.Data.Stream), Version: string(d.Data.Version),
			Context: string(d.Data.Context), Arch: d.Data.Arch, Artifacts: artifacts,
		}
		if s.Name == "" || s.Stream == "" {
			return errors.New("a module stream lacks its name or its stream")
		}
		for _, dep := range d.Data.Dependencies {
			needs := map[string][]string{}
			for name, list := range dep.Requires {
				needs[name] = []string{}
				for _, v := range list {
					needs[name] = append(needs[name], string(v))
				}
			}
			s.Requires = append(s.Requires, needs)
		}
		m.Streams = append(m.Streams, s)
	case "modulemd-defaults":
		if d.Data.Module == "" {
			return errors.New("a default names no module")
		}
		if d.Data.Stream != "" {
			m.Defaults[d.Data.Module] = string(d.Data.Stream)
		}
	case "modulemd-obsoletes":
		m.Obsoletes = append(m.Obsoletes, ObsoleteStream{
			Name: d.Data.Module, Stream: string(d.Data.Stream), EOL: string(d.Data.EOL), Message: d.Data.Message,
			ByName: d.Data.ObsoletedBy.Module, By: string(d.Data.ObsoletedBy.Stream), Reset: d.Data.Reset,
			Modified: string(d.Data.Modified), Context: string(d.Data.Context),
		})
	}
	return nil
}

// wantedKeys are the children of data that are kept.
var wantedKeys = map[string]bool{
	"name": true, "module": true, "stream": true, "version": true, "context": true, "arch": true, "dependencies": true,
	"eol_date": true, "modified": true, "message": true, "reset": true, "obsoleted_by": true,
}

// condense cuts a document down to the keys that matter, and takes the list of rpm
// artifacts out of it: a parser of all YAML would spend seconds on descriptions and
// lists of a large repository. Only the block form, which every tool writes, is cut;
// what has another form is refused if it is long.
func condense(text []byte) (rest []byte, artifacts []string, err error) {
	dataIndent, keep, inData, inArtifacts, inRPMs := -1, true, false, false, false
	rpmsIndent := 0
	for line := range bytes.Lines(text) {
		trimmed := bytes.TrimLeft(line, " ")
		indent := len(line) - len(trimmed)
		body := bytes.TrimRight(trimmed, " \t\r\n")
		if len(body) == 0 || body[0] == '#' {
			continue
		}
		item := bytes.HasPrefix(body, []byte("- "))
		switch {
		case indent == 0 && !item:
			inData, dataIndent, keep, inArtifacts, inRPMs = string(body) == "data:", -1, true, false, false
			if !inData && !bytes.HasPrefix(body, []byte("document:")) && !bytes.HasPrefix(body, []byte("version:")) && !bytes.HasPrefix(body, []byte("{")) {
				keep = bytes.HasPrefix(body, []byte("data:"))
			}
		case inData && !item && (dataIndent < 0 || indent <= dataIndent):
			dataIndent = indent
			key, _, _ := bytes.Cut(body, []byte(":"))
			keep = wantedKeys[string(bytes.Trim(key, `"'`))]
			inArtifacts, inRPMs = string(body) == "artifacts:", false
		case inArtifacts && !item && (!inRPMs || indent <= rpmsIndent):
			inRPMs, rpmsIndent = string(body) == "rpms:", indent
		case inArtifacts && inRPMs && item:
			artifacts = append(artifacts, string(bytes.Trim(bytes.TrimSpace(body[2:]), `"'`)))
		}
		if keep {
			rest = append(rest, line...)
			if nesting(line) > maxNesting || indent > 8*maxNesting {
				return nil, nil, errors.New("it is nested too deeply")
			}
		}
		if len(rest) > maxRest {
			return nil, nil, fmt.Errorf("what matters of it has more than %d bytes", maxRest)
		}
	}
	if bytes.ContainsAny(rest, "&*") && anchored(rest) {
		return nil, nil, errors.New("anchors and aliases are not allowed")
	}
	return rest, artifacts, nil
}

// anchored reports whether a value begins with an anchor or an alias.
func anchored(text []byte) bool {
	for _, mark := range []string{": &", ": *", "- &", "- *", "[*", "[&", "{*", "{&", ", *", ", &"} {
		if bytes.Contains(text, []byte(mark)) {
			return true
		}
	}
	return false
}

func nesting(line []byte) int {
	n := 0
	for _, c := range line {
		if c == '[' || c == '{' {
			n++
		}
	}
	return n + bytes.Count(line, []byte("- "))
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}
