package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func newArchive(t *testing.T, dir string, now time.Time) map[string]string {
	t.Helper()
	for _, tool := range []string{"dpkg-deb", "apt-ftparchive", "gpg"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("REQUIRE_ALL") == "1" {
				t.Fatal(err)
			}
			t.Skip("building packages needs Debian's tools: ", err)
		}
	}
	if err := build(dir, now); err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name) // name is below dir
		sums[rel] = fmt.Sprintf("%x", sha256.Sum256(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

func TestTheArchiveIsStableForADayAndItsSettledPackagesForEver(t *testing.T) {
	dir, now := t.TempDir(), time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	first := newArchive(t, dir, now)
	second := newArchive(t, dir, now.Add(23*time.Hour))
	for name, sum := range first {
		if second[name] != sum {
			t.Errorf("%s changed within a day", name)
		}
	}
	third := newArchive(t, dir, now.Add(25*time.Hour))
	for name, sum := range first {
		delayed := strings.Contains(name, "demo-extra_1.1") || strings.Contains(name, "dists/") || name == "built"
		if (third[name] != sum) != delayed {
			t.Errorf("%s: changed after a day is %v, want %v", name, third[name] != sum, delayed)
		}
	}
}

func TestTheStatesDifferByTheToolAlone(t *testing.T) {
	dir := t.TempDir()
	sums := newArchive(t, dir, time.Now())
	for name, want := range map[string]bool{
		"state-1/pool/main/demo-tool_1.2": true, "state-1/pool/main/demo-tool_1.3": false,
		"state-2/pool/main/demo-tool_1.2": false, "state-2/pool/main/demo-tool_1.3": true,
		"state-1/pool/main/demo-agent_1.1": true, "state-2/pool/main/demo-agent_1.1": true,
		"state-1/pool/main/demo-extra_1.1": true, "state-2/pool/main/demo-extra_1.1": true,
		"installed/demo-tool_1.1": true, "installed/demo-agent_1.0": true, "installed/demo-extra_1.0": true,
	} {
		found := false
		for have := range sums {
			found = found || strings.HasPrefix(have, name+"_")
		}
		if found != want {
			t.Errorf("%s: present is %v, want %v", name, found, want)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "key/secret.asc")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secret key: %v, %v; want mode 0600", info, err)
	}
}
