package rpm

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/inventory/rpmmd"
)

// Bounds of the small files.
const (
	maxMirrors   = 8 << 20
	maxSignature = 1 << 20
	maxKey       = 4 << 20
	maxConfig    = 4 << 20
)

// place is somewhere that a repository's metadata can be read from.
type place struct {
	name string // a path under the root, or an address
	open func(href string) (io.ReadCloser, error)
}

// places reads the metadata of repositories of one root.
type places struct {
	root     fs.FS
	cacheDir string
	dnf      bool
	fetch    func(address string) (io.ReadCloser, error) // nil: never
	vars     variables
}

// folder is a place under the root.
func (p places) folder(dir string) place {
	return place{dir, func(href string) (io.ReadCloser, error) {
		name := path.Join(dir, href)
		if !fs.ValidPath(name) || (name != dir && !strings.HasPrefix(name, dir+"/")) {
			return nil, fmt.Errorf("path %q leads out of the repository", shorten(href))
		}
		return p.root.Open(name)
	}}
}

// cached is the package manager's copy of r's metadata; fs.ErrNotExist if it keeps
// none. The remark says when the copy may be of another release.
func (p places) cached(r repo) (at place, remark string, err error) {
	sum := sha256.Sum256([]byte(r.address()))
	exact := r.id + "-" + hex.EncodeToString(sum[:8]) // how libdnf names it
	// dnf can be had on systems whose own package manager is yum, too.
	for _, dir := range []string{path.Join(p.cacheDir, exact), path.Join("var/cache/libdnf5", exact), path.Join("var/cache/dnf", exact)} {
		if ok, err := p.holds(dir + "/repodata/repomd.xml"); ok || err != nil {
			return p.folder(dir), "", err
		}
	}
	if dir := path.Join(p.cacheDir, r.id); !p.dnf {
		if ok, err := p.holds(dir + "/repomd.xml"); ok || err != nil {
			return p.yumFolder(dir), "", err
		}
	}
	if r.release == "" {
		return place{}, "", fs.ErrNotExist
	}
	// Its address depends on the release, which dnf may have been told on its command
	// line: then the copy has another name, and can be told only if it is the only one.
	list, err := fs.ReadDir(p.root, p.cacheDir)
	if err != nil {
		return place{}, "", err
	}
	var others []string
	for _, e := range list {
		tail, ok := strings.CutPrefix(e.Name(), r.id+"-")
		if _, err := hex.DecodeString(tail); ok && err == nil && len(tail) == 16 {
			if there, _ := p.holds(path.Join(p.cacheDir, e.Name(), "repodata/repomd.xml")); there {
				others = append(others, e.Name())
			}
		}
	}
	if len(others) != 1 {
		return place{}, "", fs.ErrNotExist
	}
	return p.folder(path.Join(p.cacheDir, others[0])),
		fmt.Sprintf("repository %s: its cached metadata is of another address than release %q gives", r.id, r.release), nil
}

// yumFolder is a cache of yum, which keeps all files of a repository in one folder
// and some of them unpacked in gen.
func (p places) yumFolder(dir string) place {
	at := p.folder(dir)
	return place{dir, func(href string) (io.ReadCloser, error) {
		return at.open(path.Base(href))
	}}
}

func (p places) holds(name string) (bool, error) {
	_, err := fs.Stat(p.root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// remote is the repository at an address: under the root for file://, else through
// the port that fetches.
func (p places) remote(address string) (place, error) {
	if dir, ok := local(address); ok {
		return p.folder(dir), nil
	}
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		return place{}, fmt.Errorf("addresses such as %q are not read", shorten(plain(address)))
	}
	if p.fetch == nil {
		return place{}, fs.ErrNotExist
	}
	base := strings.TrimSuffix(address, "/") + "/"
	return place{plain(address), func(href string) (io.ReadCloser, error) {
		if strings.Contains(href, "://") || slices.Contains(strings.Split(href, "/"), "..") {
			return nil, fmt.Errorf("path %q leads out of the repository", shorten(href))
		}
		return p.fetch(base + href)
	}}, nil
}

// local is the folder under the root that an address means, if it means one: dnf
// takes file:///path, file:/path and the plain path.
func local(address string) (dir string, ok bool) {
	if dir, ok = strings.CutPrefix(address, "file://"); ok {
		dir = strings.TrimPrefix(dir, "localhost/")
	} else if dir, ok = strings.CutPrefix(address, "file:/"); !ok {
		dir, ok = strings.CutPrefix(address, "/")
	}
	return strings.TrimPrefix(path.Clean("/"+dir), "/"), ok
}

// mirrors are the addresses at which r can be read, the preferred first, and the
// digests that its index may have (none: any). What at keeps of a list of mirrors
// counts before asking anybody.
func (p places) mirrors(r repo, at *place) (addresses, digests []string, err error) {
	switch {
	case r.metalink != "":
		text, err := p.list(at, r.metalink, "metalink.xml")
		if err != nil {
			return r.base, nil, err
		}
		m, err := rpmmd.ParseMetalink(text)
		return append(m.Mirrors, r.base...), m.SHA256, err
	case r.mirrors != "":
		text, err := p.list(at, r.mirrors, "mirrorlist", "mirrorlist.txt")
		if err != nil {
			return r.base, nil, err
		}
		for _, m := range rpmmd.ParseMirrors(text) {
			addresses = append(addresses, p.vars.expand(m))
		}
		return append(addresses, r.base...), nil, nil
	}
	return r.base, nil, nil
}

// list reads a list of mirrors as at keeps it under one of names, or from its address.
func (p places) list(at *place, address string, names ...string) ([]byte, error) {
	if at != nil {
		for _, name := range names {
			f, err := at.open(name)
			if err == nil {
				return readAll(f, maxMirrors)
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
		return nil, fs.ErrNotExist
	}
	return p.text(address, maxMirrors)
}

// text reads a small file at an address.
func (p places) text(address string, limit int64) ([]byte, error) {
	dir, name := path.Split(address)
	if _, here := local(address); !here {
		if p.fetch == nil {
			return nil, fs.ErrNotExist
		}
		f, err := p.fetch(address)
		if err != nil {
			return nil, err
		}
		return readAll(f, limit)
	}
	at, err := p.remote(dir)
	if err != nil {
		return nil, err
	}
	f, err := at.open(name)
	if err != nil {
		return nil, err
	}
	return readAll(f, limit)
}

// readConfig reads a file of the configuration.
func readConfig(root fs.FS, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	text, err := readAll(f, maxConfig)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return text, err
}

// readAll reads and closes a small file.
func readAll(f io.ReadCloser, limit int64) ([]byte, error) {
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return text, err
}
