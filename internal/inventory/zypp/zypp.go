// Package zypp reads a SUSE root as zypper sees it: what is installed and locked, the
// repositories that are configured, and the packages and patches that their metadata
// offers for what is there.
//
// Metadata comes from zypper's raw cache, byte for byte what the publisher signed; the
// solv caches, which zypper makes of it, are not read. A repository that is a folder of
// the root itself is read where it lies when zypper has not cached it.
package zypp

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/product"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/inventory/rpmdb"
)

// Installed reads what is installed on root, and remarks for people: locks, and
// packages that are there twice.
func Installed(root fs.FS, _ reading.Options) (baseline.Inventory, []string, error) {
	s, err := readSystem(root)
	if err != nil {
		return baseline.Inventory{}, nil, err
	}
	return s.inventory, s.remarks, nil
}

// Collect reads what is installed on root and what its enabled repositories offer,
// and remarks for people: locks, unverified sources, patches that ask for a restart.
func Collect(root fs.FS, o reading.Options) (baseline.Node, []string, error) {
	s, states, err := read(root, o)
	if err != nil {
		return baseline.Node{}, nil, err
	}
	available, remarks := merge(states)
	remarks = append(s.remarks, remarks...)
	remarks = append(remarks, s.forbidden(available)...)
	remarks = append(remarks, patchRemarks(judge(s.inventory.Installed, states), available)...)
	return baseline.Node{Inventory: s.inventory, Available: available}, remarks, nil
}

// system is a root without its repositories' metadata.
type system struct {
	inventory baseline.Inventory
	layout    layout
	locks     []lock
	remarks   []string
}

func readSystem(root fs.FS) (system, error) {
	what, err := product.Read(root)
	if err != nil {
		return system{}, err
	}
	db, err := rpmdb.Read(root)
	if err != nil {
		return system{}, err
	}
	arch, err := db.BaseArch()
	if err != nil {
		return system{}, err
	}
	at, err := readLayout(root)
	if err != nil {
		return system{}, err
	}
	locks, unread, err := readLocks(root, at.locks)
	if err != nil {
		return system{}, err
	}
	s := system{
		inventory: baseline.Inventory{OS: what.OS, Product: what.Name, Arch: arch, Installed: db.Installed()},
		layout:    at, locks: locks, remarks: append(db.Remarks(), unread...),
	}
	s.remarks = append(s.remarks, hold(s.inventory.Installed, locks)...)
	return s, nil
}

// read reads root and the metadata of its enabled repositories, the
// preferred first.
func read(root fs.FS, o reading.Options) (system, []state, error) {
	s, err := readSystem(root)
	if err != nil {
		return s, nil, err
	}
	repos, err := readRepos(root, s.layout, s.inventory.Arch)
	if err != nil {
		return s, nil, err
	}
	if err := checkServices(root, s.layout, repos); err != nil {
		return s, nil, err
	}
	var enabled []Repo
	for _, r := range repos {
		if r.Enabled {
			enabled = append(enabled, r)
		}
	}
	if len(enabled) == 0 {
		return s, nil, errors.New("read zypper's repositories: none is enabled, so nothing can be said about updates")
	}
	if remark := priorities(enabled); remark != "" {
		s.remarks = append(s.remarks, remark)
	}
	// The first counts where several offer one version, so the preferred come first.
	slices.SortStableFunc(enabled, func(a, b Repo) int { return cmp.Compare(a.Priority, b.Priority) })
	w := newWanted(s.inventory.Installed, o.Names)
	states := make([]state, len(enabled))
	var group errgroup.Group
	group.SetLimit(maxAtOnce)
	for i, r := range enabled {
		group.Go(func() (err error) {
			states[i], err = readRepo(root, s.layout, r, w, o)
			if err != nil {
				err = fmt.Errorf("read repository %s (/%s): %w", r.Alias, r.File, err)
			}
			return err
		})
	}
	return s, states, group.Wait()
}

// maxAtOnce is how many repositories are read at the same time; each reads its files
// side by side.
const maxAtOnce = 4

// priorities remarks on repositories that zypper prefers over others.
func priorities(repos []Repo) string {
	for _, r := range repos[1:] {
		if r.Priority != repos[0].Priority {
			return "repositories have different priorities: zypper heeds them, Patch Manager's rules take the newest approved version of all"
		}
	}
	return ""
}
