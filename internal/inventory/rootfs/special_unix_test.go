//go:build unix

package rootfs

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// To open a pipe nobody writes to waits for ever; so a hostile root may hold some.
func TestPipesAreNotOpened(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("pipe", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	root, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, name := range []string{"pipe", "link"} {
		if _, err := fs.ReadFile(root, name); err == nil {
			t.Errorf("%s was read", name)
		}
		if info, err := fs.Stat(root, name); err != nil || info.Mode().Type() != fs.ModeNamedPipe {
			t.Errorf("stat %s = %v, %v", name, info, err)
		}
	}
}
