// Package inventory reads what is installed on a root, and what its sources offer,
// whatever its package database is.
package inventory

import (
	"io/fs"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/dpkg"
	"github.com/goldenami/rehydrate/internal/inventory/product"
)

// Options are the choices of a reading; see dpkg.Options.
type Options = dpkg.Options

// Installed reads what is installed on root, and remarks for people. An empty or
// unfinished database and an unknown system are errors.
func Installed(root fs.FS, o Options) (baseline.Inventory, []string, error) {
	if err := readable(root); err != nil {
		return baseline.Inventory{}, nil, err
	}
	return dpkg.Installed(root, o)
}

// Collect reads what is installed on root and what its configured sources offer,
// and remarks for people. A configured source whose metadata cannot be read is an
// error that names it.
func Collect(root fs.FS, o Options) (baseline.Node, []string, error) {
	if err := readable(root); err != nil {
		return baseline.Node{}, nil, err
	}
	return dpkg.Collect(root, o)
}

// readable reports whether root's kind of database can be read.
func readable(root fs.FS) error {
	p, err := product.Read(root)
	if err != nil {
		return err
	}
	if p.Family != product.Dpkg {
		return fault.New(fault.Unsupported, "", "read inventory of %s: its package database (%s) is not supported yet", p.Name, p.Family)
	}
	return nil
}
