package rpm

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/internal/inventory/product"
	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/inventory/rpmdb"
)

// Installed reads what is installed on root, and remarks for people: packages locked
// to a version, packages that are there twice. EnabledModules are the streams that
// somebody enabled; default streams are known to the repositories' metadata only.
func Installed(root fs.FS, _ reading.Options) (baseline.Inventory, []string, error) {
	inv, _, remarks, err := installed(root)
	return inv, remarks, err
}

// installed also gives the database, for what an inventory does not hold.
func installed(root fs.FS) (baseline.Inventory, rpmdb.Database, []string, error) {
	fail := func(err error) (baseline.Inventory, rpmdb.Database, []string, error) {
		return baseline.Inventory{}, rpmdb.Database{}, nil, err
	}
	what, err := product.Read(root)
	if err != nil {
		return fail(err)
	}
	db, err := rpmdb.Read(root)
	if err != nil {
		return fail(err)
	}
	arch, err := db.BaseArch()
	if err != nil {
		return fail(err)
	}
	modules, err := enabledModules(root)
	if err != nil {
		return fail(err)
	}
	locks, err := versionLocks(root)
	if err != nil {
		return fail(err)
	}
	inv := baseline.Inventory{OS: what.OS, Product: what.Name, Arch: arch, Installed: db.Installed(), EnabledModules: modules}
	return inv, db, append(db.Remarks(), hold(inv.Installed, locks)...), nil
}

// modulesDir has a file for every module whose state somebody set.
const modulesDir = "etc/dnf/modules.d"

// enabledModules lists the enabled streams as "name:stream", sorted.
func enabledModules(root fs.FS) ([]string, error) {
	files, err := fs.ReadDir(root, modulesDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read enabled modules: %w", err)
	}
	var out []string
	for _, f := range files {
		if f.IsDir() || !strings.HasSuffix(f.Name(), ".module") {
			continue
		}
		text, err := readConfig(root, modulesDir+"/"+f.Name())
		if err != nil {
			return nil, fmt.Errorf("read enabled modules: %w", err)
		}
		parts, err := settings(text)
		if err != nil {
			return nil, fmt.Errorf("read enabled modules from /%s/%s: %w", modulesDir, f.Name(), err)
		}
		for name, keys := range parts {
			if keys["name"] != "" {
				name = keys["name"]
			}
			if s := keys["state"]; s != "enabled" && s != "1" && s != "true" { // the last two: early dnf 4
				continue
			}
			if keys["stream"] == "" {
				return nil, fmt.Errorf("read enabled modules: %s/%s enables %s without a stream", modulesDir, f.Name(), name)
			}
			out = append(out, name+":"+keys["stream"])
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
