package rpm

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/inventory/rpmmd"
	"github.com/goldenami/rehydrate/internal/inventory/signed"
)

// state is what one repository offers.
type state struct {
	repo       repo
	repository baseline.Repository
	selection  rpmmd.Selection
	providers  func(capabilities map[string]bool) ([]rpmmd.Package, error)
	findings   []string
}

// read reads the metadata of r about names. Whatever cannot be read is an error that
// names the repository: a scanner that skips it reports false compliance.
func (p places) read(r repo, names map[string]bool, o reading.Options) (state, error) {
	st := state{repo: r, repository: baseline.Repository{ID: r.id}}
	if left := unknown(r.address()); left != "" {
		return st, fmt.Errorf("read repository %s (%s): nothing says what %s is", r.id, r.file, left)
	}
	index, err := p.find(r, &st)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return st, fault.As(fmt.Errorf("read repository %s (%s): its metadata was not downloaded", r.id, r.file),
			fault.Failed, "run `dnf makecache` (or `yum makecache`) on the node")
	case err != nil:
		return st, fmt.Errorf("read repository %s (%s): %w", r.id, r.file, err)
	}
	if err := st.judge(p, index, o); err != nil {
		return st, fmt.Errorf("read repository %s (%s): %w", r.id, r.file, err)
	}
	open := func(d rpmmd.Data) (io.ReadCloser, error) { return p.open(index, st.repository.URL, d) }
	cache := rpmmd.Cache(o.Cache)
	if st.selection, err = cache.Select(index.md, open, names); err != nil {
		return st, fmt.Errorf("read repository %s (%s): %w", r.id, r.file, err)
	}
	st.providers = func(capabilities map[string]bool) ([]rpmmd.Package, error) {
		list, err := cache.Providers(index.md, open, capabilities)
		if err != nil {
			err = fmt.Errorf("read repository %s (%s): %w", r.id, r.file, err)
		}
		return list, err
	}
	return st, nil
}

// index is a repomd.xml with where it was found.
type index struct {
	place
	text []byte
	md   rpmmd.Repomd
}

// find reads the index of r: as the package manager keeps it, else at its addresses.
func (p places) find(r repo, st *state) (index, error) {
	at, remark, err := p.cached(r)
	if err == nil {
		if remark != "" {
			st.findings = append(st.findings, remark)
		}
		i, err := p.index(at)
		if err != nil {
			return i, err
		}
		addresses, _, err := p.mirrors(r, &at)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return i, err
		}
		st.address(addresses, r)
		return i, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return index{}, err
	}
	addresses, digests, err := p.mirrors(r, nil)
	if err != nil && len(addresses) == 0 {
		return index{}, err
	}
	var errs []error
	for _, a := range addresses {
		at, err := p.remote(a)
		var i index
		if err == nil {
			i, err = p.index(at)
		}
		if err == nil && len(digests) > 0 && !slices.Contains(digests, i.md.SHA256) {
			err = errors.New("its repomd.xml is not one that the metalink knows")
		}
		if err == nil {
			st.address([]string{a}, r)
			return i, nil
		}
		if !errors.Is(err, fs.ErrNotExist) { // that nothing is there is the least to say
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return index{}, errors.Join(errs...)
	}
	return index{}, fs.ErrNotExist
}

func (p places) index(at place) (index, error) {
	i := index{place: at}
	f, err := at.open("repodata/repomd.xml")
	if err != nil {
		return i, err
	}
	if i.text, err = readAll(f, rpmmd.MaxRepomd); err != nil {
		return i, err
	}
	i.md, err = rpmmd.ParseRepomd(i.text)
	return i, err
}

// address says where the packages are, and where they will be as long as this state
// is kept: Amazon Linux 2023 has an address for every release and one for every state
// of a repository.
func (st *state) address(addresses []string, r repo) {
	if len(addresses) == 0 {
		return
	}
	url := plain(addresses[0])
	st.repository.URL = url
	if strings.Contains(url, "/guids/") || (concrete(r.release) && strings.Contains(url, r.release)) {
		st.repository.TimeTravel = url
	}
}

// concrete reports whether a release is one of Amazon Linux 2023's dated ones, such
// as 2023.6.20241031, whose repositories never change.
func concrete(release string) bool {
	part := strings.Split(release, ".")
	if len(part) != 3 || len(part[2]) != 8 || strings.Trim(part[2], "0123456789") != "" {
		return false
	}
	_, err := time.Parse("20060102", part[2])
	return err == nil
}

// judge fills in what is known of the index: its age, its signature.
func (st *state) judge(p places, i index, o reading.Options) error {
	re := &st.repository
	re.SeenFrom, re.IndexSHA256, re.Date = i.name, i.md.SHA256, i.md.Date
	if o.MaxAge > 0 {
		if re.Date.IsZero() {
			return errors.New("its index has no date, so it may be older than allowed")
		}
		if age := o.Now.Sub(re.Date); age > o.MaxAge {
			return fmt.Errorf("its index is of %s: %s old, more than the %s allowed",
				re.Date.Format(time.RFC3339), age.Round(time.Hour), o.MaxAge)
		}
	}
	by, err := p.verify(i, st.repo, o)
	switch {
	case err == nil:
		re.Verified, re.SignedBy = true, by
	case errors.Is(err, signed.ErrNone) && !st.repo.checkSign: // nobody promised one
		st.findings = append(st.findings, fmt.Sprintf("repository %s: the index signature was not verified: %v", st.repo.id, err))
	case st.repo.checkSign:
		return unverified(fmt.Errorf("the index signature was not verified, though repo_gpgcheck is on: %w", err))
	default:
		return unverified(fmt.Errorf("the index signature was not verified: %w", err))
	}
	return nil
}

// unverified says what to do about an index that anybody may have written.
func unverified(err error) error {
	return fault.As(err, fault.Failed, "run `dnf makecache --refresh` on the node; if its publisher signs by another key, name that with gpgkey=file:///... there or pin it with --keyring")
}

// open opens a file of the index: beside it, or at the repository's addresses. Its
// digest is checked wherever it comes from.
func (p places) open(i index, url string, d rpmmd.Data) (io.ReadCloser, error) {
	f, err := i.place.open(d.Href)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	for _, a := range []string{d.Base, url} {
		if a == "" {
			continue
		}
		if at, err := p.remote(a); err == nil {
			if f, err := at.open(d.Href); err == nil {
				return f, nil
			}
		}
	}
	return nil, fmt.Errorf("%s was not downloaded", shorten(d.Href))
}
