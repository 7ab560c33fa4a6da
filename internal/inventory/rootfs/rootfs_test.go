package rootfs

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestLinksMeanWhatTheyMeanInsideTheRoot(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	write(t, outside, "outside")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "usr/lib/os-release"), "inside")
	write(t, filepath.Join(dir, "data/a/file"), "deep")
	for name, target := range map[string]string{
		"etc-release": "/usr/lib/os-release",         // absolute: from the root
		"up":          "../../../usr/lib/os-release", // above the root is the root
		"dir":         "/data",
		"leak":        outside,
		"loop":        "loop",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, want := range map[string]string{
		"usr/lib/os-release": "inside", "etc-release": "inside", "up": "inside", "dir/a/file": "deep",
	} {
		if got, err := fs.ReadFile(root, name); err != nil || string(got) != want {
			t.Errorf("read %s = %q, %v; want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"leak", "loop", "absent", "../x", "/usr"} {
		if got, err := fs.ReadFile(root, name); err == nil {
			t.Errorf("read %s = %q, want an error", name, got)
		}
	}
	if list, err := fs.ReadDir(root, "dir/a"); err != nil || len(list) != 1 {
		t.Errorf("read dir/a = %v, %v; want one entry", list, err)
	}
	if info, err := fs.Stat(root, "dir"); err != nil || !info.IsDir() {
		t.Errorf("stat dir = %v, %v; want a folder", info, err)
	}
}

func TestOpenOfNoFolderFails(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a root that does not exist was opened")
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestALinkIsSeenAsItselfBehindLinks(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "data/file"), "text")
	for name, target := range map[string]string{"folder": "/data", "data/link": "/data/file", "data/away": "../../etc"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, want := range map[string]string{"folder": "/data", "folder/link": "/data/file", "data/away": "../../etc"} {
		if got, err := root.ReadLink(name); err != nil || got != want {
			t.Errorf("link %s = %q, %v; want %q", name, got, err, want)
		}
		if info, err := root.Lstat(name); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("lstat %s = %v, %v; want a link", name, info, err)
		}
	}
	if _, err := root.ReadLink("data/file"); err == nil {
		t.Error("a file was read as a link")
	}
	for _, name := range []string{"../x", "/etc", "none/x"} {
		if _, err := root.Lstat(name); err == nil {
			t.Errorf("lstat %s: want an error", name)
		}
	}
}
