//go:build linux

package testkit

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/goldenami/rehydrate/internal/packer"
	"github.com/goldenami/rehydrate/internal/testkit/debroot"
)

func TestRoot_has_what_tests_of_real_roots_need_and_a_copy_may_be_written(t *testing.T) {
	shared := Root(t)
	if again := Root(t); again != shared {
		t.Errorf("first %s, then %s", shared, again)
	}
	own := CopyRoot(t)
	for _, root := range []string{shared, own} {
		if out, err := debroot.Command(t.Context(), root, "su", "admin", "-c", "sudo -n true").CombinedOutput(); err != nil {
			t.Errorf("admin may not use sudo in %s: %v: %s", root, err, out)
		}
	}
	mark := filepath.Join("etc", "testkit")
	if err := os.WriteFile(filepath.Join(own, mark), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(shared, mark)); err == nil {
		t.Error("a write to the copy reached the shared root")
	}
}

func TestPacker_and_its_plugin_have_versions(t *testing.T) {
	if p := Packer(t); !packer.NewEnough(p.Version) {
		t.Errorf("%+v is not new enough", p)
	}
	if p := AmazonPlugin(t); packer.Compare(p.Version, "1.0.0") <= 0 {
		t.Errorf("%+v has no version", p)
	}
}

func TestCache_follows_the_environment(t *testing.T) {
	t.Setenv("REHYDRATE_CACHE", "/somewhere")
	if got := Cache(t); got != "/somewhere" {
		t.Errorf("cache %s", got)
	}
	t.Setenv("REHYDRATE_CACHE", "")
	t.Setenv("HOME", "/home/me")
	if got := Cache(t); got != "/home/me/.cache/rehydrate" {
		t.Errorf("cache %s", got)
	}
}
