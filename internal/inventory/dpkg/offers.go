package dpkg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
)

// A list of a whole release has some 60,000 packages, of which a full system has
// 3,000 installed; what goes beyond these is not kept, or is no honest list.
const (
	maxOffers = 500_000
	maxSeen   = 64 << 20 // bytes of paragraphs to cache
)

// wanted decides which offers are kept; memory stays bounded by what is installed.
type wanted struct {
	system    baseline.OperatingSystem
	installed map[string][]baseline.Installed // by name
	also      map[string]bool                 // asked for by name: every version counts
}

// keep reports whether an offer matters: it is asked for, or it is not older than
// what is installed under its name. An older version can never be selected (specification §3).
func (w wanted) keep(p baseline.AvailablePackage) bool {
	if w.also[p.Name] {
		return true
	}
	for _, have := range w.installed[p.Name] {
		if have.Arch != p.Arch && have.Arch != "all" && p.Arch != "all" {
			continue
		}
		if baseline.CompareVersions(w.system, p.Version, have.Version) >= 0 {
			return true
		}
	}
	return false
}

// parsePackages reads a Packages list and yields the offers that w keeps. The
// paragraphs of every package with a wanted name are written to seen, if there is one.
func parsePackages(r io.Reader, w wanted, seen *bytes.Buffer, yield func(baseline.AvailablePackage)) error {
	paragraphs, kept := newStanzas(r), 0
	for {
		stanza, err := paragraphs.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if name := leadingName(stanza); name != nil && w.installed[string(name)] == nil && !w.also[string(name)] {
			continue
		}
		if seen != nil && seen.Len() < maxSeen {
			seen.Write(stanza)
			seen.WriteString("\n\n")
		}
		var p baseline.AvailablePackage
		var bad error
		err = fields(stanza, func(key, value []byte) {
			switch {
			case is(key, "Package"):
				p.Name = string(value)
			case is(key, "Version"):
				p.Version = string(value)
			case is(key, "Architecture"):
				p.Arch = string(value)
			case is(key, "Priority"):
				p.Priority = string(value)
			case is(key, "Section"):
				p.Section = string(value)
			case is(key, "Filename"):
				p.Filename = string(value)
			case is(key, "SHA256"):
				p.SHA256 = strings.ToLower(string(value))
			case is(key, "Size"):
				p.Size, err = strconv.ParseInt(string(value), 10, 64)
				bad = errors.Join(bad, err)
			case is(key, "Phased-Update-Percentage"):
				p.Phased, err = strconv.Atoi(string(value))
				bad = errors.Join(bad, err)
			}
		})
		switch {
		case err != nil:
			return err
		case p.Name == "":
			return fmt.Errorf("a paragraph has no Package field: %q", short(stanza))
		case bad != nil:
			return fmt.Errorf("package %s: %w", p.Name, bad)
		case p.Version == "" || p.Arch == "" || p.Filename == "":
			return fmt.Errorf("package %s lacks Version, Architecture or Filename", p.Name)
		case p.SHA256 != "" && len(p.SHA256) != 64: // none: pending as any other, but no lock can name it
			return fmt.Errorf("package %s has a SHA256 of %d digits", p.Name, len(p.SHA256))
		}
		if w.keep(p) {
			if kept++; kept > maxOffers {
				return fmt.Errorf("it has more than %d versions of installed packages", maxOffers)
			}
			yield(p)
		}
	}
}

// is reports whether a field has the name: apt takes them in any case.
func is(key []byte, name string) bool {
	return len(key) == len(name) && (string(key) == name || strings.EqualFold(string(key), name))
}

// id names a repository: stable between roots that are configured alike.
func id(s Source) string {
	return strings.TrimSuffix(site(s.URI)+strings.TrimSuffix(pathOf(s.URI), "/")+" "+s.Suite, " ")
}

// site is the host of an archive, as apt's origins have it; empty for local ones.
func site(uri string) string {
	u, err := url.Parse(plain(uri))
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func pathOf(uri string) string {
	u, err := url.Parse(plain(uri))
	if err != nil {
		return uri
	}
	return u.Path
}
