package rpm

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/inventory/rootfs"
)

// sparse is a root on which some files are on real folders, so that a hole may be
// larger than any memory.
type sparse struct {
	fstest.MapFS
	real *rootfs.FS
}

func (s sparse) Open(name string) (fs.File, error) {
	if f, err := s.real.Open(name); err == nil {
		return f, nil
	}
	return s.MapFS.Open(name)
}

func (s sparse) ReadDir(name string) ([]fs.DirEntry, error) {
	if list, err := fs.ReadDir(s.real, name); err == nil {
		return list, nil
	}
	return s.MapFS.ReadDir(name)
}

// hole lays a file of 16 GiB, which holds nothing, under dir.
func hole(t *testing.T, dir, name string) {
	t.Helper()
	at := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(at, 1<<34); err != nil {
		t.Fatal(err)
	}
}

// A file that is nothing but a hole costs a hostile image nothing.
func TestAFileOfConfigurationWithoutEndIsAnErrorThatNamesIt(t *testing.T) {
	const on = "[main]\nenabled=1\nlocklist=/etc/locked\n"
	for _, name := range []string{
		"etc/dnf/modules.d/a.module", "etc/dnf/plugins/versionlock.conf", "etc/yum/pluginconf.d/versionlock.conf", "etc/locked",
		"etc/dnf/dnf.conf", "etc/yum.repos.d/a.repo", "etc/dnf/vars/a",
	} {
		root := sparse{MapFS: small(t)}
		if name == "etc/locked" {
			root.MapFS["etc/dnf/plugins/versionlock.conf"] = &fstest.MapFile{Data: []byte(on)}
		}
		dir := t.TempDir()
		hole(t, dir, name)
		var err error
		if root.real, err = rootfs.Open(dir); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { root.real.Close() })
		if _, _, err := Collect(root, reading.Options{}); err == nil || !strings.Contains(err.Error(), name+": it has more than") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
