//go:build linux

package xfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goldenami/rehydrate/internal/osimage/imagetest"
	"github.com/goldenami/rehydrate/internal/osimage/inode"
)

var update = flag.Bool("update", false, "make the fuzzer's images again")

func seedPath(name string) string { return filepath.Join("testdata", name+".img.gz") }

// seedTree is a small tree with directories of all forms, links of both kinds and,
// where pieces is set, a file of more extents than an inode holds.
func seedTree(t testing.TB, dir string, pieces bool) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, n := range map[string]int{"one": 12, "leaf": 60, "node": 200} {
		must(os.MkdirAll(filepath.Join(dir, name), 0o755))
		for i := range n {
			must(os.WriteFile(fmt.Sprintf("%s/%s/name-of-a-file-%04d", dir, name, i), nil, 0o644))
		}
	}
	for name, body := range map[string]string{"etc/os-release": "ID=x\n", "short": strings.Repeat("s", 100), "d/e/f": "f"} {
		must(os.MkdirAll(filepath.Dir(dir+"/"+name), 0o755))
		must(os.WriteFile(dir+"/"+name, []byte(body), 0o644))
	}
	for name, target := range map[string]string{"link": "d/e", "long": strings.Repeat("l", 900), "loop": "loop"} {
		must(os.Symlink(target, dir+"/"+name))
	}
	if !pieces {
		return
	}
	f, err := os.Create(dir + "/pieces")
	must(err)
	defer f.Close()
	for i := range 100 {
		_, err := f.WriteAt([]byte("piece"), int64(i)*12288)
		must(err)
		must(f.Sync())
	}
}

func TestSeedsAreWhole(t *testing.T) {
	if *update {
		img := imagetest.Sparse(t, 16<<20)
		imagetest.Run(t, "mkfs.xfs", "--unsupported", "-q", "-f", "-b", "size=1024", "-i", "nrext64=1", img)
		imagetest.Mount(t, img, "", func(dir string) { seedTree(t, dir, true) })
		imagetest.Pack(t, img, seedPath("v5"))
		tree := t.TempDir()
		seedTree(t, tree, false)
		for name, ftype := range map[string]string{"v4": "ftype=1", "untyped": "ftype=0"} {
			img := imagetest.Sparse(t, 16<<20)
			imagetest.Run(t, "mkfs.xfs", "--unsupported", "-q", "-f", "-m", "crc=0", "-n", ftype, "-b", "size=1024", "-i", "size=256", "-p", prototype(t, tree), img)
			imagetest.Pack(t, img, seedPath(name))
		}
	}
	for _, name := range []string{"v5", "v4", "untyped"} {
		b := imagetest.Packed(t, seedPath(name))
		f, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil || f.Dirty() != nil {
			t.Fatal(name, err, f.Dirty())
		}
		for dir, n := range map[string]int{"one": 12, "leaf": 60, "node": 200} {
			if list, err := fs.ReadDir(inode.New(f), dir); err != nil || len(list) != n {
				t.Errorf("%s: %s has %d files, %v", name, dir, len(list), err)
			}
		}
		if target, err := fs.ReadLink(inode.New(f), "long"); err != nil || len(target) != 900 {
			t.Errorf("%s: %d bytes, %v", name, len(target), err)
		}
	}
}

// sums are where structures of version 5 keep their checksums.
var sums = map[string]int{"XFSB": 224, "XDB3": 4, "XDD3": 4, "BMA3": 64, "XSLM": 12}

// mend makes the checksums of the changed pages right, so that the fuzzer gets past
// them: of inodes of 512 bytes and of blocks of 1 KiB.
func mend(p *imagetest.Patched) {
	sum := func(b []byte, at int) {
		clear(b[at : at+4])
		binary.LittleEndian.PutUint32(b[at:], crc32.Checksum(b, castagnoli))
	}
	for _, page := range p.Pages {
		for at := 0; at+1024 <= len(page); at += 512 {
			b := page[at : at+512]
			if string(b[:2]) == "IN" {
				sum(b, 100)
			} else if at, ok := sums[string(b[:4])]; ok && string(b[:4]) == "XFSB" {
				sum(b, at)
			} else if ok && len(page) >= 1024 {
				sum(b[:1024:1024], at)
			}
		}
	}
}

// outsideLog are the places of a seed, but of its log only what lies around the head.
func outsideLog(t testing.TB, b []byte) []int64 {
	f, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := f.log()
	if err != nil {
		t.Fatal(err)
	}
	head, err := l.head()
	if err != nil {
		t.Fatal(err)
	}
	head = l.start + head*sector
	return slices.DeleteFunc(imagetest.Places(b), func(at int64) bool {
		return at >= l.start && at < l.start+l.size*sector && (at < head-4*sector || at >= head+sector)
	})
}

func FuzzImage(f *testing.F) {
	var bases [][]byte
	var places [][]int64
	for _, name := range []string{"v5", "v4", "untyped"} {
		b := imagetest.Packed(f, seedPath(name))
		bases, places = append(bases, b), append(places, outsideLog(f, b))
	}
	for i := range bases {
		f.Add(uint8(i), []byte{})
		f.Add(uint8(i), []byte{0, 0, 0x80, 0xFF, 0xFF, 0xFF, 0xFF, 16, 0, 0x9C, 7, 0, 0, 0})
	}
	f.Fuzz(func(t *testing.T, which uint8, input []byte) {
		n := int(which) % len(bases)
		p := imagetest.Patch(bases[n], places[n], input)
		if n == 0 {
			mend(p)
		}
		fsys, err := Open(p, int64(len(p.Base)))
		if err != nil {
			return
		}
		_ = fsys.Dirty()
		imagetest.Exercise(t, inode.New(fsys))
	})
}

