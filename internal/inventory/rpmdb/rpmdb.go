// Package rpmdb reads the packages that an RPM database lists, in each of the three
// forms that rpm has written: sqlite, ndb and Berkeley DB hash. It needs no rpm, no
// temporary file and nothing but an fs.FS, so that a running root, a folder and a
// disk image are read alike; it never writes.
//
// The files may be hostile, and on a running system they may change under the
// reader. Every page is used once at most, lengths are believed only as far as the
// file bears them out, the digest that rpm stored with a header is checked, and a
// reading during which the files changed is done again.
package rpmdb

import (
	"cmp"
	"io/fs"
	"slices"
	"time"
)

// Format is how a database is stored.
type Format string

// The formats.
const (
	SQLite Format = "sqlite" // rpmdb.sqlite, with the committed part of rpmdb.sqlite-wal
	NDB    Format = "ndb"    // Packages.db, SUSE's default
	BDB    Format = "bdb"    // Packages, a Berkeley DB hash: up to RHEL 8 and Amazon Linux 2
)

// Database is what one reading found.
type Database struct {
	Path   string // of the file under the root
	Format Format
	// Packages are sorted by name, architecture, epoch, version and release, as text;
	// a package installed several times (kernels) is there several times. There is at
	// least one.
	Packages []Package
	// Keys is how many gpg-pubkey entries were left out: they are keys that rpm trusts,
	// not packages (specification §16.1).
	Keys int
}

// Package is one installed package.
type Package struct {
	Name    string
	Epoch   string // decimal; "0" where the header has none
	Version string
	Release string
	Arch    string
	// InstallTime is when rpm recorded it, in whole seconds UTC; zero if unknown.
	InstallTime time.Time
	Vendor      string
	SourceRPM   string // such as bash-5.2.15-1.src.rpm; empty if not stated
	// ModularityLabel is name:stream:version:context of the module build; empty for
	// what belongs to no module.
	ModularityLabel string

	provides, obsoletes relations
}

// Read finds the RPM database of root and reads it. No database, an empty one, one
// that is damaged, unfinished or still changing is an error.
func Read(root fs.FS) (Database, error) {
	all, err := find(root)
	if err != nil {
		return Database{}, err
	}
	return agreed(root, all)
}

// byName orders packages.
func byName(a, b Package) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch),
		cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Version, b.Version), cmp.Compare(a.Release, b.Release),
		a.InstallTime.Compare(b.InstallTime))
}

func sorted(list []Package) []Package {
	slices.SortStableFunc(list, byName)
	return list
}
