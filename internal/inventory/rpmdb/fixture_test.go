package rpmdb

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the committed databases anew, by rpm and db5.3_load")

// files is a file system in memory whose files may change while they are read, as
// those of a running system do.
type files struct {
	mu      sync.Mutex
	content map[string][]byte
	times   map[string]time.Time
	// onRead is called before the nth read (from 1) of any file.
	onRead func(f *files, n int)
	reads  int
}

func newFiles(content map[string][]byte) *files {
	return &files{content: content, times: map[string]time.Time{}}
}

// only is a file system with one database.
func only(name string, content []byte) *files {
	return newFiles(map[string][]byte{name: content})
}

func (f *files) Open(name string) (fs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, ok := f.content[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return openFile{f, name, int64(len(b)), f.times[name]}, nil
}

type openFile struct {
	fs   *files
	name string
	size int64
	time time.Time
}

func (o openFile) Stat() (fs.FileInfo, error) { return o, nil }
func (o openFile) Read([]byte) (int, error)   { return 0, errors.New("read by position only") }
func (o openFile) Close() error               { return nil }
func (o openFile) Name() string               { return path.Base(o.name) }
func (o openFile) Size() int64                { return o.size }
func (o openFile) Mode() fs.FileMode          { return 0o644 }
func (o openFile) ModTime() time.Time         { return o.time }
func (o openFile) IsDir() bool                { return false }
func (o openFile) Sys() any                   { return nil }

func (o openFile) ReadAt(p []byte, off int64) (int, error) {
	o.fs.mu.Lock()
	o.fs.reads++
	n, hook := o.fs.reads, o.fs.onRead
	o.fs.mu.Unlock()
	if hook != nil {
		hook(o.fs, n)
	}
	o.fs.mu.Lock()
	defer o.fs.mu.Unlock()
	return bytes.NewReader(o.fs.content[o.name]).ReadAt(p, off)
}

// put replaces a file's contents; its time stays unless moved.
func (f *files) put(name string, b []byte, moved time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.content[name], f.times[name] = b, moved
}

const (
	sqlitePath = "var/lib/rpm/rpmdb.sqlite"
	ndbPath    = "usr/lib/sysimage/rpm/Packages.db"
	bdbPath    = "var/lib/rpm/Packages"
)

// pathOf is where a database of the format lies.
var pathOf = map[Format]string{SQLite: sqlitePath, NDB: ndbPath, BDB: bdbPath}

// committed reads a database of testdata.
func committed(t testing.TB, name string) []byte {
	t.Helper()
	packed, err := os.ReadFile(filepath.Join("testdata", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// commit writes a database to testdata.
func commit(t testing.TB, name string, content []byte) {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(content)
	z.Close()
	if err := os.WriteFile(filepath.Join("testdata", name+".gz"), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// row writes a package with all that is read of it, as query makes rpm write it.
func row(p Package) string {
	or := func(s string) string {
		if s == "" {
			return "(none)"
		}
		return s
	}
	at := "(none)"
	if !p.InstallTime.IsZero() {
		at = fmt.Sprint(p.InstallTime.Unix())
	}
	return strings.Join([]string{p.Name, p.Epoch, p.Version, p.Release, p.Arch, at, or(p.Vendor), or(p.SourceRPM), or(p.ModularityLabel),
		capabilities(p.Provides()), capabilities(p.Obsoletes())}, "|")
}

func capabilities(list []Capability) string {
	var b strings.Builder
	for _, c := range list {
		b.WriteString(strings.Join(strings.Fields(c.Name+" "+c.Relation+" "+c.Version), " ") + ";")
	}
	return b.String()
}

// query is the format in which rpm prints what row gives.
const query = `%{NAME}|%{EPOCHNUM}|%{VERSION}|%{RELEASE}|%{ARCH}|%{INSTALLTIME}|%{VENDOR}|%{SOURCERPM}|%{MODULARITYLABEL}|` +
	`[%{PROVIDENAME} %{PROVIDEFLAGS:depflags} %{PROVIDEVERSION};]|[%{OBSOLETENAME} %{OBSOLETEFLAGS:depflags} %{OBSOLETEVERSION};]\n`

func rows(db Database) []string {
	out := make([]string, len(db.Packages))
	for i, p := range db.Packages {
		out[i] = row(p)
	}
	slices.Sort(out)
	return out
}

// names are the packages as name-epoch:version-release.arch.
func names(db Database) []string {
	out := make([]string, len(db.Packages))
	for i, p := range db.Packages {
		out[i] = p.Name + "-" + p.Epoch + ":" + p.Version + "-" + p.Release + "." + p.Arch
	}
	return out
}

// differ reports lines that are in one list only.
func differ(t testing.TB, what string, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	n := 0
	for _, l := range got {
		if !slices.Contains(want, l) && n < 6 {
			n++
			t.Errorf("%s: only we have %.300q", what, l)
		}
	}
	for _, l := range want {
		if !slices.Contains(got, l) && n < 12 {
			n++
			t.Errorf("%s: we lack %.300q", what, l)
		}
	}
	t.Errorf("%s: %d packages, want %d", what, len(got), len(want))
}
