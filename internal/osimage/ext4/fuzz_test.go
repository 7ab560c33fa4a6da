//go:build linux

package ext4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/osimage/imagetest"
	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

var update = flag.Bool("update", false, "make the fuzzer's images again")

// seeds are small images with all that the reader knows.
var seeds = map[string][]string{
	"ext4":   {"-b", "1024", "-O", "^has_journal,^metadata_csum,^resize_inode"},
	"ext2":   {"-t", "ext2", "-b", "1024", "-O", "^resize_inode"},
	"inline": {"-b", "1024", "-O", "^has_journal,^metadata_csum,^resize_inode,inline_data,^64bit", "-I", "256"},
	"summed": {"-b", "1024", "-O", "^has_journal,^resize_inode"},
	"meta":   {"-b", "1024", "-O", "^has_journal,^metadata_csum,^resize_inode,meta_bg,mmp", "-g", "256"},
}

func seedPath(name string) string { return filepath.Join("testdata", name+".img.gz") }

// seedTree is a small tree: a directory of several blocks, links of both kinds, a
// file of many extents.
func seedTree(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for i := range 70 {
		name := fmt.Sprintf("%s/many/name-of-a-file-%04d", dir, i)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, body := range map[string]string{"etc/os-release": "ID=x\n", "short": strings.Repeat("s", 100), "d/e/f": "f"} {
		if err := os.MkdirAll(filepath.Dir(dir+"/"+name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+"/"+name, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"link": "d/e", "long": strings.Repeat("l", 100), "loop": "loop"} {
		if err := os.Symlink(target, dir+"/"+name); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(dir + "/pieces")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range 30 {
		if _, err := f.WriteAt([]byte("piece"), int64(i)*12288); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSeedsAreWhole(t *testing.T) {
	if *update {
		tree := seedTree(t)
		for name, args := range seeds {
			img := imagetest.Sparse(t, 640<<10)
			imagetest.Run(t, "mkfs.ext4", append(append([]string{"-q", "-F", "-N", "112"}, args...), "-d", tree, img)...)
			imagetest.Pack(t, img, seedPath(name))
		}
	}
	for name := range seeds {
		b := imagetest.Packed(t, seedPath(name))
		f, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil || f.Dirty() != nil {
			t.Fatal(name, err, f.Dirty())
		}
		if list, err := fs.ReadDir(inode.New(f), "many"); err != nil || len(list) != 70 {
			t.Errorf("%s: %d files, %v", name, len(list), err)
		}
		if b, err := fs.ReadFile(inode.New(f), "pieces"); err != nil || len(b) != 29*12288+5 {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
}

func FuzzImage(f *testing.F) {
	var bases [][]byte
	var places [][]int64
	for _, name := range []string{"ext4", "ext2", "inline", "summed", "meta"} {
		b := imagetest.Packed(f, seedPath(name))
		bases, places = append(bases, b), append(places, imagetest.Places(b))
	}
	for i := range bases {
		f.Add(uint8(i), []byte{})
		f.Add(uint8(i), []byte{0, 0, 0x80, 0xFF, 0xFF, 0xFF, 0xFF, 16, 0, 0x9C, 7, 0, 0, 0})
	}
	f.Fuzz(func(t *testing.T, which uint8, input []byte) {
		n := int(which) % len(bases)
		p := imagetest.Patch(bases[n], places[n], input)
		fsys, err := Open(p, int64(len(p.Base)))
		if err != nil {
			return
		}
		_ = fsys.Dirty()
		imagetest.Exercise(t, inode.New(fsys))
	})
}

// spoil opens a seed after bytes were changed.
func spoil(t testing.TB, seed string, change func(b []byte)) (*FS, error) {
	t.Helper()
	b := imagetest.Packed(t, seedPath(seed))
	change(b)
	return Open(bytes.NewReader(b), int64(len(b)))
}

func TestALyingSuperblockIsRefused(t *testing.T) {
	le := binary.LittleEndian
	for name, change := range map[string]func(s []byte){
		"blocks beyond the disk": func(s []byte) { le.PutUint32(s[4:], 1<<30) },
		"no blocks":              func(s []byte) { le.PutUint32(s[4:], 0) },
		"huge blocks":            func(s []byte) { le.PutUint32(s[0x18:], 20) },
		"no inodes in a group":   func(s []byte) { le.PutUint32(s[0x28:], 0) },
		"many inodes in a group": func(s []byte) { le.PutUint32(s[0x28:], 1<<31) },
		"many inodes":            func(s []byte) { le.PutUint32(s, 1<<31) },
		"huge inodes":            func(s []byte) { le.PutUint16(s[0x58:], 1<<15) },
		"odd inodes":             func(s []byte) { le.PutUint16(s[0x58:], 200) },
		"no blocks in a group":   func(s []byte) { le.PutUint32(s[0x20:], 0) },
		"begins late":            func(s []byte) { le.PutUint32(s[0x14:], 500) },
		"tiny descriptors":       func(s []byte) { le.PutUint16(s[0xFE:], 8) },
		"huge descriptors":       func(s []byte) { le.PutUint16(s[0xFE:], 1<<14) },
		"another mark":           func(s []byte) { s[0x38] = 0 },
	} {
		if _, err := spoil(t, "ext4", func(b []byte) { change(b[1024:2048]) }); !errors.Is(err, inode.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := spoil(t, "summed", func(b []byte) { b[1024+0x90]++ }); !errors.Is(err, inode.ErrDamaged) {
		t.Errorf("wrong checksum: %v", err)
	}
}

func TestWhatIsNotReadIsNamed(t *testing.T) {
	le := binary.LittleEndian
	for want, bit := range map[string]uint32{"compression": 1, "external journal": 8, "data in directory entries": 0x1000, "0x40000000": 1 << 30} {
		_, err := spoil(t, "ext4", func(b []byte) { le.PutUint32(b[1024+0x60:], le.Uint32(b[1024+0x60:])|bit) })
		if u, ok := errors.AsType[*inode.UnsupportedError](err); !ok || !strings.Contains(u.What, want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for want, flag := range map[string]uint32{"encrypted": encrypted, "folds case": folded} {
		f, err := spoil(t, "ext4", func(b []byte) { le.PutUint32(at(t, b, rootInode)[0x20:], flag|mapped) })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fs.ReadDir(inode.New(f), "."); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// at is an inode's place in an image.
func at(t testing.TB, b []byte, ino uint64) []byte {
	t.Helper()
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	off, err := f.locate(ino)
	if err != nil {
		t.Fatal(err)
	}
	return b[off : off+f.inodeSize]
}

func TestDirtIsSaidWithItsReason(t *testing.T) {
	le := binary.LittleEndian
	for want, change := range map[string]func(s []byte){
		"journal":  func(s []byte) { le.PutUint32(s[0x60:], le.Uint32(s[0x60:])|4) },
		"errors":   func(s []byte) { s[0x3A] |= 2 },
		"clean":    func(s []byte) { s[0x3A] &^= 1 },
		"deleted":  func(s []byte) { le.PutUint32(s[0x64:], le.Uint32(s[0x64:])|orphanPresent) },
		"deleted ": func(s []byte) { s[0x3A] |= 4 },
	} {
		f, err := spoil(t, "ext4", func(b []byte) { change(b[1024:2048]) })
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Dirty(); !errors.Is(err, inode.ErrDirty) || !strings.Contains(err.Error(), strings.TrimSpace(want)) {
			t.Errorf("%s: %v", want, err)
		}
	}
	f, err := spoil(t, "meta", func(b []byte) {
		block := le.Uint64(b[1024+0x168:])
		le.PutUint32(b[block*1024+4:], 7) // a sequence number: mounted
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Dirty(); !errors.Is(err, inode.ErrDirty) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("guard: %v", err)
	}
}

func TestADirectoryInsideItselfEndsTheWalk(t *testing.T) {
	// d/e/f becomes a second name of d.
	b := imagetest.Packed(t, seedPath("ext4"))
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	number := func(name string) uint64 {
		i, err := inode.New(f).Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		return i.Sys().(*inode.Attributes).Inode
	}
	entry := binary.LittleEndian.AppendUint32(nil, uint32(number("d/e/f")))
	entry = append(entry, 0xE8, 3, 1, 1, 'f')
	place := bytes.Index(b, entry)
	if place < 0 {
		t.Fatal("no entry")
	}
	binary.LittleEndian.PutUint32(b[place:], uint32(number("d")))
	b[place+7] = 2
	seen := 0
	err = fs.WalkDir(inode.New(f), ".", func(_ string, _ fs.DirEntry, err error) error {
		if seen++; seen > 1000 {
			t.Fatal("the walk does not end")
		}
		return err
	})
	if !errors.Is(err, inode.ErrDamaged) {
		t.Errorf("walk: %v", err)
	}
}

func TestAChecksumTellsOfEveryChange(t *testing.T) {
	b := imagetest.Packed(t, seedPath("summed"))
	le := binary.LittleEndian
	for name, change := range map[string]func(b []byte){
		"inode":      func(b []byte) { at(t, b, rootInode)[0x10]++ },
		"descriptor": func(b []byte) { b[2048+12]++ },
		"directory": func(b []byte) {
			b[bytes.Index(b, []byte("os-release"))]++
		},
		"extents": func(b []byte) {
			// The node that holds the many extents of "pieces".
			node := bytes.Index(b, []byte{0x0A, 0xF3, 30, 0})
			le.PutUint32(b[node+12+8:], le.Uint32(b[node+12+8:])+1)
		},
	} {
		c := bytes.Clone(b)
		change(c)
		f, err := Open(bytes.NewReader(c), int64(len(c)))
		if err == nil {
			err = fs.WalkDir(inode.New(f), ".", func(name string, d fs.DirEntry, err error) error {
				if err == nil && d.Type().IsRegular() {
					_, err = fs.ReadFile(inode.New(f), name)
				}
				return err
			})
		}
		if !errors.Is(err, inode.ErrDamaged) || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
