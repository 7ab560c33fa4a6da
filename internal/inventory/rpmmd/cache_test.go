package rpmmd

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goldenami/rehydrate/baseline"
)

func some() Selection {
	low, none := "Low", ""
	a := baseline.Package{Name: "a", Arch: "noarch", Epoch: "0", Version: "1", Release: "2"}
	return Selection{
		Packages: []Package{{Package: a, Href: "a.rpm", Base: "http://b/", Sum: Digest{"sha256", "aa"}, Size: 1 << 40, BuildTime: -1,
			Requires: []Capability{{"x", ">=", "1"}}, Provides: []Capability{{"a", "=", "1-2"}, {"x", "", ""}}, Obsoletes: []Capability{{"o", "<", "3"}}}},
		Advisories: []Advisory{
			{ID: "A", Type: "security", Severity: &low, CVEs: []string{"CVE-1"}, Bugzillas: []string{"2"}, Packages: []AdvisedPackage{{Package: a, Module: "m:1", Reboot: true}}},
			{ID: "B", Severity: &none, Packages: []AdvisedPackage{{Package: a, Relogin: true}}}, {ID: "C"},
		},
		Modules: Modules{
			Streams:   []Stream{{Name: "m", Stream: "1", Requires: []map[string][]string{{"platform": {"el8"}, "any": nil}}, Artifacts: []string{"a-0:1-2.noarch"}}},
			Defaults:  map[string]string{"m": "1"},
			Obsoletes: []ObsoleteStream{{Name: "m", Stream: "0", By: "1", Reset: true}},
		},
	}
}

func TestWhatTheCacheWritesItReads(t *testing.T) {
	for _, s := range []Selection{{}, some()} {
		got, err := decode(string(encode(s)))
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%v\n got %+v\nwant %+v", err, got, s)
		}
	}
}

func TestTheCacheAnswersOnlyForTheSameIndexAndNames(t *testing.T) {
	const doc = `<metadata><package><name>a</name><arch>x</arch><version ver="1" rel="1"/><location href="h"/></package></metadata>`
	entry := data(doc)
	entry.Type = "primary"
	md := Repomd{SHA256: "one", Data: []Data{entry}}
	opened := doc
	open := func(Data) (io.ReadCloser, error) {
		if opened == "" {
			return nil, os.ErrNotExist
		}
		return io.NopCloser(strings.NewReader(opened)), nil
	}
	c := Cache(filepath.Join(t.TempDir(), "made/when/needed"))
	get := func(name string) error {
		s, err := c.Select(md, open, map[string]bool{name: true})
		if err == nil && (len(s.Packages) == 1) != (name == "a") {
			t.Errorf("%s: %+v", name, s)
		}
		return err
	}
	if err := get("a"); err != nil {
		t.Fatal(err)
	}
	opened = "another file" // which only a reader notices
	if err := get("a"); err != nil {
		t.Errorf("the cache was not asked: %v", err)
	}
	if err := get("b"); err == nil {
		t.Error("another name came from the cache")
	}
	if _, err := c.Providers(md, open, map[string]bool{"a": true}); err == nil {
		t.Error("another question was answered from the cache")
	}
	md.SHA256 = "two"
	if err := get("a"); err == nil {
		t.Error("another index came from the cache")
	}
	md.SHA256, opened = "one", ""
	if err := get("a"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is gone: %v", err)
	}
	opened = doc
	entries, err := filepath.Glob(string(c) + "/rpmmd-*")
	if err != nil || len(entries) != 1 {
		t.Fatalf("entries %q, %v", entries, err)
	}
	for _, text := range []string{"", "x", strings.Repeat("x", 100)} {
		if err := os.WriteFile(entries[0], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := get("a"); err != nil {
			t.Errorf("an entry of %q: %v", text, err)
		}
	}
	old := time.Now().Add(-cacheKept - time.Hour)
	if err := os.Chtimes(entries[0], old, old); err != nil {
		t.Fatal(err)
	}
	if err := get("c"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(entries[0]); err == nil {
		t.Error("an old entry stayed")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(some()))
	f.Fuzz(func(t *testing.T, entry []byte) {
		s, err := decode(string(entry))
		if err != nil {
			return
		}
		again, err := decode(string(encode(s)))
		if err != nil || !bytes.Equal(encode(again), encode(s)) {
			t.Fatalf("%+v came back as %+v, %v", s, again, err)
		}
	})
}
