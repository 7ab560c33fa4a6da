//go:build linux

package rpmdb

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/goldenami/rehydrate/internal/osimage"
)

// blocks counts the pieces of 512 KiB that are read of a disk, which is what EBS
// gives at a time.
type blocks struct {
	io.ReaderAt
	seen map[int64]bool
}

func (b *blocks) ReadAt(p []byte, off int64) (int, error) {
	for i := off >> 19; i <= (off+int64(len(p))-1)>>19; i++ {
		b.seen[i] = true
	}
	return b.ReaderAt.ReadAt(p, off)
}

func TestADatabaseInADiskImageIsReadLikeInAFolder(t *testing.T) {
	tools(t, "mkfs.ext4")
	r := world(t, crowd(150)...)
	want, err := Read(r.FS(t))
	if err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(r.Dir, "usr/lib/sysimage")
	if err := errors.Join(os.MkdirAll(moved, 0o755), os.Rename(filepath.Join(r.Dir, "var/lib/rpm"), filepath.Join(moved, "rpm")),
		os.Symlink("../../usr/lib/sysimage/rpm", filepath.Join(r.Dir, "var/lib/rpm")), os.MkdirAll(filepath.Join(r.Dir, "etc"), 0o755)); err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(t.TempDir(), "disk")
	run(t, "", "mkfs.ext4", "-q", "-F", "-d", r.Dir, image, "256M")
	f, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	counted := &blocks{f, map[int64]bool{}}
	root, err := osimage.Open(counted, 256<<20)
	if err != nil {
		t.Fatal(err)
	}
	db, err := Read(root)
	if err != nil {
		t.Fatal(err)
	}
	differ(t, "the image", rows(db), rows(want))
	info, err := root.Stat(db.Path)
	if err != nil {
		t.Fatal(err)
	}
	if most := int(info.Size()>>19) + 8; len(counted.seen) > most {
		t.Errorf("%d blocks were read for a database of %d bytes", len(counted.seen), info.Size())
	}
	t.Logf("%d blocks for a database of %d bytes", len(counted.seen), info.Size())
}
