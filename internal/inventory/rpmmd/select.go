package rpmmd

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"
)

// Opener opens a file that an index names.
type Opener func(Data) (io.ReadCloser, error)

// Selection is what a repository says about some names.
type Selection struct {
	Packages   []Package  // of the names, and those that obsolete one of them
	Advisories []Advisory // those that name one, with those packages only
	Modules    Modules    // all of it
}

// Select reads what the repository with the index md says about names. A repository
// without primary metadata is an error; one without advisories or modules has none.
func Select(md Repomd, open Opener, names map[string]bool) (Selection, error) {
	return selection(md, open, func(n []byte) bool { return names[string(n)] })
}

// maxSelected is how many packages, and how many advisories, a selection may have: a
// root has some thousand names, a repository some dozen versions of each.
const maxSelected = 1 << 18

// selection reads the three files at once.
func selection(md Repomd, open Opener, wanted Names) (Selection, error) {
	var out Selection
	var group errgroup.Group
	primary, err := md.Find("primary")
	if err == nil && primary == nil {
		err = errors.New("its index names no primary metadata")
	}
	if err != nil {
		return out, err
	}
	group.Go(func() error {
		return primary.from(open, func(r io.Reader) error {
			return ReadPrimary(r, wanted, func(p Package) error {
				out.Packages = append(out.Packages, p)
				return few(len(out.Packages))
			})
		})
	})
	updates, err := md.Find("updateinfo")
	if err != nil {
		return out, err
	}
	if updates != nil {
		group.Go(func() error {
			return updates.from(open, func(r io.Reader) error {
				return ReadUpdateinfo(r, wanted, func(a Advisory) error {
					out.Advisories = append(out.Advisories, a)
					return few(len(out.Advisories))
				})
			})
		})
	}
	modules, err := md.Find("modules")
	if err != nil {
		return out, err
	}
	if modules != nil {
		group.Go(func() error {
			return modules.from(open, func(r io.Reader) (err error) {
				out.Modules, err = ReadModules(r)
				return err
			})
		})
	}
	if err := group.Wait(); err != nil {
		return Selection{}, err
	}
	return out, nil
}

func few(n int) error {
	if n > maxSelected {
		return fmt.Errorf("it has more than %d of what was asked for", maxSelected)
	}
	return nil
}

// providers reads the packages that provide one of capabilities.
func providers(md Repomd, open Opener, capabilities map[string]bool) (Selection, error) {
	var out Selection
	primary, err := md.Find("primary")
	if err != nil || primary == nil {
		return out, errors.Join(err, errors.New("its index names no primary metadata"))
	}
	err = primary.from(open, func(r io.Reader) error {
		return ReadPrimary(r, nil, func(p Package) error {
			var some []Capability
			for _, c := range p.Provides {
				if capabilities[c.Name] {
					some = append(some, c)
				}
			}
			if len(some) > 0 {
				p.Provides, p.Requires, p.Obsoletes = some, nil, nil
				out.Packages = append(out.Packages, p)
			}
			return few(len(out.Packages))
		})
	})
	if err != nil {
		return Selection{}, err
	}
	return out, nil
}

// from reads d as open gives it.
func (d Data) from(open Opener, read func(io.Reader) error) error {
	f, err := open(d)
	if err != nil {
		return fmt.Errorf("open its %s: %w", d.Type, err)
	}
	defer f.Close()
	if err := d.Read(f, read); err != nil {
		return fmt.Errorf("read its %s (%s): %w", d.Type, short(d.Href), err)
	}
	return nil
}
