package dpkg

import (
	"errors"
	"fmt"
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
	more, err := parts(root, "etc/apt/sources.list.d", ".list", ".sources")
	if err != nil {
		return nil, fmt.Errorf("read apt sources: %w", err)
	}
	files = append(files, more...)
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
