package node

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/apply"
	"github.com/goldenami/rehydrate/internal/apply/dnf"
	"github.com/goldenami/rehydrate/internal/apply/zypper"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/product"
	"github.com/goldenami/rehydrate/internal/record"
)

// A baseline's alternative sources replace the node's repositories for the run
// (specification §10). They are never written among the node's own: they are put
// into the run's working folder, the package manager is told to read that instead,
// and the inventory reads a root in which it stands in the place of the node's
// configuration and caches. So there is nothing to restore, also not after a kill.

// standIn is what stands in for the node's own sources; nil: nothing does.
type standIn struct {
	apt  []string     // options for apt
	dnf  *dnf.Sources // for dnf and yum
	zypp *zypper.Sources
	over map[string]fs.FS
}

// alternatives are the sources of the request's baseline that are meant for what.
// None although the baseline has some is an error.
func alternatives(req record.NodeRequest, what product.Product) ([]baseline.PatchSource, error) {
	if len(req.Baseline) == 0 || isNull(req.Baseline) {
		return nil, nil
	}
	b, err := baseline.Parse(req.Baseline)
	if err != nil || len(b.Sources) == 0 {
		return nil, nil //nolint:nilerr // the run refuses the request itself, with a report
	}
	var fit []baseline.PatchSource
	for _, s := range b.Sources {
		if slices.ContainsFunc(s.Products, func(p string) bool { return p == "*" || strings.EqualFold(p, what.Name) }) {
			fit = append(fit, s)
		}
	}
	if len(fit) == 0 {
		return nil, fault.New(fault.Failed, "add the product to a source, or remove the sources",
			"choose sources: baseline %s has %d alternative sources and none is for %s", b.Name, len(b.Sources), what.Name)
	}
	return fit, nil
}

// prepare writes sources into the run's working files.
func prepare(files *apply.Files, sources []baseline.PatchSource, what product.Product) (*standIn, error) {
	if len(sources) == 0 {
		return nil, nil
	}
	var s *standIn
	var err error
	switch what.Family {
	case product.Dpkg:
		s, err = aptSources(files, sources)
	case product.RPM:
		s, err = rpmSources(files, sources)
	case product.Zypp:
		s, err = zyppSources(files, sources)
	}
	if err != nil {
		return nil, fmt.Errorf("write alternative sources: %w", err)
	}
	return s, nil
}

func aptSources(files *apply.Files, sources []baseline.PatchSource) (*standIn, error) {
	parts, err := files.Dir("sources/sources.list.d")
	if err != nil {
		return nil, err
	}
	if _, err := files.Dir("sources/lists/partial"); err != nil {
		return nil, err
	}
	lists := filepath.Join(filepath.Dir(parts), "lists")
	if err := write(parts, sources, func(text string) string {
		if strings.Contains(text, "Types:") {
			return ".sources"
		}
		return ".list"
	}); err != nil {
		return nil, err
	}
	s := &standIn{over: map[string]fs.FS{
		"etc/apt/sources.list": nil, "etc/apt/sources.list.d": os.DirFS(parts), "var/lib/apt/lists": os.DirFS(lists),
	}}
	for _, o := range []string{
		"Dir::Etc::sourcelist=/dev/null", "Dir::Etc::sourceparts=" + parts, "Dir::State::lists=" + lists,
		"Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache=", // the node's are of its own sources
	} {
		s.apt = append(s.apt, "-o", o)
	}
	return s, nil
}

func rpmSources(files *apply.Files, sources []baseline.PatchSource) (*standIn, error) {
	repos, cache, err := repositories(files, sources)
	if err != nil {
		return nil, err
	}
	return &standIn{dnf: &dnf.Sources{Dir: repos, Cache: cache}, over: map[string]fs.FS{
		"etc/yum.repos.d": os.DirFS(repos), "etc/yum/repos.d": nil, "etc/distro.repos.d": nil,
		"var/cache/dnf": os.DirFS(cache), "var/cache/yum": os.DirFS(cache),
	}}, nil
}

// zyppSources stands in where zypper keeps its own by default.
func zyppSources(files *apply.Files, sources []baseline.PatchSource) (*standIn, error) {
	repos, cache, err := repositories(files, sources)
	if err != nil {
		return nil, err
	}
	return &standIn{zypp: &zypper.Sources{Dir: repos, Cache: cache}, over: map[string]fs.FS{
		"etc/zypp/repos.d": os.DirFS(repos), "etc/zypp/services.d": nil, "var/cache/zypp": os.DirFS(cache),
	}}, nil
}

// repositories writes .repo files and makes a folder for their cache.
func repositories(files *apply.Files, sources []baseline.PatchSource) (repos, cache string, err error) {
	if repos, err = files.Dir("sources/repos.d"); err != nil {
		return "", "", err
	}
	if cache, err = files.Dir("sources/cache"); err != nil {
		return "", "", err
	}
	return repos, cache, write(repos, sources, func(string) string { return ".repo" })
}

// write writes each source as a file that only root reads: a configuration may hold
// a password.
func write(dir string, sources []baseline.PatchSource, ending func(text string) string) error {
	for i, s := range sources {
		name := fmt.Sprintf("%02d-%s", i, strings.Map(plain, s.Name))
		text := strings.TrimSpace(s.Configuration) + "\n"
		if err := os.WriteFile(filepath.Join(dir, name+ending(text)), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// plain keeps what apt and dnf allow in the name of a file.
func plain(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
		return r
	}
	return '_'
}
