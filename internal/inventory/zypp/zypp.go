// Package zypp reads a SUSE root: what is installed, which repositories are
// configured, and what those offer for the packages that are there.
package zypp

import (
	"io/fs"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
)

// Installed reads what is installed on root, and remarks for people.
func Installed(root fs.FS, o reading.Options) (baseline.Inventory, []string, error) {
	return baseline.Inventory{}, nil, fault.New(fault.Unsupported, "", "read inventory: package database (zypp) is not supported yet")
}

// Collect reads what is installed on root and what its enabled repositories offer,
// and remarks for people.
func Collect(root fs.FS, o reading.Options) (baseline.Node, []string, error) {
	return baseline.Node{}, nil, fault.New(fault.Unsupported, "", "read inventory: package database (zypp) is not supported yet")
}
