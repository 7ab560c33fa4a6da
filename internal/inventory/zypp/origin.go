package zypp

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/inventory/rpmmd"
)

// origin is where the metadata of a repository is read.
type origin struct {
	name string // a path from the root, or an address; with a final slash
	open func(name string) (io.ReadCloser, error)
}

const repomd = "repodata/repomd.xml"

// read reads a small file of the repository.
func (f origin) read(name string, limit int64) ([]byte, error) {
	file, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readAll(file, name, limit)
}

// file opens a file that the index names.
func (f origin) file(d rpmmd.Data) (io.ReadCloser, error) {
	name := path.Clean(d.Href)
	if d.Base != "" || !fs.ValidPath(name) {
		return nil, fmt.Errorf("%q is outside of the repository", short(d.Base+d.Href))
	}
	file, err := f.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s was not downloaded: run zypper refresh", short(name))
	}
	return file, err
}

// findIndex gives the place of the repository's metadata and its repomd.xml: zypper's
// raw cache, else the repository itself if it is a folder of the root, else its
// address if fetching is allowed.
func findIndex(root fs.FS, at layout, r Repo, o reading.Options) (origin, []byte, error) {
	folders := []string{path.Join(at.raw, r.cached(), r.Path)}
	if f := r.folder(); f != "" {
		folders = append(folders, f)
	}
	for _, dir := range folders {
		from := origin{"/" + dir + "/", func(name string) (io.ReadCloser, error) { return root.Open(dir + "/" + name) }}
		if index, err := from.read(repomd, rpmmd.MaxRepomd); !errors.Is(err, fs.ErrNotExist) {
			return from, index, err
		}
	}
	for _, form := range [][2]string{{"content", "in the form of SUSE tags"}, {"cookie", "a plain folder of packages"}} {
		if _, err := fs.Stat(root, folders[0]+"/"+form[0]); err == nil {
			return origin{}, nil, fmt.Errorf("it is %s, which is not supported", form[1])
		}
	}
	if o.Fetch == nil {
		return origin{}, nil, errors.New("its metadata was not downloaded: run zypper refresh")
	}
	return fetchIndex(r, o)
}

// fetchIndex tries the repository's addresses, those of its list of mirrors last.
func fetchIndex(r Repo, o reading.Options) (origin, []byte, error) {
	addresses := r.URLs
	var errs []error
	if r.Mirrors != "" {
		from := origin{"", func(string) (io.ReadCloser, error) { return o.Fetch(r.Mirrors) }}
		list, err := from.read("list of mirrors", maxConfig)
		errs = append(errs, err)
		if strings.Contains(string(list), "<metalink") {
			m, err := rpmmd.ParseMetalink(list)
			errs = append(errs, err)
			addresses = append(addresses, m.Mirrors...)
		} else {
			addresses = append(addresses, rpmmd.ParseMirrors(list)...)
		}
	}
	for _, a := range addresses[:min(len(addresses), maxMirrors)] {
		if !strings.HasPrefix(a, "http://") && !strings.HasPrefix(a, "https://") {
			continue
		}
		one := r
		one.URLs = []string{a}
		base, query, asked := strings.Cut(one.URL(), "?")
		if asked {
			query = "?" + query
		}
		from := origin{base, func(name string) (io.ReadCloser, error) { return o.Fetch(base + name + query) }}
		index, err := from.read(repomd, rpmmd.MaxRepomd)
		if err == nil {
			return from, index, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", a, err))
	}
	if err := errors.Join(errs...); err != nil {
		return origin{}, nil, fmt.Errorf("fetch its metadata: %w", err)
	}
	return origin{}, nil, errors.New("its metadata was not downloaded, and it has no address to fetch it from")
}

// maxMirrors is how many addresses of one repository are tried.
const maxMirrors = 8

// fresh refuses an index that is older than it may be, or that does not say its age.
func fresh(date time.Time, o reading.Options) error {
	switch age := o.Now.Sub(date); {
	case o.MaxAge <= 0:
		return nil
	case date.IsZero():
		return fmt.Errorf("its metadata states no date, and none older than %s is accepted", o.MaxAge)
	case age > o.MaxAge:
		return fmt.Errorf("its metadata is of %s and so %s old, more than the %s that are accepted",
			date.Format(time.RFC3339), age.Truncate(time.Minute), o.MaxAge)
	}
	return nil
}
