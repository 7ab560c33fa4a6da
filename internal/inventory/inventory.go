// Package inventory reads what is installed on a root, and what its sources offer,
// whatever its package database is.
package inventory

import (
	"io/fs"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/dpkg"
	"github.com/goldenami/rehydrate/internal/inventory/product"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/inventory/rpm"
	"github.com/goldenami/rehydrate/internal/inventory/zypp"
)

// Options are the choices of a reading.
type Options = reading.Options

// world reads one kind of package database.
type world struct {
	installed func(fs.FS, Options) (baseline.Inventory, []string, error)
	collect   func(fs.FS, Options) (baseline.Node, []string, error)
}

// Installed reads what is installed on root, and remarks for people. An empty or
// unfinished database and an unknown system are errors.
func Installed(root fs.FS, o Options) (baseline.Inventory, []string, error) {
	w, err := worldOf(root)
	if err != nil {
		return baseline.Inventory{}, nil, err
	}
	return w.installed(root, o)
}

// Collect reads what is installed on root and what its configured sources offer,
// and remarks for people. A configured source whose metadata cannot be read is an
// error that names it.
func Collect(root fs.FS, o Options) (baseline.Node, []string, error) {
	w, err := worldOf(root)
	if err != nil {
		return baseline.Node{}, nil, err
	}
	return w.collect(root, o)
}

// worldOf finds the readers for root's package database.
func worldOf(root fs.FS) (world, error) {
	p, err := product.Read(root)
	if err != nil {
		return world{}, err
	}
	switch p.Family {
	case product.Dpkg:
		return world{dpkg.Installed, dpkg.Collect}, nil
	case product.RPM:
		return world{rpm.Installed, rpm.Collect}, nil
	case product.Zypp:
		return world{zypp.Installed, zypp.Collect}, nil
	}
	return world{}, fault.New(fault.Unsupported, "", "read inventory of %s: its package database (%s) is not supported", p.Name, p.Family)
}
