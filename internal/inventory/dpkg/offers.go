package dpkg

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
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

// state is what one source offers.
type state struct {
	source     Source
	repository baseline.Repository
	packages   []baseline.AvailablePackage
	findings   []string
}

// readSource reads the metadata of one source. Whatever cannot be read is an error
// naming the source: a scanner that skips it reports false compliance.
func readSource(root fs.FS, s Source, archs []string, w wanted, now time.Time) (state, error) {
	st := state{source: s}
	rel, err := readRelease(root, s)
	if errors.Is(err, fs.ErrNotExist) {
		return st, fmt.Errorf("read source %s (%s): its metadata was not downloaded: run apt-get update", s, s.File)
	}
	if err != nil {
		return st, fmt.Errorf("read source %s (%s): %w", s, s.File, err)
	}
	st.repository = baseline.Repository{
		ID: id(s), URL: plain(s.URI), Suite: s.Suite, IndexSHA256: rel.digest,
		Date: rel.date, ValidUntil: rel.until, Origin: rel.origin,
	}
	st.repository.Origin.Site = site(s.URI)
	if err := rel.verify(root, s, now); err != nil {
		st.findings = append(st.findings, fmt.Sprintf("source %s: the index signature was not verified: %v", s, err))
	} else {
		st.repository.Verified = true
	}
	// apt calls an origin trusted when its signature is good or the source says so.
	st.repository.Origin.Trusted = st.repository.Verified || s.Trusted
	if !rel.until.IsZero() && now.After(rel.until) {
		st.findings = append(st.findings, fmt.Sprintf("source %s: its index was valid until %s only", s, rel.until.Format(time.RFC3339)))
	}
	components := s.Components
	if s.Flat() {
		components = []string{""}
	}
	for _, component := range components {
		for _, arch := range archs {
			if len(s.Architectures) > 0 && !slices.Contains(s.Architectures, arch) {
				continue
			}
			if err := st.readComponent(root, rel, component, arch, w); err != nil {
				return st, fmt.Errorf("read source %s (%s): %w", s, s.File, err)
			}
			if s.Flat() {
				break // one list serves every architecture
			}
		}
	}
	return st, nil
}

// readComponent reads one Packages list.
func (st *state) readComponent(root fs.FS, rel *release, component, arch string, w wanted) error {
	file := "Packages"
	if component != "" {
		file = component + "/binary-" + arch + "/Packages"
	}
	entry, named := rel.files[file]
	if !named && component != "" && len(rel.architectures) > 0 && !slices.Contains(rel.architectures, arch) {
		st.findings = append(st.findings, fmt.Sprintf("source %s has no packages for %s", st.source, arch))
		return nil
	}
	if !named {
		return fmt.Errorf("its Release file names no %s", file)
	}
	origin := st.repository.Origin
	origin.Component = component
	err := withList(root, listName(st.source.Index()+file), entry, func(r io.Reader) error {
		return parsePackages(r, w, func(p baseline.AvailablePackage) {
			p.Origins, p.Repository = []baseline.Origin{origin}, st.repository.ID
			st.packages = append(st.packages, p)
		})
	})
	if errors.Is(err, fs.ErrNotExist) {
		if entry.size == 0 {
			return nil // apt does not keep empty lists
		}
		return fmt.Errorf("its list %s was not downloaded: run apt-get update", file)
	}
	return err
}

// parsePackages reads a Packages list and yields the offers that w keeps.
func parsePackages(r io.Reader, w wanted, yield func(baseline.AvailablePackage)) error {
	paragraphs := newStanzas(r)
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
		var p baseline.AvailablePackage
		var bad error
		err = fields(stanza, func(key, value []byte) {
			switch string(key) {
			case "Package":
				p.Name = string(value)
			case "Version":
				p.Version = string(value)
			case "Architecture":
				p.Arch = string(value)
			case "Priority":
				p.Priority = string(value)
			case "Section":
				p.Section = string(value)
			case "Filename":
				p.Filename = string(value)
			case "SHA256":
				p.SHA256 = strings.ToLower(string(value))
			case "Size":
				p.Size, err = strconv.ParseInt(string(value), 10, 64)
				bad = errors.Join(bad, err)
			case "Phased-Update-Percentage":
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
		case p.Version == "" || p.Arch == "" || p.Filename == "" || len(p.SHA256) != 64:
			return fmt.Errorf("package %s lacks Version, Architecture, Filename or SHA256", p.Name)
		}
		if w.keep(p) {
			yield(p)
		}
	}
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
