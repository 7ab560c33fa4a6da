//go:build linux

package ext4

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
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

// kinds are feature sets, from ext2 to everything.
var kinds = map[string][]string{
	"ext2":         {"-t", "ext2"},
	"ext2 rev 0":   {"-t", "ext2", "-r", "0"},
	"ext2 1k":      {"-t", "ext2", "-b", "1024"},
	"ext3":         {"-t", "ext3"},
	"ext3 untyped": {"-t", "ext3", "-O", "^filetype"},
	"ext4":         {"-t", "ext4"},
	"1k blocks":    {"-b", "1024"},
	"2k blocks":    {"-b", "2048", "-I", "128"},
	"32bit":        {"-O", "^64bit,^metadata_csum,uninit_bg"},
	"no checksums": {"-O", "^metadata_csum"},
	"no flex":      {"-O", "^flex_bg,^resize_inode"},
	"meta_bg":      {"-b", "1024", "-O", "meta_bg,^resize_inode"},
	"meta_bg 32":   {"-b", "1024", "-O", "meta_bg,^resize_inode,^64bit,^sparse_super"},
	"sparse2":      {"-O", "sparse_super2,^resize_inode"},
	"inline":       {"-O", "inline_data", "-I", "256"},
	"inline 1k":    {"-O", "inline_data", "-I", "1024"},
	"bigalloc":     {"-O", "bigalloc", "-C", "65536", "-i", "65536"},
	"bigalloc 1k":  {"-O", "bigalloc", "-b", "1024", "-C", "16384", "-i", "65536"},
	"mmp":          {"-O", "mmp"},
	"csum_seed":    {"-O", "metadata_csum_seed"},
	"large dirs":   {"-O", "large_dir,ea_inode"},
	"quota":        {"-O", "quota,project,verity,orphan_file"},
	"no extents":   {"-O", "^extents,^64bit"},
}

// again are the kinds whose directories are indexed afterwards, as the kernel's are.
var again = []string{"ext4", "ext3", "ext2 1k", "1k blocks", "inline", "no checksums"}

func make4(t testing.TB, tree string, args ...string) string {
	t.Helper()
	img := imagetest.Sparse(t, 200<<20)
	args = append(append([]string{"-q", "-F", "-i", "8192"}, args...), "-d", tree, img)
	imagetest.Run(t, "mkfs.ext4", args...)
	return img
}

// kept is what mkfs -d keeps of a tree: seconds, and nothing of the root's own.
var kept = imagetest.Precision{Times: time.Second, Skip: map[string]bool{"lost+found": true, ".": true}}

func TestEveryKindReadsAsTheTreeItWasMadeFrom(t *testing.T) {
	if testing.Short() {
		t.Skip("makes some twenty file systems")
	}
	tree := imagetest.Tree(t)
	for name, args := range kinds {
		t.Run(name, func(t *testing.T) {
			p := kept
			p.Late = true                          // mkfs -d keeps 32 bits of a time
			if strings.HasPrefix(name, "inline") { // mkfs -d loses the hole at the end
				p.Skip = map[string]bool{"lost+found": true, ".": true, "sparse": true}
			}
			img := make4(t, tree, args...)
			t.Logf("%d files are the same", imagetest.Compare(t, open(t, img), tree, p))
			if slices.Contains(again, name) {
				indexed(t, img)
				imagetest.Compare(t, open(t, img), tree, p)
			}
		})
	}
}

// indexed lets e2fsck rebuild the directories; 1 is its word for "changed".
func indexed(t *testing.T, img string) {
	t.Helper()
	out, err := exec.Command(imagetest.Tool(t, "e2fsck"), "-fyD", img).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) {
		t.Fatalf("e2fsck: %v\n%s", err, out)
	}
}

