//go:build linux

package osimage

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/goldenami/rehydrate/internal/inventory/dpkg"
	"github.com/goldenami/rehydrate/internal/osimage/imagetest"
	"github.com/goldenami/rehydrate/internal/testkit"
)

// debian is a 2 GiB disk with a GPT and a Debian root.
func debian(t testing.TB, kind string) string {
	t.Helper()
	root := testkit.Root(t)
	part := imagetest.Sparse(t, 2<<30-2<<20)
	switch kind {
	case "ext4":
		imagetest.Run(t, "mkfs.ext4", "-q", "-F", "-d", root, part)
	case "xfs":
		imagetest.Run(t, "mkfs.xfs", "-q", "-f", part)
		imagetest.Mount(t, part, "", func(dir string) { imagetest.Run(t, "cp", "-a", root+"/.", dir) })
	}
	return imagetest.GPT(t, 512, 2<<30, imagetest.Part{Image: part, Start: 1 << 20})
}

// packages reads what is needed to tell the packages.
func packages(t testing.TB, r io.ReaderAt, size int64) int {
	t.Helper()
	root, err := Open(r, size)
	if err != nil {
		t.Fatal(err)
	}
	inv, _, err := dpkg.Installed(root, dpkg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return len(inv.Installed)
}

// metadata walks all directories and inodes, and reads all links.
func metadata(t testing.TB, r io.ReaderAt, size int64) (files int) {
	t.Helper()
	root, err := Open(r, size)
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil {
			_, err = d.Info()
		}
		if err == nil && d.Type()&fs.ModeSymlink != 0 {
			_, err = root.ReadLink(name)
		}
		files++
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestPackagesOfADebianRootCostAtMost16Blocks(t *testing.T) {
	want := dpkgQuery(t, testkit.Root(t))
	for _, kind := range []string{"ext4", "xfs"} {
		f, size := imagetest.File(t, debian(t, kind))
		c := &imagetest.Counter{Disk: f}
		got := packages(t, c, size)
		blocks, reads, bytes := c.Cost()
		t.Logf("%s: %d packages from %d blocks of 512 KiB, %d reads, %d KiB: %v", kind, got, blocks, reads, bytes>>10, c.Touched())
		if got != want {
			t.Errorf("%s: %d packages, dpkg-query says %d", kind, got, want)
		}
		if blocks > 16 {
			t.Errorf("%s: %d blocks touched", kind, blocks)
		}
		c = &imagetest.Counter{Disk: f}
		files := metadata(t, c, size)
		blocks, reads, bytes = c.Cost()
		t.Logf("%s: %d files' metadata from %d blocks, %d reads, %d KiB", kind, files, blocks, reads, bytes>>10)
	}
}

// dpkgQuery counts the packages that dpkg itself sees in a root.
func dpkgQuery(t testing.TB, root string) int {
	t.Helper()
	out := imagetest.Run(t, "dpkg-query", "--admindir="+filepath.Join(root, "var/lib/dpkg"), "-W", "-f", "${db:Status-Abbrev}\n")
	n := 0
	for i := range len(out) {
		if out[i] == '\n' {
			n++
		}
	}
	return n
}

func BenchmarkOpen(b *testing.B) {
	for _, kind := range []string{"ext4", "xfs"} {
		img := debian(b, kind)
		f, err := os.Open(img)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		i, err := f.Stat()
		if err != nil {
			b.Fatal(err)
		}
		for depth, read := range map[string]func(testing.TB, io.ReaderAt, int64) int{"packages": packages, "metadata": metadata} {
			b.Run(fmt.Sprintf("%s/%s", kind, depth), func(b *testing.B) {
				blocks := 0
				for b.Loop() {
					c := &imagetest.Counter{Disk: f}
					read(b, c, i.Size())
					blocks, _, _ = c.Cost()
				}
				b.ReportMetric(float64(blocks), "blocks/op")
			})
		}
	}
}
