package inode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"
)

// fake is a Store of what a test writes down.
type fake struct{ nodes nodes }

type nodes map[uint64]fakeNode

type fakeNode struct {
	mode    fs.FileMode
	body    string // of a file, or a link's target
	parent  uint64
	entries []Entry
	err     error
}

func (f *fake) Root() uint64 { return 1 }

func (f *fake) node(ino uint64) (fakeNode, error) {
	n, ok := f.nodes[ino]
	if !ok {
		return n, Damaged("inode %d is none", ino)
	}
	return n, n.err
}

func (f *fake) Stat(ino uint64) (Attributes, error) {
	n, err := f.node(ino)
	return Attributes{Mode: n.mode, Size: int64(len(n.body)), Inode: ino, UID: 7, Links: 1, ModTime: time.Unix(5, 0)}, err
}

func (f *fake) List(ino uint64) (Directory, error) {
	n, err := f.node(ino)
	return Directory{Entries: append([]Entry(nil), n.entries...), Parent: n.parent}, err
}

func (f *fake) Link(ino uint64) (string, error) {
	n, err := f.node(ino)
	return n.body, err
}

func (f *fake) Open(ino uint64) (io.ReaderAt, error) {
	n, err := f.node(ino)
	return strings.NewReader(n.body), err
}

func dirNode(parent uint64, entries ...Entry) fakeNode {
	return fakeNode{mode: fs.ModeDir | 0o755, parent: parent, entries: entries}
}

func name(n string, ino uint64, t fs.FileMode) Entry {
	return Entry{Name: n, Inode: ino, Type: t, Known: true}
}

func linkTo(target string) fakeNode { return fakeNode{mode: fs.ModeSymlink | 0o777, body: target} }

// tree is /usr/lib/file, with links of all kinds to it.
func tree() nodes {
	return nodes{
		1: dirNode(1, name("usr", 2, fs.ModeDir), name("lib", 5, fs.ModeSymlink), name("up", 6, fs.ModeSymlink), name("loop", 7, fs.ModeSymlink),
			name("a", 8, fs.ModeSymlink), name("b", 9, fs.ModeSymlink), name("gone", 10, fs.ModeSymlink), name("var", 11, fs.ModeDir), Entry{Name: "old", Inode: 4}),
		2: dirNode(1, name("lib", 3, fs.ModeDir)), 3: dirNode(2, name("file", 4, 0), name("bad\xff", 4, 0)),
		4: {mode: 0o644 | fs.ModeSetuid, body: "text"}, 5: linkTo("usr/lib"), 6: linkTo("../../../usr/lib/file"), 7: linkTo("loop"),
		8: linkTo("/b"), 9: linkTo("a"), 10: linkTo("nowhere/x"), 11: dirNode(1),
	}
}

func TestLinksMeanWhatTheyMeanInsideTheImage(t *testing.T) {
	f := New(&fake{tree()})
	for _, p := range []string{"usr/lib/file", "lib/file", "up", "old", "usr/lib/bad\xff"} {
		if b, err := f.ReadFile(p); err != nil || string(b) != "text" {
			t.Errorf("%q: %q, %v", p, b, err)
		}
	}
	for p, want := range map[string]error{
		"": fs.ErrInvalid, "/usr": fs.ErrInvalid, "../x": fs.ErrInvalid, "usr/../usr": fs.ErrInvalid, "usr/": fs.ErrInvalid,
		"none": fs.ErrNotExist, "usr/none/x": fs.ErrNotExist, "gone": fs.ErrNotExist, "usr/lib/file/x": fs.ErrNotExist,
	} {
		_, err := f.ReadFile(p)
		if pe, ok := errors.AsType[*fs.PathError](err); !errors.Is(err, want) || !ok || pe.Path != p {
			t.Errorf("%q: %v, want %v", p, err, want)
		}
	}
	for _, p := range []string{"loop", "a", "b/x", strings.Repeat("usr/", 1200) + "x"} {
		if _, err := f.Stat(p); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%.20q: %v", p, err)
		}
	}
}

