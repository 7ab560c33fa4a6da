package rpmmd

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"testing"
	"testing/fstest"
	"time"
)

// shelf is a repository of one package on a file system, of which the cache knows.
type shelf struct {
	t      *testing.T
	cache  Cache
	root   fstest.MapFS
	md     Repomd
	opened int
}

const shelved = `<metadata><package><name>a</name><arch>x</arch><version ver="1" rel="1"/><location href="h"/></package></metadata>`

func newShelf(t *testing.T) *shelf {
	t.Helper()
	entry := data(shelved)
	entry.Type, entry.Href = "primary", "primary.xml"
	return &shelf{
		t: t, cache: Cache(t.TempDir()), md: Repomd{SHA256: "one", Data: []Data{entry}},
		root: fstest.MapFS{"primary.xml": {Data: []byte(shelved), ModTime: time.Now().Add(-time.Hour)}},
	}
}

// get asks for the package and reports whether the file was read for it.
func (s *shelf) get() (read bool, err error) {
	s.t.Helper()
	s.opened = 0
	got, err := s.cache.Select(s.md, func(d Data) (io.ReadCloser, error) {
		s.opened++
		return s.root.Open(d.Href)
	}, map[string]bool{"a": true})
	if err == nil && len(got.Packages) != 1 {
		s.t.Errorf("%+v", got)
	}
	return s.opened > 1, err
}

func TestTheCacheAnswersWhileTheFilesAreAsTheyWere(t *testing.T) {
	s := newShelf(t)
	for i := range 3 {
		if read, err := s.get(); err != nil || read != (i == 0) {
			t.Fatalf("time %d: read %t, %v", i, read, err)
		}
	}
	s.root["primary.xml"].ModTime = time.Now().Add(-time.Minute)
	for i := range 2 {
		if read, err := s.get(); err != nil || read != (i == 0) {
			t.Errorf("touched, time %d: read %t, %v", i, read, err)
		}
	}
}

func TestAFileThatIsNoLongerTheOneIsAnErrorWithTheCacheWarm(t *testing.T) {
	was := time.Now().Add(-time.Hour)
	for name, file := range map[string]*fstest.MapFile{
		"cut off":      {Data: []byte(shelved[:40]), ModTime: was},
		"emptied":      {ModTime: was},
		"written over": {Data: bytes.Repeat([]byte("x"), len(shelved)), ModTime: was.Add(time.Second)},
		"a folder now": {Mode: fs.ModeDir | 0o755, ModTime: was},
		"a pipe now":   {Mode: fs.ModeNamedPipe | 0o644, ModTime: was, Data: []byte(shelved[:10])},
		"gone":         nil,
	} {
		s := newShelf(t)
		s.root["primary.xml"].ModTime = was
		if _, err := s.get(); err != nil {
			t.Fatal(err)
		}
		if s.root["primary.xml"] = file; file == nil {
			delete(s.root, "primary.xml")
		}
		if read, err := s.get(); err == nil {
			t.Errorf("%s: it was answered for, read %t", name, read)
		}
	}
}

func TestAFileWrittenAMomentAgoIsNotAnsweredFor(t *testing.T) {
	s := newShelf(t)
	s.root["primary.xml"].ModTime = time.Now().Add(time.Hour) // a moment ago for the whole test
	for range 2 {
		if read, err := s.get(); err != nil || !read {
			t.Errorf("read %t, %v", read, err)
		}
	}
}

func TestTheTimeOfChangeTellsFilesApartThatSizeAndTimeDoNot(t *testing.T) {
	name := t.TempDir() + "/primary.xml"
	md := newShelf(t).md
	mark := func() string {
		t.Helper()
		if err := os.WriteFile(name, []byte(shelved), 0o600); err != nil {
			t.Fatal(err)
		}
		was := time.Now().Add(-time.Hour).Truncate(time.Hour)
		if err := os.Chtimes(name, was, was); err != nil {
			t.Fatal(err)
		}
		text, _, ok := marks(md, func(Data) (io.ReadCloser, error) { return os.Open(name) })
		if !ok {
			t.Fatal("a file of this machine has no mark")
		}
		return text
	}
	first := mark()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, known := changedAt(info); !known {
		t.Skip("this system does not say when a file changed")
	}
	for range 1000 { // until the clock of the file system ticks
		if mark() != first {
			return
		}
		<-time.After(time.Millisecond)
	}
	t.Errorf("written over and set back, it is the same file: %q", first)
}
