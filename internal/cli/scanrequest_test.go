package cli

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAScanKeepsNothingInItsTarget(t *testing.T) {
	dir := t.TempDir()
	cache := filepath.Join(dir, "home", "cache")
	t.Setenv("REHYDRATE_CACHE", cache)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(cache, "metadata")
	for target, want := range map[string]string{
		string(filepath.Separator): "", dir: "", filepath.Join(dir, "home"): "", link: "", cache: "",
		filepath.Join(dir, "other"): kept, filepath.Join(dir, "home", "cache2"): kept, "snap-0123456789abcdef0": kept, "disk.img": kept,
	} {
		if got := metadataCache(target); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}
