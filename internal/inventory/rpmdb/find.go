package rpmdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/internal/fault"
)

// folders are where distributions keep the database; one is often a link to the other.
var folders = []string{"usr/lib/sysimage/rpm", "var/lib/rpm"}

// forms are the files that a folder may have.
var forms = []struct {
	file   string
	format Format
}{{"rpmdb.sqlite", SQLite}, {"Packages.db", NDB}, {"Packages", BDB}}

// place is one database file.
type place struct {
	path   string
	format Format
	info   fs.FileInfo
}

// find returns the databases of root, at least one.
func find(root fs.FS) ([]place, error) {
	var all []place
	for _, dir := range folders {
		for _, form := range forms {
			name := path.Join(dir, form.file)
			info, err := fs.Stat(root, name)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				continue
			case err != nil:
				return nil, fmt.Errorf("find the RPM database: %w", err)
			case slices.ContainsFunc(all, func(p place) bool { return os.SameFile(p.info, info) }):
				continue // through a link
			}
			all = append(all, place{name, form.format, info})
		}
	}
	if len(all) == 0 {
		return nil, fault.New(fault.NotFound, "is this the root of a system that uses rpm?",
			"find the RPM database: neither %s has one", strings.Join(folders, " nor "))
	}
	return all, nil
}

// agreed reads several databases. Twice the same answer is one database seen through
// a link, which not every file system reader can tell; anything else is for people to
// decide: reading the wrong one would be an old answer that looks right.
func agreed(root fs.FS, all []place) (Database, error) {
	first, err := settled(root, all[0])
	for _, other := range all[1:] {
		if err != nil || other.format != all[0].format {
			return Database{}, ambiguous(all, err)
		}
		var db Database
		if db, err = settled(root, other); err != nil || !slices.Equal(db.Packages, first.Packages) {
			return Database{}, ambiguous(all, err)
		}
	}
	return first, err
}

func ambiguous(all []place, cause error) error {
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.path
	}
	err := fmt.Errorf("find the RPM database: %s exist and differ", strings.Join(names, " and "))
	if cause != nil {
		err = fmt.Errorf("%w (%w)", err, cause)
	}
	return fault.As(err, fault.Failed, "remove the one that rpm does not use (rpm --eval %_dbpath and %_db_backend say which)")
}
