package dpkg

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/goldenami/rehydrate/baseline"
)

// bareRelease stands for the Release file of an archive that has none. apt reads such
// an archive where the source says trusted=yes: a folder of packages with a list made
// by dpkg-scanpackages. Nothing states its age, its origin or the digests of its lists.
func (c *collection) bareRelease(s Source) *release {
	if !s.Trusted {
		return nil
	}
	r := &release{bare: true}
	for _, component := range s.componentsOrNone() {
		for _, arch := range s.archs(c.archs) {
			name := listName(s.Index() + listPath(component, arch))
			if form, _, err := findList(c.root, name); err == nil {
				r.name = name + form.ext
				return r
			}
		}
	}
	return nil
}

// componentsOrNone are the source's components, of a flat archive the empty one.
func (s Source) componentsOrNone() []string {
	if s.Flat() {
		return []string{""}
	}
	return s.Components
}

// listPath is where an archive has a list, relative to its Release file.
func listPath(component, arch string) string {
	if component == "" {
		return "Packages"
	}
	return component + "/binary-" + arch + "/Packages"
}

// readBare reads a list that no Release file states a digest of. That there is none is
// an error for the system's own architecture only.
func (p *part) readBare(c *collection, keep func(baseline.AvailablePackage)) error {
	name := listName(p.source.Index() + listPath(p.component, p.arch))
	form, _, err := findList(c.root, name)
	if errors.Is(err, fs.ErrNotExist) && p.arch != c.archs[0] {
		p.findings = append(p.findings, fmt.Sprintf("source %s has no packages for %s", p.source, p.arch))
		return nil
	}
	if err != nil {
		return err
	}
	c.slots <- struct{}{}
	defer func() { <-c.slots }()
	f, err := c.root.Open(listsDir + name + form.ext)
	if err != nil {
		return err
	}
	defer f.Close()
	plain, err := form.open(f)
	if err != nil {
		return fmt.Errorf("%s: unpack: %w", name+form.ext, err)
	}
	limited := &io.LimitedReader{R: plain, N: maxBare + 1}
	err = parsePackages(limited, c.wanted, nil, keep)
	if err == nil && limited.N <= 0 {
		err = fmt.Errorf("it has more than %d bytes", maxBare)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name+form.ext, err)
	}
	return nil
}

// maxBare bounds a list of which nothing states the size.
const maxBare = 256 << 20
