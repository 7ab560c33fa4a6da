package dpkg

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
)

func TestTheCacheGivesTheSameAnswer(t *testing.T) {
	r, dir := newRoot(t), t.TempDir()
	r.offer(offer("tool", "1.2", "amd64") + offer("other", "2", "amd64") + offer("data", "2", "all"))
	get := func(names ...string) baseline.Node {
		n, _, err := Collect(r, Options{Now: now, Cache: dir, Names: names})
		must(t, err)
		return n
	}
	first := get()
	// The list is now another one, of which its file system tells nothing: only the
	// cache can give the old answer.
	list := lists + "main_binary-amd64_Packages"
	whole := string(r.MapFS[list].Data)
	r.put(list, offer("tool", "9", "amd64"))
	if d := cmp.Diff(first, get()); d != "" {
		t.Errorf("from the cache (-before +after):\n%s", d)
	}
	r.put(statusFile, status("dpkg", "1.21", "amd64")+status("tool", "1.2", "amd64")+status("data", "2", "all"))
	if n := get(); len(pending(n)) != 0 {
		t.Errorf("after an upgrade %q are pending: the cache knows versions that it must not", pending(n))
	}
	r.put(list, whole)
	if n := get("other"); len(versions(n, "other")) != 1 {
		t.Error("a name that is not cached was not looked for")
	}
}

func TestACacheIsNoSubstituteForWhatAptHasNot(t *testing.T) {
	r, dir := newRoot(t), t.TempDir()
	_, _, err := Collect(r, Options{Now: now, Cache: dir})
	must(t, err)
	delete(r.MapFS, lists+"main_binary-amd64_Packages")
	if _, _, err := Collect(r, Options{Now: now, Cache: dir}); err == nil {
		t.Error("a list that apt has not was read from the cache")
	}
	r.offer(offer("tool", "1.3", "amd64"))
	n, _, err := Collect(r, Options{Now: now, Cache: dir})
	must(t, err)
	if got := versions(n, "tool"); len(got) != 1 || got[0] != "1.3/amd64" {
		t.Errorf("after an update of the lists: %q", got)
	}
}

func TestADamagedOrUnusableCacheOnlyCostsTime(t *testing.T) {
	r, dir := newRoot(t), t.TempDir()
	want, _, err := Collect(r, Options{Now: now, Cache: dir})
	must(t, err)
	entries, err := filepath.Glob(dir + "/apt-*")
	must(t, err)
	if len(entries) != 3 {
		t.Fatalf("entries = %q, want one for the list, the Release file and its signature", entries)
	}
	for _, text := range []string{"", "x", "x\nPackage: tool\n"} {
		for _, name := range entries {
			write(t, name, text)
		}
		got, _, err := Collect(r, Options{Now: now, Cache: dir})
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("an entry of %q: %v\n%s", text, err, d)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")
	if got, _, err := Collect(r, Options{Now: now, Cache: file}); err != nil || !cmp.Equal(want, got) {
		t.Errorf("a cache that is no folder: %v", err)
	}
}

func TestOldEntriesGo(t *testing.T) {
	dir := t.TempDir()
	c := newCache(dir)
	write(t, dir+"/apt-old", "")
	write(t, dir+"/another", "")
	old := time.Now().Add(-kept - time.Hour)
	must(t, os.Chtimes(dir+"/apt-old", old, old))
	must(t, os.Chtimes(dir+"/another", old, old))
	c.save("a", []byte("x"))
	left, err := os.ReadDir(dir)
	must(t, err)
	if len(left) != 2 || left[0].Name() != "another" {
		t.Errorf("left = %v, want the new entry and what is not ours", left)
	}
	if text, ok := c.load("a"); !ok || string(text) != "x" {
		t.Errorf("load = %q, %v", text, ok)
	}
}