func TestTheKernelsFilesReadAsTheKernelShowsThem(t *testing.T) {
	if testing.Short() {
		t.Skip("mounts file systems")
	}
	imagetest.NeedRoot(t)
	tree := imagetest.Tree(t)
	for name, args := range map[string][]string{"ext4": nil, "1k": {"-b", "1024"}, "inline": {"-O", "inline_data"}, "ext3": {"-t", "ext3"}, "ext2": {"-t", "ext2"}} {
		t.Run(name, func(t *testing.T) {
			img := imagetest.Sparse(t, 200<<20)
			imagetest.Run(t, "mkfs.ext4", append(append([]string{"-q", "-F", "-I", "256", "-i", "8192"}, args...), img)...)
			imagetest.Mount(t, img, "", func(dir string) {
				imagetest.Run(t, "cp", "-a", tree+"/.", dir)
				// Half of the names go again, so that blocks have gaps.
				for i := 0; i < 2500; i += 2 {
					if err := os.Remove(fmt.Sprintf("%s/many/a-rather-long-file-name-number-%05d", dir, i)); err != nil {
						t.Fatal(err)
					}
				}
			})
			p := imagetest.Precision{Times: time.Nanosecond, Skip: map[string]bool{"lost+found": true, ".": true}}
			f := open(t, img)
			imagetest.Mount(t, img, "ro", func(dir string) {
				t.Logf("%d files are the same", imagetest.Compare(t, f, dir, p))
			})
		})
	}
}

func TestAnImageCopiedWhileMountedIsDirty(t *testing.T) {
	if testing.Short() {
		t.Skip("mounts file systems")
	}
	imagetest.NeedRoot(t)
	for name, args := range map[string][]string{"ext4": nil, "ext3": {"-t", "ext3"}, "ext2": {"-t", "ext2"}, "mmp": {"-O", "mmp"}, "orphans": {"-O", "orphan_file"}} {
		t.Run(name, func(t *testing.T) {
			img := imagetest.Sparse(t, 64<<20)
			imagetest.Run(t, "mkfs.ext4", append(append([]string{"-q", "-F"}, args...), img)...)
			copied := filepath.Join(t.TempDir(), "copy.img")
			imagetest.Mount(t, img, "", func(dir string) {
				if err := os.WriteFile(dir+"/file", []byte("x"), 0o600); err != nil {
					t.Fatal(err)
				}
				imagetest.Run(t, "sync", "-f", dir)
				imagetest.Run(t, "cp", "--sparse=always", img, copied)
			})
			r, size := imagetest.File(t, copied)
			f, err := Open(r, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Dirty(); !errors.Is(err, inode.ErrDirty) {
				t.Errorf("while mounted: %v", err)
			}
			if b, err := fs.ReadFile(open(t, img), "file"); err != nil || string(b) != "x" {
				t.Errorf("unmounted: %q, %v", b, err)
			}
		})
	}
}

func TestDebugfsDumpsTheSame(t *testing.T) {
	if testing.Short() {
		t.Skip("dumps a file system")
	}
	imagetest.NeedRoot(t)
	tree := imagetest.Tree(t)
	// What debugfs does not dump, or names in its own way.
	for _, name := range []string{"null", "block", "fifo", "hard", "names", "modes"} {
		if err := os.RemoveAll(filepath.Join(tree, name)); err != nil {
			t.Fatal(err)
		}
	}
	img, out := make4(t, tree), t.TempDir()
	imagetest.Run(t, "debugfs", "-R", "rdump / "+out, img)
	p := imagetest.Precision{Skip: kept.Skip}
	t.Logf("%d files are the same", imagetest.Compare(t, open(t, img), out, p))
}

func TestItKeepsTheRulesOfAFileSystem(t *testing.T) {
	tree := t.TempDir()
	for _, name := range []string{"a/b/c", "a/d", "e"} {
		if err := os.MkdirAll(tree+"/"+name, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(tree+"/"+name+"/file", []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/a/b", tree+"/link"); err != nil {
		t.Fatal(err)
	}
	f := open(t, make4(t, tree))
	if err := fstest.TestFS(f, "a/b/c/file", "a/d/file", "link", "lost+found"); err != nil {
		t.Error(err)
	}
	if b, err := fs.ReadFile(f, "link/c/file"); err != nil || string(b) != "a/b/c" {
		t.Errorf("through a link: %q, %v", b, err)
	}
	if target, err := fs.ReadLink(f, "link"); err != nil || target != "/a/b" {
		t.Errorf("link: %q, %v", target, err)
	}
}
