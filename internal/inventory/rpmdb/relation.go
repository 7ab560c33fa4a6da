package rpmdb

import (
	"encoding/binary"
	"strings"
)

// Capability is something that a package provides or obsoletes.
type Capability struct {
	Name string
	// Relation is "", "<", "<=", "=", ">=" or ">"; with "" there is no Version.
	Relation string
	Version  string // [epoch:]version[-release]
}

// Provides are the capabilities of the package, its own name among them.
func (p Package) Provides() []Capability { return p.provides.list() }

// Obsoletes are what the package takes the place of.
func (p Package) Obsoletes() []Capability { return p.obsoletes.list() }

// relations are capabilities as the header has them: few readers want them, so they
// are taken apart on demand. The lists end with the shortest of the three.
type relations struct {
	names, versions string // each text ends with a NUL
	flags           string // four bytes each, the most significant first
}

// The bits of a dependency's flags that compare versions.
const (
	less    = 1 << 1
	greater = 1 << 2
	equal   = 1 << 3
)

func (r relations) list() []Capability {
	if r.names == "" {
		return nil
	}
	out := make([]Capability, 0, strings.Count(r.names, "\x00"))
	names, versions, flags := r.names, r.versions, r.flags
	for names != "" {
		var c Capability
		c.Name, names, _ = strings.Cut(names, "\x00")
		c.Version, versions, _ = strings.Cut(versions, "\x00")
		if len(flags) >= 4 {
			c.Relation = sense(binary.BigEndian.Uint32([]byte(flags[:4])))
			flags = flags[4:]
		}
		if c.Relation == "" {
			c.Version = ""
		}
		out = append(out, c)
	}
	return out
}

func sense(flags uint32) string {
	s := ""
	if flags&less != 0 {
		s += "<"
	}
	if flags&greater != 0 {
		s += ">"
	}
	if flags&equal != 0 {
		s += "="
	}
	return s
}
