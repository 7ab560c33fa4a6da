package demo

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/goldenami/rehydrate/test/witness"
)

// image exports the root of the new image and asks Debian's own tools about it.
func (j *job) image(t *testing.T) {
	root := j.export(t, j.run.Bake.Snapshot)
	t.Run("dpkg-query before and after differs by exactly the lock", func(t *testing.T) {
		witness.DiffersByTheLock(t, &j.lock, j.baseBefore, installedIn(t, root))
	})
	t.Run("the rejected and the delayed package alone are pending", func(t *testing.T) {
		connect(t, root)
		if got := witness.Pending(inside(t, root, witness.Upgrade)); !slices.Equal(got, stillPending) {
			t.Errorf("apt-get -s dist-upgrade would install %v, want %v", got, stillPending)
		}
	})
	t.Run("the marker was planted", func(t *testing.T) {
		if _, err := os.Stat(filepath.Join(root, "var/lib/rehydrate/marker")); err != nil {
			t.Error(err)
		}
	})
}

// connect gives an exported root this machine's way to the network, which a machine
// of its own would have.
func connect(t *testing.T, root string) {
	t.Helper()
	for _, name := range []string{"etc/resolv.conf", "etc/hosts"} {
		text, err := os.ReadFile("/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// longLivedNode asks the same of the machine that was patched in place.
func (j *job) longLivedNode(t *testing.T) {
	t.Run("dpkg-query before and after differs by exactly the lock", func(t *testing.T) {
		witness.DiffersByTheLock(t, &j.lock, j.dbBefore, j.dbAfter)
	})
	t.Run("pending are the rejected, the delayed and what came after the lock", func(t *testing.T) {
		want := append(slices.Clone(stillPending), "demo-tool") // 1.3: the archive moved on
		if got := witness.Pending(j.Shell(t, j.db, "apt-get -s dist-upgrade")); !slices.Equal(got, want) {
			t.Errorf("apt-get -s dist-upgrade would install %v, want %v", got, want)
		}
	})
	t.Run("what the archive no longer had came out of the bundle", func(t *testing.T) {
		var bundled []string
		for _, p := range j.run.Patch {
			for _, o := range p.Obtained {
				if o.From == "bundle" {
					bundled = append(bundled, o.Name)
				}
			}
		}
		if !slices.Equal(bundled, []string{"demo-tool"}) {
			t.Errorf("out of the bundle came %v, want demo-tool alone", bundled)
		}
	})
}