// spoil opens a seed after bytes were changed; its checksum is made right.
func spoil(t testing.TB, seed string, change func(s []byte)) (*FS, error) {
	t.Helper()
	b := imagetest.Packed(t, seedPath(seed))
	change(b)
	if seed == "v5" {
		clear(b[224:228])
		binary.LittleEndian.PutUint32(b[224:], crc32.Checksum(b[:512], castagnoli))
	}
	return Open(bytes.NewReader(b), int64(len(b)))
}

func TestALyingSuperblockIsRefused(t *testing.T) {
	for name, change := range map[string]func(s []byte){
		"blocks beyond the disk": func(s []byte) { be.PutUint64(s[8:], 1<<40) },
		"no blocks":              func(s []byte) { be.PutUint64(s[8:], 0) },
		"odd blocks":             func(s []byte) { be.PutUint32(s[4:], 1000) },
		"huge blocks":            func(s []byte) { be.PutUint32(s[4:], 1<<20) },
		"no groups":              func(s []byte) { be.PutUint32(s[88:], 0) },
		"many groups":            func(s []byte) { be.PutUint32(s[88:], 1<<31) },
		"empty groups":           func(s []byte) { be.PutUint32(s[84:], 0) },
		"wide groups":            func(s []byte) { s[124] = 60 },
		"huge inodes":            func(s []byte) { be.PutUint16(s[104:], 1<<15) },
		"inodes of another size": func(s []byte) { s[123] = 9 },
		"huge directory blocks":  func(s []byte) { s[192] = 200 },
		"tiny sectors":           func(s []byte) { be.PutUint16(s[102:], 1) },
		"not made to the end":    func(s []byte) { s[126] = 1 },
		"another mark":           func(s []byte) { s[0] = 'Y' },
	} {
		if _, err := spoil(t, "v5", change); !errors.Is(err, inode.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := imagetest.Packed(t, seedPath("v5"))
	b[110]++
	if _, err := Open(bytes.NewReader(b), int64(len(b))); !errors.Is(err, inode.ErrDamaged) {
		t.Errorf("wrong checksum: %v", err)
	}
}

func TestWhatIsNotReadIsNamed(t *testing.T) {
	for want, change := range map[string]func(s []byte){
		"feature 0x100":            func(s []byte) { s[218] |= 1 },
		"version 6":                func(s []byte) { s[101] = s[101]&0xF0 | 6 },
		"directories of version 1": func(s []byte) { s[100] &^= 0x20 },
		"folds case":               func(s []byte) { s[100] |= 0x40 },
	} {
		_, err := spoil(t, "v5", change)
		if u, ok := errors.AsType[*inode.UnsupportedError](err); !ok || !strings.Contains(u.What, want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestDirtIsSaidWithItsReason(t *testing.T) {
	for want, change := range map[string]func(b []byte){
		"repair":         func(b []byte) { b[219] |= needsRepair },
		"another device": func(b []byte) { clear(b[48:56]) },
		"no unmount": func(b []byte) {
			f, err := Open(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				t.Fatal(err)
			}
			l, err := f.log()
			if err != nil {
				t.Fatal(err)
			}
			head, err := l.head()
			if err != nil {
				t.Fatal(err)
			}
			b[l.start+(head-1)*sector+9] &^= unmountFlag
		},
	} {
		for _, seed := range []string{"v5", "v4"} {
			if seed == "v4" && want == "repair" {
				continue
			}
			f, err := spoil(t, seed, change)
			if err != nil {
				t.Fatal(want, err)
			}
			if err := f.Dirty(); !errors.Is(err, inode.ErrDirty) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, %s: %v", seed, want, err)
			}
		}
	}
	f, err := spoil(t, "v5", func(b []byte) { be.PutUint32(b[96:], 1<<31) })
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Dirty(); !errors.Is(err, inode.ErrDamaged) {
		t.Errorf("a huge log: %v", err)
	}
}

func TestAChecksumTellsOfEveryChange(t *testing.T) {
	base := imagetest.Packed(t, seedPath("v5"))
	for _, mark := range []string{"XDB3", "XDD3", "BMA3", "XSLM", "IN\x81\xa4\x03", "IN\x41\xed\x03"} {
		hits := 0
		for at := 0; at+512 <= len(base) && hits < 3; at += 512 {
			if !bytes.HasPrefix(base[at:], []byte(mark)) {
				continue
			}
			hits++
			p := &imagetest.Patched{Base: base, Pages: map[int64][]byte{}}
			p.Page(int64(at+90) / 4096)[(at+90)%4096]++
			f, err := Open(p, int64(len(base)))
			if err == nil {
				err = fs.WalkDir(inode.New(f), ".", func(name string, d fs.DirEntry, err error) error {
					if err == nil {
						_, err = d.Info()
					}
					if err == nil && d.Type().IsRegular() {
						_, err = fs.ReadFile(inode.New(f), name)
					} else if err == nil && d.Type()&fs.ModeSymlink != 0 {
						_, err = fs.ReadLink(inode.New(f), name)
					}
					return err
				})
			}
			if !errors.Is(err, inode.ErrDamaged) {
				t.Errorf("%q at %d: %v", mark, at, err)
			}
		}
		if hits == 0 {
			t.Errorf("no %q in the seed", mark)
		}
	}
}
