//go:build linux

package imagetest

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

// Precision is what an image keeps of a tree.
type Precision struct {
	// Times is to what times are kept; 0 leaves them out.
	Times time.Duration
	// Late leaves out the times of what Tree dates after 2038.
	Late bool
	// Skip names what the image's maker treats in its own way, such as lost+found.
	Skip map[string]bool
}

// Compare walks an image and the folder that it was made from, and fails the test
// for every file that differs in path, type, mode, owner, links, size, time, link
// target or content. It returns how many files were the same.
func Compare(t testing.TB, got fs.FS, dir string, p Precision) int {
	t.Helper()
	want, have := map[string]string{}, map[string]string{}
	walk(t, got, p, have, func(i fs.FileInfo) (inode.Attributes, bool) {
		a, ok := i.Sys().(*inode.Attributes)
		if !ok || a.Mode != i.Mode() || a.Size != i.Size() || !a.ModTime.Equal(i.ModTime()) {
			t.Fatalf("attributes of %s: %+v", i.Name(), i.Sys())
		}
		return *a, ok
	})
	walk(t, folder(dir), p, want, func(i fs.FileInfo) (inode.Attributes, bool) {
		s := i.Sys().(*syscall.Stat_t)
		return inode.Attributes{Mode: i.Mode(), UID: s.Uid, GID: s.Gid, Size: i.Size(), ModTime: i.ModTime(), Links: uint32(s.Nlink)}, true
	})
	same, said := 0, 0
	for name, w := range want {
		if have[name] == w {
			same++
		} else if said++; said < 20 {
			t.Errorf("%q:\n got  %s\n want %s", name, have[name], w)
		}
	}
	for name := range have {
		if _, ok := want[name]; !ok {
			t.Errorf("%q is in the image only", name)
		}
	}
	if len(want) < 10 || !reflect.DeepEqual(have, want) && !t.Failed() {
		t.Errorf("compared %d files", len(want))
	}
	return same
}

// folder is os.DirFS with names in any encoding.
type folder string

func (f folder) at(name string) string                      { return filepath.Join(string(f), name) }
func (f folder) Open(name string) (fs.File, error)          { return os.Open(f.at(name)) }
func (f folder) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(f.at(name)) }
func (f folder) Lstat(name string) (fs.FileInfo, error)     { return os.Lstat(f.at(name)) }
func (f folder) ReadLink(name string) (string, error)       { return os.Readlink(f.at(name)) }

func walk(t testing.TB, f fs.FS, p Precision, out map[string]string, attributes func(fs.FileInfo) (inode.Attributes, bool)) {
	t.Helper()
	err := fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if p.Skip[filepath.Base(name)] {
			if d.IsDir() && name != "." {
				return fs.SkipDir
			}
			return nil
		}
		i, err := d.Info()
		if err != nil {
			return err
		}
		a, _ := attributes(i)
		line := fmt.Sprintf("%v %d:%d", a.Mode, a.UID, a.GID)
		if p.Times > 0 && name != "." && !(p.Late && strings.HasPrefix(name, "times/y2")) {
			line += " " + a.ModTime.UTC().Truncate(p.Times).String()
		}
		switch {
		case a.Mode&fs.ModeSymlink != 0:
			target, err := fs.ReadLink(f, name)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %d -> %s", a.Size, target)
		case a.Mode.IsRegular():
			body, err := f.Open(name)
			if err != nil {
				return err
			}
			defer body.Close()
			h := sha256.New()
			if _, err := io.Copy(h, body); err != nil {
				return err
			}
			line += fmt.Sprintf(" links %d, %d bytes, %x", a.Links, a.Size, h.Sum(nil)[:8])
		}
		out[name] = line
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
