// Package lab gives end-to-end tests what they run on: the three programs, a root
// of real packages with an archive of its own, and a twin that is started through
// the command line as a newcomer would. What it starts it ends, by its own ids, and
// it says what was left.
//
// A test that lacks a prerequisite is skipped with the reason; with REQUIRE_ALL=1 it
// fails instead.
package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/goldenami/rehydrate/internal/twin/roots"
)

// Kit is what all labs of a test share. It is made once.
type Kit struct {
	Checkout string // the module's folder
	Cache    string // roots, archive and Packer, kept between runs
	Bin      string // the three programs, built for this test
	Packer   string
	Amazon   string // Packer's amazon plugin
	Plugins  string // where Packer's plugins are installed, for this test alone
	Demo     string // examples/demo
}

// tools are the programs of a Debian-like system that roots and archives need.
var tools = []string{"debootstrap", "dpkg-deb", "dpkg-query", "apt-get", "apt-ftparchive", "gpg", "gpgconf",
	"unshare", "flock", "mkfs.ext4", "e2fsck", "debugfs"}

// Open checks the prerequisites and builds the programs.
func Open(t testing.TB) *Kit {
	t.Helper()
	if testing.Short() {
		t.Skip("an end-to-end test on real packages: left out by -short")
	}
	for _, name := range tools {
		if _, err := exec.LookPath(name); err != nil {
			Missing(t, "%v: `make tools` installs it", err)
		}
	}
	k := &Kit{Cache: os.Getenv("REHYDRATE_CACHE")}
	if err := roots.Check(t.TempDir()); err != nil {
		Missing(t, "%v", err)
	}
	if k.Cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		k.Cache = filepath.Join(home, ".cache", "rehydrate")
	}
	if k.Packer, _ = exec.LookPath("packer"); k.Packer == "" { // not on PATH: the cache is next
		k.Packer = newest(filepath.Join(k.Cache, "tools/packer-[0-9]*/packer"))
	}
	k.Amazon = newest(filepath.Join(k.Cache, "tools/packer-plugin-amazon-*/packer-plugin-amazon"))
	if k.Packer == "" || k.Amazon == "" {
		Missing(t, "there is no Packer, or not its amazon plugin, in %s: `make tools` builds them", k.Cache)
	}
	k.Checkout = checkout(t)
	k.Demo = filepath.Join(k.Checkout, "examples/demo")
	k.Plugins = filepath.Join(t.TempDir(), "packer-plugins")
	k.build(t)
	return k
}

// Missing ends the test for want of a prerequisite: as a skip or, with
// REQUIRE_ALL=1, as a failure.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	text := "missing prerequisite: " + fmt.Sprintf(format, args...)
	if os.Getenv("REQUIRE_ALL") == "1" {
		t.Fatal(text)
	}
	t.Skip(text)
}

func newest(pattern string) string {
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		return ""
	}
	slices.Sort(found)
	return found[len(found)-1]
}

// checkout is the module's folder: the first above the test with a go.mod.
func checkout(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("the test does not run inside the module")
		}
		dir = up
	}
}
