package zypp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/inventory/rpmmd"
	"github.com/goldenami/rehydrate/internal/inventory/signed"
)

// wanted decides what is kept; memory stays bounded by what is installed.
type wanted struct {
	installed map[string][]baseline.Installed
	also      map[string]bool // asked for by name: every version counts
}

func newWanted(installed []baseline.Installed, names []string) wanted {
	w := wanted{installed: map[string][]baseline.Installed{}, also: map[string]bool{}}
	for _, p := range installed {
		w.installed[p.Name] = append(w.installed[p.Name], p)
	}
	for _, n := range names {
		w.also[n] = true
	}
	return w
}

func (w wanted) names() map[string]bool {
	names := maps.Clone(w.also)
	for n := range w.installed {
		names[n] = true
	}
	return names
}

// keep reports whether an offer matters: it is asked for, or it is not older than what
// is installed under its name. An older version is never selected (specification §3).
func (w wanted) keep(p baseline.Package) bool {
	if w.also[p.Name] {
		return true
	}
	for _, have := range w.installed[p.Name] {
		if have.Arch != p.Arch && have.Arch != noarch && p.Arch != noarch {
			continue
		}
		if baseline.CompareVersions(baseline.Suse, full(p), full(have.Package)) >= 0 {
			return true
		}
	}
	return false
}

const noarch = "noarch"

// state is what one repository offers.
type state struct {
	repo       Repo
	repository baseline.Repository
	packages   []baseline.AvailablePackage
	advisories []rpmmd.Advisory // those that name a wanted package
	remarks    []string
}

// readRepo reads the metadata of one repository. Whatever cannot be read is an error:
// a scanner that skips a repository reports false compliance.
func readRepo(root fs.FS, at layout, r Repo, w wanted, o reading.Options) (state, error) {
	st := state{repo: r}
	from, index, err := findIndex(root, at, r, o)
	if err != nil {
		return st, err
	}
	md, err := rpmmd.ParseRepomd(index)
	if err != nil {
		return st, err
	}
	st.repository = baseline.Repository{
		ID: r.Alias, URL: r.URL(), IndexSHA256: md.SHA256, Date: md.Date, SeenFrom: from.name + repomd,
	}
	if err := fresh(md.Date, o); err != nil {
		return st, err
	}
	if err := st.judge(verify(root, from, index, r, o)); err != nil {
		return st, err
	}
	said, err := rpmmd.Cache(o.Cache).Select(md, func(d rpmmd.Data) (io.ReadCloser, error) { return from.file(d) }, w.names())
	if err != nil {
		return st, err
	}
	st.offers(said.Packages, w)
	for _, a := range said.Advisories {
		created(&a)
		st.advisories = append(st.advisories, a)
	}
	return st, nil
}

// judge takes in what came of the check of the index's signature. Only one that is not
// there, and that nobody demands, is a remark.
func (st *state) judge(by string, err error) error {
	switch {
	case err == nil:
		st.repository.Verified, st.repository.SignedBy = true, by
		return nil
	case errors.Is(err, signed.ErrNone) && !st.repo.Signed:
		st.remarks = append(st.remarks, fmt.Sprintf("repository %s: the index signature was not verified: %v", st.repo.Alias, err))
		return nil
	}
	asked := ""
	if st.repo.Signed {
		asked = ", though repo_gpgcheck is on"
	}
	return fault.As(fmt.Errorf("the index signature was not verified%s: %w", asked, err), fault.Failed,
		"run zypper refresh on the node; if its publisher signs by another key, lay that in /usr/lib/rpm/gnupg/keys there, name it with gpgkey=file:///..., or pin it with --keyring")
}

// offers keeps the packages that matter.
func (st *state) offers(packages []rpmmd.Package, w wanted) {
	unlockable := 0
	for _, p := range packages {
		// What only obsoletes a wanted name is not proposed for it (specification §2).
		if p.Arch == "src" || p.Arch == "nosrc" || !w.keep(p.Package) {
			continue
		}
		offer := baseline.AvailablePackage{Package: p.Package, Repository: st.repo.Alias, Filename: p.Href, Size: p.Size}
		if p.Base != "" {
			offer.Filename = strings.TrimSuffix(plain(p.Base), "/") + "/" + p.Href
		}
		if p.BuildTime > 0 {
			offer.BuildTime = time.Unix(p.BuildTime, 0).UTC()
		}
		if p.Sum.Kind == "sha256" {
			offer.SHA256 = p.Sum.Hex
		} else {
			unlockable++
		}
		for _, c := range p.Obsoletes {
			offer.Obsoletes = append(offer.Obsoletes, c.Name)
		}
		st.packages = append(st.packages, offer)
	}
	if unlockable > 0 {
		st.remarks = append(st.remarks, fmt.Sprintf("repository %s states no SHA-256 for %d packages: a lock cannot hold them", st.repo.Alias, unlockable))
	}
}

// created sets Updated to the later of the two dates: to zypper a patch has one date,
// "created on", and it is that. A date that cannot be read does not count.
func created(a *rpmmd.Advisory) {
	issued, ok := baseline.ParseDate(a.Issued)
	if !ok {
		return
	}
	if updated, ok := baseline.ParseDate(a.Updated); a.Updated != "" && (!ok || updated.Before(issued)) {
		a.Updated = a.Issued
	}
}