func TestALinkIsDescribedByItself(t *testing.T) {
	f := New(&fake{tree()})
	i, err := f.Lstat("lib")
	if err != nil || i.Mode().Type() != fs.ModeSymlink || i.Size() != 7 || i.Name() != "lib" {
		t.Errorf("%v, %v", i, err)
	}
	if target, err := f.ReadLink("gone"); err != nil || target != "nowhere/x" {
		t.Errorf("%q, %v", target, err)
	}
	if _, err := f.ReadLink("usr"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("of a folder: %v", err)
	}
	i, err = f.Stat("lib/file")
	a, ok := i.Sys().(*Attributes)
	if err != nil || !ok || a.Mode != 0o644|fs.ModeSetuid || a.UID != 7 || a.Inode != 4 || !a.ModTime.Equal(i.ModTime()) {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestItKeepsTheRulesOfAFileSystem(t *testing.T) {
	s := tree()
	s[3] = dirNode(2, name("file", 4, 0)) // the tester allows UTF-8 only
	root := s[1]
	root.entries = root.entries[:2]
	s[1] = root
	if err := fstest.TestFS(New(&fake{s}), "usr/lib/file", "lib"); err != nil {
		t.Error(err)
	}
}

func TestAMountHidesWhatIsBelow(t *testing.T) {
	f := New(&fake{tree()})
	if err := f.Mount("var", &fake{nodes{1: dirNode(1, name("x", 2, 0)), 2: {mode: 0o600, body: "other"}}}); err != nil {
		t.Fatal(err)
	}
	if b, err := f.ReadFile("var/x"); err != nil || string(b) != "other" {
		t.Errorf("%q, %v", b, err)
	}
	list, err := f.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if i, err := e.Info(); err != nil || i.Mode().Type() != e.Type() {
			t.Errorf("%s: %v, %v", e.Name(), i, err)
		}
	}
	if err := f.Mount("none", &fake{tree()}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("mount on nothing: %v", err)
	}
}

func TestWhatNoFileSystemHoldsIsDamage(t *testing.T) {
	ok := func() nodes {
		return nodes{1: dirNode(1, name("d", 2, fs.ModeDir)), 2: dirNode(1, name("e", 3, fs.ModeDir)), 3: dirNode(2), 4: {mode: 0o600}}
	}
	for what, change := range map[string]func(f nodes){
		"a directory in its child":   func(f nodes) { f[3] = dirNode(2, name("again", 2, fs.ModeDir)) },
		"a directory in itself":      func(f nodes) { f[2] = dirNode(1, name("e", 2, fs.ModeDir)) },
		"the root below":             func(f nodes) { f[2] = dirNode(1, name("e", 1, fs.ModeDir)) },
		"a directory twice":          func(f nodes) { f[2] = dirNode(1, name("e", 3, fs.ModeDir), name("f", 3, fs.ModeDir)) },
		"a directory twice, untyped": func(f nodes) { f[2] = dirNode(1, Entry{Name: "e", Inode: 3}, Entry{Name: "f", Inode: 3}) },
		"a name twice":               func(f nodes) { f[2] = dirNode(1, name("e", 3, fs.ModeDir), name("e", 4, 0)) },
		"a path for a name":          func(f nodes) { f[2] = dirNode(1, name("../x", 4, 0)) },
		"the parent as a name":       func(f nodes) { f[2] = dirNode(1, name("..", 4, 0)) },
		"no name":                    func(f nodes) { f[2] = dirNode(1, name("", 4, 0)) },
		"another type than it says":  func(f nodes) { f[2] = dirNode(1, name("e", 4, fs.ModeSocket)) },
		"a parent that is not":       func(f nodes) { f[3] = dirNode(9) },
		"an inode that is not":       func(f nodes) { f[2] = dirNode(1, name("e", 77, 0)) },
	} {
		s := ok()
		change(s)
		seen := 0
		err := fs.WalkDir(New(&fake{s}), ".", func(_ string, d fs.DirEntry, err error) error {
			if seen++; seen > 100 {
				t.Fatalf("%s: the walk does not end", what)
			}
			if err == nil {
				_, err = d.Info()
			}
			return err
		})
		if !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestSeveralMayReadAtOnce(t *testing.T) {
	f := New(&fake{tree()})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if b, err := f.ReadFile("lib/file"); err != nil || string(b) != "text" {
					t.Errorf("%q, %v", b, err)
				}
				if _, err := f.ReadDir("usr"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestWhatIsRememberedStaysBounded(t *testing.T) {
	s := nodes{1: dirNode(1)}
	root := s[1]
	for i := range uint64(20) {
		d := dirNode(1)
		for j := range 20000 {
			d.entries = append(d.entries, name(fmt.Sprint(j), 1000, 0))
		}
		s[100+i] = d
		root.entries = append(root.entries, name(fmt.Sprint("d", i), 100+i, fs.ModeDir))
	}
	s[1] = root
	f := New(&fake{s})
	for i := range 20 {
		if list, err := f.ReadDir(fmt.Sprint("d", i)); err != nil || len(list) != 20000 {
			t.Fatal(len(list), err)
		}
		if f.held > maxKept {
			t.Fatalf("%d entries remembered", f.held)
		}
	}
}

func TestPagesReadAsTheDisk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		disk := make([]byte, rapid.IntRange(1, 5*pageSize).Draw(t, "size"))
		for i := range disk {
			disk[i] = byte(i * 7 / 5)
		}
		c := NewPages(bytes.NewReader(disk), int64(len(disk)))
		for range 20 {
			off := rapid.IntRange(0, len(disk)+10).Draw(t, "off")
			got, want := make([]byte, rapid.IntRange(0, 6*pageSize).Draw(t, "len")), []byte{}
			n, err := c.ReadAt(got, int64(off))
			if off < len(disk) {
				want = disk[off:min(len(disk), off+len(got))]
			}
			if !bytes.Equal(got[:n], want) || n < len(got) && !errors.Is(err, io.EOF) {
				t.Fatalf("%d bytes at %d: %d, %v", len(got), off, n, err)
			}
		}
	})
}

// once fails its first read.
type once struct {
	io.ReaderAt
	failed bool
}

var errOnce = errors.New("once")

func (o *once) ReadAt(p []byte, off int64) (int, error) {
	if !o.failed {
		o.failed = true
		return 0, errOnce
	}
	return o.ReaderAt.ReadAt(p, off)
}

func TestPagesForgetAFailureAndWhatIsOld(t *testing.T) {
	disk := make([]byte, 3*maxPages*pageSize)
	c := NewPages(&once{ReaderAt: bytes.NewReader(disk)}, int64(len(disk)))
	b := make([]byte, 10)
	if _, err := c.ReadAt(b, 0); !errors.Is(err, errOnce) {
		t.Errorf("first: %v", err)
	}
	for i := range int64(3 * maxPages) {
		if _, err := c.ReadAt(b, i*pageSize); err != nil {
			t.Fatal(err)
		}
		if len(c.pages) > maxPages {
			t.Fatalf("%d pages kept", len(c.pages))
		}
	}
}

func TestMappedReadsRunsAndHoles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const block, blocks = 64, 40
		disk := make([]byte, block*blocks)
		for i := range disk {
			disk[i] = byte(i%251) + 1
		}
		runs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Run {
			r := Run{Count: rapid.Uint64Range(1, 6).Draw(t, "count"), Data: rapid.Bool().Draw(t, "data")}
			r.Start = rapid.Uint64Range(0, blocks-r.Count).Draw(t, "start")
			return r
		}), 1, 8).Draw(t, "runs")
		var whole []byte
		for _, r := range runs {
			if r.Data {
				whole = append(whole, disk[r.Start*block:(r.Start+r.Count)*block]...)
			} else {
				whole = append(whole, make([]byte, r.Count*block)...)
			}
		}
		whole = whole[:len(whole)-rapid.IntRange(0, block-1).Draw(t, "short")]
		m := Mapped{Disk: bytes.NewReader(disk), Size: int64(len(whole)), Block: block, Blocks: blocks, Find: func(b uint64) (Run, error) {
			for _, r := range runs {
				if b < r.Count {
					return Run{Start: r.Start + b, Count: r.Count - b, Data: r.Data}, nil
				}
				b -= r.Count
			}
			return Run{}, Damaged("beyond")
		}}
		got, err := io.ReadAll(io.NewSectionReader(m, 0, m.Size))
		if err != nil || !bytes.Equal(got, whole) {
			t.Fatalf("%d of %d bytes, %v", len(got), len(whole), err)
		}
		off := rapid.IntRange(0, len(whole)-1).Draw(t, "off")
		b := make([]byte, rapid.IntRange(1, len(whole)).Draw(t, "len"))
		n, _ := m.ReadAt(b, int64(off))
		if !bytes.Equal(b[:n], whole[off:min(len(whole), off+len(b))]) {
			t.Fatalf("%d bytes at %d", n, off)
		}
	})
	for _, r := range []Run{{}, {Start: 39, Count: 2, Data: true}, {Start: 1 << 63, Count: 1 << 63, Data: true}} {
		m := Mapped{Disk: bytes.NewReader(make([]byte, 2560)), Size: 1 << 40, Block: 64, Blocks: 40, Find: func(uint64) (Run, error) { return r, nil }}
		if _, err := m.ReadAt(make([]byte, 10), 0); !errors.Is(err, ErrDamaged) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func TestAHugeFileIsNotReadWhole(t *testing.T) {
	s := tree()
	f := New(huge{&fake{s}})
	if _, err := f.ReadFile("usr/lib/file"); err == nil || !strings.Contains(err.Error(), "more than 256 MiB") {
		t.Error(err)
	}
}

// huge says that all files have a terabyte.
type huge struct{ *fake }

func (h huge) Stat(ino uint64) (Attributes, error) {
	a, err := h.fake.Stat(ino)
	a.Size = 1 << 40
	return a, err
}
