//go:build linux

package xfs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/goldenami/rehydrate/internal/osimage/imagetest"
)

// prototype describes a folder to mkfs.xfs, which can then fill a file system that
// nobody mounts. It knows no hard links and no blanks in names.
func prototype(t testing.TB, dir string) string {
	t.Helper()
	var out strings.Builder
	out.WriteString("/ignored\n0 0\n")
	var folder func(path string)
	word := func(i fs.FileInfo) string {
		kind, u, g := "-", "-", "-"
		switch m := i.Mode(); {
		case m.IsDir():
			kind = "d"
		case m&fs.ModeSymlink != 0:
			kind = "l"
		case m&fs.ModeNamedPipe != 0:
			kind = "p"
		case m&fs.ModeCharDevice != 0:
			kind = "c"
		case m&fs.ModeDevice != 0:
			kind = "b"
		}
		if i.Mode()&fs.ModeSetuid != 0 {
			u = "u"
		}
		if i.Mode()&fs.ModeSetgid != 0 {
			g = "g"
		}
		s := i.Sys().(*syscall.Stat_t)
		return fmt.Sprintf("%s%s%s%03o %d %d", kind, u, g, i.Mode().Perm(), s.Uid, s.Gid)
	}
	folder = func(path string) {
		list, err := os.ReadDir(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			i, err := e.Info()
			if err != nil {
				t.Fatal(err)
			}
			at := filepath.Join(path, e.Name())
			fmt.Fprintf(&out, "%s %s", e.Name(), word(i))
			switch m := i.Mode(); {
			case m.IsDir():
				out.WriteString("\n")
				folder(at)
				continue
			case m&fs.ModeSymlink != 0:
				target, err := os.Readlink(at)
				if err != nil {
					t.Fatal(err)
				}
				out.WriteString(" " + target)
			case m&fs.ModeDevice != 0:
				n := i.Sys().(*syscall.Stat_t).Rdev
				fmt.Fprintf(&out, " %d %d", n>>8, n&0xFF)
			case m.IsRegular():
				out.WriteString(" " + at)
			}
			out.WriteString("\n")
		}
		out.WriteString("$\n")
	}
	i, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	out.WriteString(word(i) + "\n")
	folder(dir)
	name := filepath.Join(t.TempDir(), "prototype")
	if err := os.WriteFile(name, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// Version 5 is left to the kernel's own files: mkfs gives the long links of a
// prototype no header, and neither the kernel nor we read them then.
func TestVersion4ReadsAsTheTreeItWasMadeFrom(t *testing.T) {
	if testing.Short() {
		t.Skip("makes several file systems")
	}
	tree := imagetest.Tree(t)
	// What a prototype cannot say.
	for _, name := range []string{"names", "hard", "modes/tmp"} {
		if err := os.RemoveAll(filepath.Join(tree, name)); err != nil {
			t.Fatal(err)
		}
	}
	proto := prototype(t, tree)
	for name, args := range map[string][]string{
		"v4":         {"-m", "crc=0", "-n", "ftype=1"},
		"v4 untyped": {"-m", "crc=0", "-n", "ftype=0"},
		"v4 log 1":   {"-m", "crc=0", "-l", "version=1"},
		"v4 small":   {"-m", "crc=0", "-i", "size=256,attr=1", "-b", "size=512"},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, makeXFS(t, append(args, "-p", proto)...))
			t.Logf("%d files are the same", imagetest.Compare(t, f, tree, imagetest.Precision{}))
		})
	}
}

func TestItKeepsTheRulesOfAFileSystem(t *testing.T) {
	tree := t.TempDir()
	if err := os.MkdirAll(tree+"/usr/lib", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tree+"/usr/lib/file", []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/usr/lib", tree+"/lib"); err != nil {
		t.Fatal(err)
	}
	f := open(t, makeXFS(t, "-p", prototype(t, tree)))
	if err := fstest.TestFS(f, "usr/lib/file", "lib"); err != nil {
		t.Error(err)
	}
	if b, err := fs.ReadFile(f, "lib/file"); err != nil || string(b) != "text" {
		t.Errorf("through a link: %q, %v", b, err)
	}
	if target, err := fs.ReadLink(f, "lib"); err != nil || target != "/usr/lib" {
		t.Errorf("link: %q, %v", target, err)
	}
}
