// Command peer lists the packages of RPM databases by another reader, for tests. It is
// a module of its own: what it needs is no part of the product.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	rpmdb "github.com/anchore/go-rpmdb/pkg"
	_ "modernc.org/sqlite"
)

// row is what tests compare.
type row struct {
	Name, Epoch, Version, Release, Arch, Vendor, SourceRPM, ModularityLabel string

	InstallTime int64
	Provides    []string
}

// main prints a line of JSON for each file named: its folder's name and its rows.
func main() {
	for _, name := range os.Args[1:] {
		rows, err := list(name)
		answer := map[string]any{"file": filepath.Base(filepath.Dir(name)) + "/" + filepath.Base(name), "rows": rows}
		if err != nil {
			answer["error"] = err.Error()
		}
		if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func list(name string) ([]row, error) {
	db, err := rpmdb.Open(name)
	if err != nil {
		return nil, err
	}
	packages, err := db.ListPackages()
	if err != nil {
		return nil, err
	}
	var out []row
	for _, p := range packages {
		if p.Name == "gpg-pubkey" {
			continue
		}
		r := row{
			Name: p.Name, Epoch: "0", Version: p.Version, Release: p.Release, Arch: p.Arch, Vendor: p.Vendor,
			SourceRPM: p.SourceRpm, ModularityLabel: p.Modularitylabel, InstallTime: int64(p.InstallTime), Provides: p.Provides,
		}
		if p.Epoch != nil {
			r.Epoch = strconv.Itoa(*p.Epoch)
		}
		out = append(out, r)
	}
	return out, nil
}
