package rpmmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/goldenami/rehydrate/baseline"
)

// Advisory is a notice of updateinfo.xml, with the texts of its dates as written.
type Advisory struct {
	ID, Type, Status, Title string
	Severity                *string // nil: there is no such element
	Issued, Updated         string
	CVEs, Bugzillas         []string // in the order of the references, without repetition
	Packages                []AdvisedPackage
}

// AdvisedPackage is a version that an advisory names.
type AdvisedPackage struct {
	baseline.Package
	Module string // "name:stream" of its collection
	// Reboot, Restart and Relogin are what the publisher suggests after the update.
	Reboot, Restart, Relogin bool
}

// Notice is the advisory as an evaluation wants it, for one of its packages.
func (a *Advisory) Notice(p AdvisedPackage) baseline.Notice {
	return baseline.Notice{
		ID: a.ID, Type: a.Type, Severity: a.Severity, Status: a.Status, Issued: a.Issued, Updated: a.Updated,
		CVEs: a.CVEs, Bugzillas: a.Bugzillas, Module: p.Module,
	}
}

// ReadUpdateinfo reads an updateinfo.xml and yields the advisories that name a wanted
// package, each with those packages only.
func ReadUpdateinfo(r io.Reader, wanted Names, yield func(Advisory) error) error {
	s := newScanner(r)
	for {
		t, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("updateinfo: %w", err)
		}
		if t != start {
			continue
		}
		switch {
		case s.depth() == 1 && string(s.name) != "updates":
			return fmt.Errorf("updateinfo: it is a <%s>", short(string(s.name)))
		case s.depth() == 2 && string(s.name) == "update":
			a := Advisory{Type: s.attr("type"), Status: s.attr("status")} // before rest, which may move the buffer
			if !s.selfClosed && wanted != nil {
				if rest := s.rest("</update>", wanted.packageTag); rest != nil {
					s.leap(rest)
					continue
				}
			}
			err := s.update(&a, wanted)
			if err != nil {
				return fmt.Errorf("updateinfo: advisory %s: %w", short(a.ID), err)
			}
			if len(a.Packages) == 0 {
				continue
			}
			if err := yield(a); err != nil {
				return err
			}
		}
	}
}

// packageTag reports whether a tag may be that of a package that is wanted.
func (n Names) packageTag(tag []byte) bool {
	if !bytes.HasPrefix(tag, []byte("package")) {
		return hasPrefix(tag)
	}
	i := bytes.IndexByte(tag, '>')
	if i < 0 {
		return true
	}
	wanted := true // without a name it is a fault, for the parser to find
	eachAttr(tag[len("package"):i], func(key, v []byte) bool {
		if string(key) == "name" {
			wanted = n.has(v)
			return false
		}
		return true
	})
	return wanted
}

// hasPrefix reports whether the name of a tag has a prefix.
func hasPrefix(tag []byte) bool {
	for _, c := range tag {
		switch {
		case c == ':':
			return true
		case space(c) || c == '>' || c == '/':
			return false
		}
	}
	return true
}

// update reads the <update> that just began.
func (s *scanner) update(a *Advisory, wanted Names) error {
	for depth := s.depth(); ; {
		t, err := s.next()
		if err != nil {
			return err
		}
		if t == stop && s.depth() < depth {
			break
		}
		if t != start || s.depth() != depth+1 {
			continue
		}
		switch string(s.name) {
		case "id":
			a.ID, err = s.content()
		case "title":
			a.Title, err = s.content()
		case "severity":
			var text string
			text, err = s.content()
			a.Severity = &text
		case "issued":
			a.Issued, err = s.date()
		case "updated":
			a.Updated, err = s.date()
		case "references":
			err = s.references(a)
		case "pkglist":
			err = s.pkglist(a, wanted)
		default:
			err = s.skip()
		}
		if err != nil {
			return err
		}
	}
	if a.ID == "" {
		return errors.New("it has no id")
	}
	return nil
}

// date is the date attribute of the element that just began, or its text.
func (s *scanner) date() (string, error) {
	d := s.attr("date")
	text, err := s.content()
	if d == "" {
		d = text
	}
	return d, err
}

func (s *scanner) references(a *Advisory) error {
	type reference struct{ kind, id string }
	seen := map[reference]bool{}
	for depth := s.depth(); ; {
		t, err := s.next()
		if err != nil {
			return err
		}
		if t == stop && s.depth() < depth {
			return nil
		}
		if t != start || string(s.name) != "reference" {
			continue
		}
		r := reference{s.attr("type"), s.attr("id")}
		if r.id == "" || seen[r] {
			continue
		}
		if seen[r] = true; len(seen) > maxEntries {
			return fmt.Errorf("it has more than %d references", maxEntries)
		}
		switch r.kind {
		case "cve":
			a.CVEs = append(a.CVEs, r.id)
		case "bugzilla":
			a.Bugzillas = append(a.Bugzillas, r.id)
		}
	}
}

// pkglist reads the collections of the <pkglist> that just began; the module of a
// collection stands before its packages.
func (s *scanner) pkglist(a *Advisory, wanted Names) error {
	module := ""
	for depth := s.depth(); ; {
		t, err := s.next()
		if err != nil {
			return err
		}
		if t == stop && s.depth() < depth {
			return nil
		}
		if t != start {
			continue
		}
		switch string(s.name) {
		case "collection":
			module = ""
		case "module":
			module = stream(s.attr("name"), s.attr("stream"))
		case "package":
			if err := s.advised(a, module, wanted); err != nil {
				return err
			}
		}
	}
}

func stream(name, stream string) string {
	if name == "" && stream == "" {
		return ""
	}
	return name + ":" + stream
}

// advised reads the <package> that just began.
func (s *scanner) advised(a *Advisory, module string, wanted Names) error {
	p := AdvisedPackage{Module: module}
	p.Epoch = "0"
	ok := false
	eachAttr(s.attrs, func(n, v []byte) bool {
		if string(n) == "name" {
			ok = wanted.has(v)
			return false
		}
		return true
	})
	if !ok {
		return s.skip()
	}
	eachAttr(s.attrs, func(n, v []byte) bool {
		switch string(n) {
		case "name":
			p.Name = value(v)
		case "epoch":
			p.Epoch = epoch(v)
		case "version":
			p.Version = value(v)
		case "release":
			p.Release = value(v)
		case "arch":
			p.Arch = value(v)
		}
		return true
	})
	for depth := s.depth(); ; {
		t, err := s.next()
		if err != nil {
			return err
		}
		if t == stop && s.depth() < depth {
			break
		}
		if t != start {
			continue
		}
		switch string(s.name) {
		case "reboot_suggested":
			p.Reboot, err = s.yes()
		case "restart_suggested":
			p.Restart, err = s.yes()
		case "relogin_suggested":
			p.Relogin, err = s.yes()
		}
		if err != nil {
			return err
		}
	}
	if p.Name == "" || p.Version == "" || p.Release == "" || p.Arch == "" {
		return fmt.Errorf("a package lacks its name, version, release or architecture (%q)", short(p.Name))
	}
	if a.Packages = append(a.Packages, p); len(a.Packages) > maxEntries {
		return fmt.Errorf("it names more than %d packages", maxEntries)
	}
	return nil
}

// yes is the element that just began as a boolean: its presence counts unless its
// text says no.
func (s *scanner) yes() (bool, error) {
	v, err := s.content()
	switch v {
	case "0", "false", "False", "FALSE", "no":
		return false, err
	}
	return true, err
}
