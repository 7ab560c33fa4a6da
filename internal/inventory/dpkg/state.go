package dpkg

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/goldenami/rehydrate/baseline"
)

// state is what one source offers.
type state struct {
	source     Source
	repository baseline.Repository
	packages   []baseline.AvailablePackage
	findings   []string
}

// readSource reads the metadata of one source. Whatever cannot be read is an error
// naming the source: a scanner that skips it reports false compliance.
func (c *collection) readSource(s Source) (state, error) {
	st := state{source: s}
	rel, err := c.readRelease(s)
	if errors.Is(err, fs.ErrNotExist) {
		if rel = c.bareRelease(s); rel != nil {
			err = nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return st, fmt.Errorf("read source %s (%s): its metadata was not downloaded: %s", s, s.File, advice(s))
	}
	if err == nil {
		s, rel, err = c.snapshotOf(s, rel)
		st.source = s
	}
	if err != nil {
		return st, fmt.Errorf("read source %s (%s): %w", s, s.File, err)
	}
	st.repository = baseline.Repository{
		ID: id(s), URL: plain(s.URI), Suite: s.Suite, IndexSHA256: rel.digest,
		Date: rel.date, ValidUntil: rel.until, Origin: rel.origin,
	}
	st.repository.SeenFrom, st.repository.TimeTravel = "/"+listsDir+rel.name, rel.timeTravel(s)
	st.repository.Origin.Site = site(s.URI)
	remark, err := rel.validity(s, c.options.Now, c.options.MaxAge)
	if err != nil {
		return st, fmt.Errorf("read source %s (%s): %w", s, s.File, err)
	}
	if remark != "" {
		st.findings = append(st.findings, fmt.Sprintf("source %s: %s", s, remark))
	}
	if rel.manual {
		st.findings = append(st.findings, fmt.Sprintf("source %s: NotAutomatic is not honoured, as pins are not: its newer versions count, where apt waits to be asked for them", s))
	}
	if rel.bare {
		st.findings = append(st.findings, fmt.Sprintf("source %s: it has no Release file: nothing says how old its lists are, or whether they are whole", s))
	}
	var signer string
	var unsigned error
	var group errgroup.Group
	group.Go(func() error { // beside the lists: both are work for a processor
		signer, unsigned = c.signer(rel, s)
		return nil
	})
	group.Go(func() error { return c.readLists(&st, rel) })
	if err := group.Wait(); err != nil {
		return st, fmt.Errorf("read source %s (%s): %w", s, s.File, err)
	}
	st.trust(signer, unsigned)
	return st, nil
}

// trust notes who signed the index. What is offered is trusted as apt calls it: the
// signature is good, or the source says so.
func (st *state) trust(signer string, unsigned error) {
	r := &st.repository
	r.SignedBy, r.Verified = signer, unsigned == nil
	if unsigned != nil {
		st.findings = append(st.findings, fmt.Sprintf("source %s: the index signature was not verified: %v", st.source, unsigned))
	}
	r.Origin.Trusted = r.Verified || st.source.Trusted
	for i := range st.packages {
		st.packages[i].Origins[0].Trusted = r.Origin.Trusted
	}
}

// advice is what to do about a source without metadata.
func advice(s Source) string {
	if strings.HasPrefix(s.URI, "cdrom:") {
		return "run apt-cdrom add, or take the disc out of the sources"
	}
	return "run apt-get update"
}

// readLists reads the list of every component and architecture, at once.
func (c *collection) readLists(st *state, rel *release) error {
	var parts []*part
	for _, component := range st.source.componentsOrNone() { // in a flat one, one list serves every architecture
		for _, arch := range rel.archs(st.source, c.archs) {
			parts = append(parts, &part{state: st, release: rel, component: component, arch: arch})
			if st.source.Flat() {
				break
			}
		}
	}
	var group errgroup.Group
	for _, p := range parts {
		group.Go(func() error { return p.read(c) })
	}
	err := group.Wait()
	for _, p := range parts { // in the order of the configuration
		st.packages = append(st.packages, p.packages...)
		st.findings = append(st.findings, p.findings...)
	}
	return err
}

// archs are the architectures whose lists apt reads: those of the system that the
// source is for, and "all" where the archive keeps that apart.
func (r *release) archs(s Source, system []string) []string {
	list := s.archs(system)
	if slices.Contains(r.architectures, "all") && !r.allInside && len(list) > 0 {
		list = append(list, "all")
	}
	return list
}

// part is one list of a source.
type part struct {
	*state
	release         *release
	component, arch string
	packages        []baseline.AvailablePackage
	findings        []string
}

func (p *part) read(c *collection) error {
	file := listPath(p.component, p.arch)
	entry, named := p.release.files[file]
	if !named && !p.release.bare {
		if p.arch == "all" {
			return nil // this component has no such packages
		}
		if p.component != "" && len(p.release.architectures) > 0 && !slices.Contains(p.release.architectures, p.arch) {
			p.findings = append(p.findings, fmt.Sprintf("source %s has no packages for %s", p.source, p.arch))
			return nil
		}
		// apt passes over a list that is named in packed forms only.
		return fmt.Errorf("its Release file names no %s", file)
	}
	origin := p.repository.Origin
	origin.Component = p.component
	keep := func(a baseline.AvailablePackage) {
		a.Origins, a.Repository = []baseline.Origin{origin}, p.repository.ID
		p.packages = append(p.packages, a)
	}
	var err error
	if p.release.bare {
		err = p.readBare(c, keep)
	} else {
		err = c.list(listName(p.source.Index()+file), entry, keep)
	}
	if errors.Is(err, fs.ErrNotExist) {
		if named && entry.size == 0 {
			return nil // apt does not keep empty lists
		}
		return fmt.Errorf("its list %s was not downloaded: %s", file, advice(p.source))
	}
	return err
}

// list yields what is wanted of the list called name: from the cache, or from the list
// itself, which must have the digest that the Release file states.
func (c *collection) list(name string, want indexFile, keep func(baseline.AvailablePackage)) error {
	form, info, err := findList(c.root, name)
	if err != nil {
		return err
	}
	// Where the file system tells one state of a file from another, a list that has
	// become another one is looked at again. Where it does not, as in an image, what the
	// archive stated under that digest stays true.
	if same, known := c.cache.sameFile(info, want.sha256); !known || c.cache.has(same) {
		if text, ok := c.cache.load(c.cache.paragraphs(want)); ok {
			return parsePackages(bytes.NewReader(text), c.wanted, nil, keep)
		}
	}
	c.slots <- struct{}{}
	defer func() { <-c.slots }()
	var seen bytes.Buffer
	err = c.readList(name, form, want, func(r io.Reader) error { return parsePackages(r, c.wanted, &seen, keep) })
	if err == nil && seen.Len() < maxSeen {
		c.cache.save(c.cache.paragraphs(want), seen.Bytes())
	}
	return err
}
