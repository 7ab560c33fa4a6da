// Package testkit gives tests what they need of the machine, by one recipe each: a
// Debian root and Packer with its amazon plugin. What cannot be had skips the test
// with the reason; with REQUIRE_ALL=1 it fails it.
package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/goldenami/rehydrate/internal/packer"
)

// Missing ends the test for want of a prerequisite.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	text := "missing prerequisite: " + fmt.Sprintf(format, args...)
	if os.Getenv("REQUIRE_ALL") == "1" {
		t.Fatal(text)
	}
	t.Skip(text)
}

// Checkout is the module's folder: the first above the test with a go.mod.
func Checkout(t testing.TB) string {
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

// Cache is the folder of what is made once and kept: REHYDRATE_CACHE, or
// .cache/rehydrate of the home folder, as for make.
func Cache(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("REHYDRATE_CACHE"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(home, ".cache", "rehydrate")
}

// roots are the answers of base-root.sh, which takes seconds, by cache.
var roots sync.Map

// Root is a Debian root with sudo and a user admin who may use it, made once by
// examples/demo/base-root.sh and shared by all: nothing may write to it. A lower
// layer of an overlay is a fit use; else take a CopyRoot.
func Root(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a real Debian root: left out by -short")
	}
	if os.Geteuid() != 0 {
		Missing(t, "real roots need root")
	}
	for _, tool := range []string{"debootstrap", "unshare", "flock", "apt-get"} {
		if _, err := exec.LookPath(tool); err != nil {
			Missing(t, "%v: `make tools` installs it", err)
		}
	}
	script, cache := filepath.Join(Checkout(t), "examples/demo/base-root.sh"), filepath.Join(Cache(t), "roots")
	if root, ok := roots.Load(cache); ok {
		return root.(string)
	}
	cmd := exec.Command(script, cache)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		Missing(t, "a Debian root: %v: %s", err, said.String())
	}
	root := strings.TrimSpace(string(out))
	roots.Store(cache, root)
	return root
}

// CopyRoot is a copy of Root that the test may write to; it goes with the test.
func CopyRoot(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	if out, err := exec.Command("cp", "-a", "--reflink=auto", Root(t), dir).CombinedOutput(); err != nil {
		t.Fatalf("copy the root: %v: %s", err, out)
	}
	return dir
}

// Program is a program and the version that it has.
type Program struct {
	Path    string
	Version string // 1.15.0
}

// Packer is the Packer that the product itself would run.
func Packer(t testing.TB) Program {
	t.Helper()
	path := packer.Find(t.Context(), Cache(t))
	if path == "" {
		Missing(t, "Packer %s or newer: `make tools` builds it", packer.Oldest)
	}
	v := packer.Version(t.Context(), path)
	if !packer.NewEnough(v) {
		Missing(t, "%s is Packer %q, not %s or newer", path, v, packer.Oldest)
	}
	return Program{path, v}
}

// AmazonPlugin is Packer's amazon plugin.
func AmazonPlugin(t testing.TB) Program {
	t.Helper()
	path := packer.Newest(filepath.Join(Cache(t), "tools", "packer-plugin-amazon-*", "packer-plugin-amazon"))
	if path == "" {
		Missing(t, "Packer's amazon plugin: `make tools` builds it")
	}
	return Program{path, packer.FolderVersion(path)}
}
