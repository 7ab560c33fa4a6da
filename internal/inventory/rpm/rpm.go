// Package rpm reads an RPM root (Amazon Linux, RHEL and its rebuilds): what is installed, which repositories are
// configured, and what those offer for the packages that are there.
package rpm

import (
	"io/fs"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/fault"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
)

// Collect reads what is installed on root and what its enabled repositories offer,
// and remarks for people.
func Collect(root fs.FS, o reading.Options) (baseline.Node, []string, error) {
	return baseline.Node{}, nil, fault.New(fault.Unsupported, "", "read inventory: package database (rpm) is not supported yet")
}
