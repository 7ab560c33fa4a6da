//go:build linux

package xfs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/osimage/imagetest"
	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

// copied is a copy of an image as it stands.
func copied(t testing.TB, img string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "copy.img")
	imagetest.Run(t, "cp", "--sparse=always", img, out)
	return out
}

func dirty(t testing.TB, img string) error {
	t.Helper()
	r, size := imagetest.File(t, img)
	f, err := Open(r, size)
	if err != nil {
		t.Fatal(err)
	}
	said := f.Dirty()
	// The short way from the superblock and the search of the whole log agree.
	l, err := f.log()
	if err != nil {
		t.Fatal(err)
	}
	if searched := l.search(); errors.Is(searched, inode.ErrDirty) != errors.Is(said, inode.ErrDirty) {
		t.Errorf("by search: %v, else: %v", searched, said)
	}
	return said
}

func TestAnImageCopiedWhileMountedIsDirty(t *testing.T) {
	if testing.Short() {
		t.Skip("mounts file systems")
	}
	imagetest.NeedRoot(t)
	for _, name := range []string{"default", "small log", "1k blocks", "4k sectors", "log stripe", "log stripe+"} {
		t.Run(name, func(t *testing.T) {
			img := makeXFS(t, kinds[name]...)
			if err := dirty(t, img); err != nil {
				t.Fatalf("fresh: %v", err)
			}
			rounds := 2
			if name == "small log" {
				rounds = 8 // the log comes round to its beginning
			}
			for round := range rounds {
				var while []string
				imagetest.Mount(t, img, "", func(dir string) {
					churn(t, dir, round)
					imagetest.Run(t, "sync", "-f", dir)
					while = append(while, copied(t, img))
					churn(t, dir, round+100)
					imagetest.Run(t, "fsfreeze", "--freeze", dir)
					while = append(while, copied(t, img))
					imagetest.Run(t, "fsfreeze", "--unfreeze", dir)
				})
				for i, c := range while {
					if err := dirty(t, c); !errors.Is(err, inode.ErrDirty) {
						t.Errorf("round %d, copy %d: %v", round, i, err)
					}
					oracle(t, c, true)
				}
				if err := dirty(t, img); err != nil {
					t.Errorf("round %d, unmounted: %v", round, err)
				}
				oracle(t, img, false)
			}
		})
	}
}

// oracle asks xfs_repair whether a log has yet to be replayed.
func oracle(t testing.TB, img string, want bool) {
	t.Helper()
	out, err := exec.Command(imagetest.Tool(t, "xfs_repair"), "-n", img).CombinedOutput()
	said := strings.Contains(string(out), "valuable metadata changes in a log")
	if said != want {
		t.Errorf("xfs_repair says dirty: %v, want %v (%v)\n%s", said, want, err, out)
	}
}

// churn makes and removes files: metadata for the log.
func churn(t testing.TB, dir string, round int) {
	t.Helper()
	for i := range 1500 {
		name := fmt.Sprintf("%s/churn-%d-%d", dir, round, i)
		if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		if i%3 == 0 {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
}
