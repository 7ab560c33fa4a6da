package debroot

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/goldenami/rehydrate/internal/testkit"
)

func TestARootIsMadeOnceAndHasItsLists(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Debian root: left out by -short")
	}
	first, err := Make(t.Context(), testkit.Cache(t), "bookworm", io.Discard)
	if err != nil {
		testkit.Missing(t, "%v", err)
	}
	for _, name := range []string{"/var/lib/dpkg/status", "/var/lib/apt/lists", "/usr/bin/apt"} {
		if _, err := os.Stat(first + name); err != nil {
			t.Error(err)
		}
	}
	before, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Make(t.Context(), testkit.Cache(t), "bookworm", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(second); err != nil || !os.SameFile(before, after) {
		t.Errorf("the second call made %s, not %s: %v", second, first, err)
	}
}

func TestARootThatCannotBeMadeLeavesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("runs debootstrap: left out by -short")
	}
	cache := t.TempDir()
	if out, err := Make(t.Context(), cache, "no-such-suite", io.Discard); err == nil {
		t.Fatalf("a root of no release was made: %s", out)
	}
	left, err := os.ReadDir(cache)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		if sub, err := os.ReadDir(cache + "/" + e.Name()); err == nil {
			for _, s := range sub {
				if s.IsDir() {
					t.Errorf("left behind: %s", s.Name())
				}
			}
		}
	}
}

func TestWhatAProgramWritesInARootIsGoneAfterIt(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a real Debian root: left out by -short")
	}
	root, err := Make(t.Context(), testkit.Cache(t), "bookworm", io.Discard)
	if err != nil {
		testkit.Missing(t, "%v", err)
	}
	out, err := Command(t.Context(), root, "sh", "-c", "echo written | tee /etc/written-by-test; rm /usr/bin/apt; ls /usr/bin/apt || cat /etc/written-by-test; exit 3").Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 3 || string(out) != "written\nwritten\n" {
		t.Errorf("%q, %v", out, err)
	}
	for name, want := range map[string]bool{"/etc/written-by-test": false, "/usr/bin/apt": true, "/mnt/upper": false} {
		if _, err := os.Stat(root + name); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", name, err, want)
		}
	}
}
