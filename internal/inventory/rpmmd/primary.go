package rpmmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/goldenami/rehydrate/baseline"
)

// Package is one file that a repository offers.
type Package struct {
	baseline.Package // a missing epoch is "0"
	// Href is where the file is, relative to Base or, if that is empty, to the
	// repository.
	Href, Base string
	Sum        Digest
	Size       int64 // of the file, in bytes
	BuildTime  int64 // seconds
	Requires   []Capability
	Provides   []Capability
	Obsoletes  []Capability
}

// Capability is something that a package provides, needs or obsoletes.
type Capability struct {
	Name string
	// Relation is "", "<", "<=", "=", ">=" or ">"; with "" there is no Version.
	Relation string
	Version  string // [epoch:]version[-release]
}

// Names says which names are wanted; nil wants all. The name is valid during the
// call only.
type Names func(name []byte) bool

// has asks n about a name as a document writes it.
func (n Names) has(name []byte) bool {
	if n != nil && bytes.IndexByte(name, '&') >= 0 {
		name = []byte(value(name))
	}
	return n == nil || n(name)
}

// ReadPrimary reads a primary.xml and yields the packages whose name is wanted, and
// those that obsolete a wanted name.
func ReadPrimary(r io.Reader, wanted Names, yield func(Package) error) error {
	s := newScanner(r)
	for {
		t, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("primary: %w", err)
		}
		if t != start {
			continue
		}
		switch {
		case s.depth() == 1 && string(s.name) != "metadata":
			return fmt.Errorf("primary: it is a <%s>", short(string(s.name)))
		case s.depth() == 2 && string(s.name) == "package":
			p, ok, err := s.rpm(wanted)
			if err != nil {
				return fmt.Errorf("primary: package %s: %w", short(p.Name), err)
			}
			if !ok {
				continue
			}
			if err := yield(p); err != nil {
				return err
			}
		}
	}
}

// rpm reads the <package> that just began; ok says whether it is wanted. Of others
// only what costs nothing is kept.
func (s *scanner) rpm(wanted Names) (p Package, ok bool, err error) {
	depth := s.depth()
	p.Epoch = "0"
	for {
		t, err := s.next()
		if err != nil {
			return p, false, err
		}
		if t == stop && s.depth() < depth {
			break
		}
		if t != start || s.depth() != depth+1 {
			continue
		}
		switch string(s.name) {
		case "name":
			if p.Name, err = s.content(); err == nil {
				ok = wanted == nil || wanted([]byte(p.Name))
			}
			if err == nil && !ok && s.depth() == depth {
				// Most packages end here: they are not wanted and obsolete nothing.
				if rest := s.rest("</package>", obsoletes); rest != nil {
					s.leap(rest)
					return p, false, nil
				}
			}
		case "arch":
			p.Arch, err = s.content()
		case "version":
			eachAttr(s.attrs, func(n, v []byte) bool {
				switch string(n) {
				case "epoch":
					p.Epoch = epoch(v)
				case "ver":
					p.Version = value(v)
				case "rel":
					p.Release = value(v)
				}
				return true
			})
		case "checksum":
			p.Sum, err = s.digest()
		case "time":
			if build := s.attr("build"); build != "" {
				p.BuildTime, err = strconv.ParseInt(build, 10, 64)
			}
		case "size":
			if size := s.attr("package"); size != "" {
				p.Size, err = strconv.ParseInt(size, 10, 64)
			}
		case "location":
			if p.Href, p.Base = s.attr("href"), s.attr("xml:base"); p.Base == "" {
				p.Base = s.attr("base")
			}
		case "format":
			err = s.format(&p, &ok, wanted)
		}
		if err != nil {
			return p, false, err
		}
	}
	if p.Name == "" || p.Arch == "" || p.Version == "" || p.Release == "" || p.Href == "" {
		return p, false, errors.New("it lacks its name, architecture, version, release or location")
	}
	return p, ok, nil
}

// obsoletes reports whether a tag may be the one with what a package obsoletes.
func obsoletes(tag []byte) bool {
	for i, c := range tag {
		switch {
		case c == ':':
			return string(tag[:i]) != "rpm" || bytes.HasPrefix(tag[i+1:], []byte("obsoletes"))
		case c < 'a' || c > 'z':
			return bytes.HasPrefix(tag, []byte("obsoletes")) || i == 0
		}
	}
	return true
}

// format reads the <format> that just began.
func (s *scanner) format(p *Package, ok *bool, wanted Names) error {
	for depth := s.depth(); ; {
		t, err := s.next()
		if err != nil {
			return err
		}
		if t == stop && s.depth() < depth {
			return nil
		}
		if t != start || s.depth() != depth+1 {
			continue
		}
		switch string(s.name) {
		case "obsoletes":
			p.Obsoletes, err = s.capabilities(func(name []byte) bool {
				if !*ok && wanted.has(name) {
					*ok = true
				}
				return true
			})
		case "requires":
			if *ok {
				p.Requires, err = s.capabilities(nil)
			} else {
				err = s.skip()
			}
		case "provides":
			if *ok {
				p.Provides, err = s.capabilities(nil)
			} else {
				err = s.skip()
			}
		default:
			err = s.skip()
		}
		if err != nil {
			return err
		}
	}
}

// capabilities reads the <entry> elements in the element that just began.
func (s *scanner) capabilities(keep Names) ([]Capability, error) {
	var out []Capability
	for depth := s.depth(); ; {
		t, err := s.next()
		if err != nil {
			return nil, err
		}
		if t == stop && s.depth() < depth {
			return out, nil
		}
		if t != start || s.depth() != depth+1 || string(s.name) != "entry" {
			continue
		}
		var c Capability
		var e, v, r string
		eachAttr(s.attrs, func(n, val []byte) bool {
			switch string(n) {
			case "name":
				if keep.has(val) {
					c.Name = value(val)
				}
			case "flags":
				c.Relation = relation(val)
			case "epoch":
				e = epoch(val)
			case "ver":
				v = value(val)
			case "rel":
				r = value(val)
			}
			return true
		})
		if c.Name == "" {
			continue
		}
		if c.Relation != "" {
			if c.Version = v; r != "" {
				c.Version += "-" + r
			}
			if e != "" && e != "0" {
				c.Version = e + ":" + c.Version
			}
		}
		if out = append(out, c); len(out) > maxEntries {
			return nil, fmt.Errorf("a list has more than %d entries", maxEntries)
		}
	}
}

func epoch(v []byte) string {
	switch {
	case len(v) == 0, len(v) == 1 && v[0] == '0':
		return "0"
	}
	return value(v)
}

func relation(v []byte) string {
	switch string(v) {
	case "EQ":
		return "="
	case "LT":
		return "<"
	case "LE":
		return "<="
	case "GT":
		return ">"
	case "GE":
		return ">="
	}
	return ""
}
