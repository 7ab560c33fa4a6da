// Package lab gives end-to-end tests what they run on: the three programs, a root
// of real packages with an archive of its own, and a twin that is started through
// the command line as a newcomer would. What it starts it ends, by its own ids, and
// it says what was left.
//
// A test that lacks a prerequisite is skipped with the reason; with REQUIRE_ALL=1 it
// fails instead.
package lab

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/goldenami/rehydrate/internal/testkit"
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
	k := &Kit{Cache: testkit.Cache(t)}
	if err := roots.Check(t.TempDir()); err != nil {
		Missing(t, "%v", err)
	}
	k.Packer, k.Amazon = testkit.Packer(t).Path, testkit.AmazonPlugin(t).Path
	k.Checkout = testkit.Checkout(t)
	k.Demo = filepath.Join(k.Checkout, "examples/demo")
	k.Plugins = filepath.Join(t.TempDir(), "packer-plugins")
	k.build(t)
	return k
}

// Missing ends the test for want of a prerequisite: as a skip or, with
// REQUIRE_ALL=1, as a failure.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	testkit.Missing(t, format, args...)
}
