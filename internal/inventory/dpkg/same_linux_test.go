package dpkg

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/goldenami/rehydrate/baseline"
)

// onDisk writes a root into a folder, and makes its lists ones that were written long
// enough ago to be known again.
func onDisk(t *testing.T, r *testRoot) (dir, list string) {
	t.Helper()
	dir = t.TempDir()
	for name, f := range r.MapFS {
		write(t, filepath.Join(dir, name), string(f.Data))
	}
	list = filepath.Join(dir, lists+"main_binary-amd64_Packages")
	settle(t, list)
	return dir, list
}

// settle waits until the file's time of change, which nobody can set, is past.
func settle(t *testing.T, name string) {
	t.Helper()
	info, err := os.Stat(name)
	must(t, err)
	is, ok := identityOf(info)
	if !ok {
		t.Fatal("a file of this machine has no identity")
	}
	<-time.After(time.Until(is.changed.Add(settled + time.Millisecond)))
}

// The cache may answer for a list that it knows; a list that has become another one is
// refused, also where its size and its modification time are what they were.
func TestAListThatBecameAnotherIsRefusedWithTheCacheWarm(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for files to be old enough")
	}
	r, cached := newRoot(t), t.TempDir()
	dir, list := onDisk(t, r)
	get := func(names ...string) (baseline.Node, error) {
		n, _, err := Collect(os.DirFS(dir), Options{Now: now, Cache: cached, Names: names})
		return n, err
	}
	first, err := get()
	must(t, err)
	again, err := get()
	if d := cmp.Diff(first, again); err != nil || d != "" {
		t.Fatalf("with its cache: %v\n%s", err, d)
	}
	was, err := os.Stat(list)
	must(t, err)
	text, err := os.ReadFile(list)
	must(t, err)
	other := strings.Replace(string(text), "Version: 1.2", "Version: 1.1", 1)
	for name, change := range map[string]func(){
		"written over":            func() { must(t, os.WriteFile(list, []byte(other), 0o644)) },
		"another under its name":  func() { must(t, os.WriteFile(list+"~", []byte(other), 0o644)); must(t, os.Rename(list+"~", list)) },
		"moved away and put back": func() { must(t, os.Rename(list, list+"~")); must(t, os.Rename(list+"~", list)) },
	} {
		change()
		must(t, os.Chtimes(list, was.ModTime(), was.ModTime()))
		settle(t, list)
		now, err := os.Stat(list)
		must(t, err)
		if now.Size() != was.Size() || !now.ModTime().Equal(was.ModTime()) {
			t.Fatalf("%s: size and time are %d, %s: this is no test", name, now.Size(), now.ModTime())
		}
		changed, err := os.ReadFile(list)
		must(t, err)
		for _, names := range [][]string{nil, {"other"}} {
			_, err := get(names...)
			if same := string(changed) == string(text); same != (err == nil) {
				t.Errorf("%s, asked for %q: error = %v, its contents are the same: %v", name, names, err, same)
			}
		}
		must(t, os.WriteFile(list, text, 0o644))
		if n, err := get(); err != nil || !cmp.Equal(n, first) {
			t.Errorf("%s, and put back: %v", name, err)
		}
	}
}

func TestAFileIsKnownAgainOnlyWhereThatIsSure(t *testing.T) {
	dir := t.TempDir()
	c := newCache(dir)
	for fresh := false; !fresh; { // again where writing it has taken as long as settling
		write(t, dir+"/list", "x")
		info, err := os.Stat(dir + "/list")
		must(t, err)
		key, known := c.sameFile(info, "sum")
		is, _ := identityOf(info)
		if fresh = time.Since(is.changed) < settled; fresh && (key != "" || !known) {
			t.Errorf("a file just written: %q, %v; want no key", key, known)
		}
	}
	root := newRoot(t)
	image, err := root.Stat("etc/apt/sources.list")
	must(t, err)
	if key, known := c.sameFile(image, "sum"); key != "" || known {
		t.Errorf("a file that is on no disk of this machine: %q, %v", key, known)
	}
	if elsewhere, err := os.Stat("/proc/self/status"); err == nil {
		if key, known := c.sameFile(elsewhere, "sum"); key != "" || known {
			t.Errorf("a file of another file system: %q, %v", key, known)
		}
	}
	folder, err := os.Stat(dir)
	must(t, err)
	if key, known := c.sameFile(folder, "sum"); key != "" || known {
		t.Errorf("a folder: %q, %v", key, known)
	}
	if c.has("") {
		t.Error("something is kept under no key")
	}
}

func TestNothingIsReadOfAListThatIsKnown(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for files to be old enough")
	}
	r, cached := newRoot(t), t.TempDir()
	dir, list := onDisk(t, r)
	_, _, err := Collect(os.DirFS(dir), Options{Now: now, Cache: cached})
	must(t, err)
	c := newCache(cached)
	info, err := os.Stat(list)
	must(t, err)
	rel := string(r.MapFS[lists+"InRelease"].Data)
	parsed, err := parseRelease([]byte(rel))
	must(t, err)
	want := parsed.files["main/binary-amd64/Packages"]
	key, known := c.sameFile(info, want.sha256)
	if !known || !c.has(key) {
		t.Fatalf("after a reading the list is not known: %q, %v", key, known)
	}
	if other, _ := c.sameFile(info, strings.Repeat("0", 64)); c.has(other) {
		t.Error("the list is known to have another digest")
	}
	// Asked for other names, the list is read again, and nobody takes its digest.
	n, _, err := Collect(os.DirFS(dir), Options{Now: now, Cache: cached, Names: []string{"other"}})
	if err != nil || len(versions(n, "tool")) != 1 {
		t.Errorf("read again: %v, %v", n.Available.Packages, err)
	}
}
