//go:build linux

package xfs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/osimage/imagetest"
	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

// open reads an image that must be clean.
func open(t testing.TB, img string) *inode.FS {
	t.Helper()
	r, size := imagetest.File(t, img)
	f, err := Open(inode.NewPages(r, size), size)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Dirty(); err != nil {
		t.Fatal(err)
	}
	return inode.New(f)
}

func makeXFS(t testing.TB, args ...string) string {
	t.Helper()
	size := int64(320 << 20)
	if slices.Contains(args, "agcount=16") {
		size = 2 << 30 // a log must fit into a group
	}
	img := imagetest.Sparse(t, size)
	imagetest.Run(t, "mkfs.xfs", append(append([]string{"-q", "-f"}, args...), img)...)
	return img
}

// kinds are feature sets of version 5 that mkfs can make; kernels no longer mount version 4.
var kinds = map[string][]string{
	"default":      nil,
	"1k blocks":    {"-b", "size=1024"},
	"1k, 4k dirs":  {"-b", "size=1024", "-n", "size=4096"},
	"64k dirs":     {"-n", "size=65536"},
	"512 inodes":   {"-i", "size=512,maxpct=50"},
	"2k inodes":    {"-i", "size=2048"},
	"no bigtime":   {"-m", "bigtime=0,inobtcount=0"},
	"rmap, count":  {"-m", "rmapbt=1,reflink=1", "-i", "nrext64=1"},
	"no reflink":   {"-m", "reflink=0,finobt=0", "-i", "sparse=0"},
	"4k sectors":   {"-s", "size=4096"},
	"log stripe":   {"-l", "su=32768"},
	"log stripe+":  {"-l", "su=262144"},
	"many groups":  {"-d", "agcount=16"},
	"small log":    {"--unsupported", "-l", "size=6m"},
	"own metadata": {"-m", "uuid=11111111-2222-3333-4444-555555555555"},
}

func TestEveryKindReadsAsTheKernelShowsIt(t *testing.T) {
	if testing.Short() {
		t.Skip("makes and mounts some twenty file systems")
	}
	imagetest.NeedRoot(t)
	tree := imagetest.Tree(t)
	for name, args := range kinds {
		t.Run(name, func(t *testing.T) {
			img := makeXFS(t, args...)
			imagetest.Mount(t, img, "", func(dir string) {
				imagetest.Run(t, "cp", "-a", tree+"/.", dir)
				age(t, dir)
			})
			if name == "own metadata" {
				imagetest.Run(t, "xfs_admin", "-U", "generate", img)
			}
			f := open(t, img)
			imagetest.Mount(t, img, "ro,nouuid", func(dir string) {
				p := imagetest.Precision{Times: time.Nanosecond, Skip: map[string]bool{}}
				t.Logf("%d files are the same", imagetest.Compare(t, f, dir, p))
			})
		})
	}
}

// age gives a fresh copy what time does: directories with gaps, in all four forms,
// files of many extents, shared blocks, space reserved and never written.
func age(t testing.TB, dir string) {
	t.Helper()
	for i := range 2500 {
		if i%7 != 0 && (i < 500 || i > 1800) {
			if err := os.Remove(fmt.Sprintf("%s/many/a-rather-long-file-name-number-%05d", dir, i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	f, err := os.Create(filepath.Join(dir, "reserved"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := syscall.Fallocate(int(f.Fd()), 0, 0, 1<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("in the middle"), 300000); err != nil {
		t.Fatal(err)
	}
	// Shared where the kind can do that, a copy where not.
	imagetest.Run(t, "cp", "--reflink=auto", dir+"/noise", dir+"/shared")
}
