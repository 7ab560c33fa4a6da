package dpkg

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// cache keeps, of lists that were read and found to be what their Release files
// name, the paragraphs of the packages that were wanted: by the list's own digest and
// by the names. What it gives is what the archive stated under that digest, whatever
// has become of the file since; so it needs no look at the file. What it cannot read
// or write only costs time, and is no error.
type cache struct {
	dir   string // empty: nothing is kept
	names string // digest of the wanted names
}

// kept is how long an entry stays after it was made.
const kept = 30 * 24 * time.Hour

// cacheForm is part of every entry's name: another form is another entry.
const cacheForm = "apt-list-1 "

func newCache(dir string, w wanted) cache {
	names := slices.Sorted(maps.Keys(w.installed))
	for n := range w.also {
		names = append(names, n)
	}
	slices.Sort(names)
	return cache{dir, hexSum([]byte(strings.Join(slices.Compact(names), "\n")))}
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (c cache) file(list indexFile) string {
	return filepath.Join(c.dir, "apt-"+hexSum([]byte(cacheForm+list.sha256+" "+c.names)))
}

// load gives the paragraphs of list. An entry begins with the digest of the rest.
func (c cache) load(list indexFile) ([]byte, bool) {
	if c.dir == "" {
		return nil, false
	}
	text, err := os.ReadFile(c.file(list))
	if err != nil {
		return nil, false
	}
	sum, rest, ok := bytes.Cut(text, []byte("\n"))
	return rest, ok && string(sum) == hexSum(rest)
}

// save keeps the paragraphs of list, whole or not at all, and drops old entries.
func (c cache) save(list indexFile, paragraphs []byte) {
	if c.dir == "" || os.MkdirAll(c.dir, 0o755) != nil {
		return
	}
	f, err := os.CreateTemp(c.dir, ".apt-*")
	if err != nil {
		return
	}
	_, err = f.Write(append([]byte(hexSum(paragraphs)+"\n"), paragraphs...))
	if closed := f.Close(); err != nil || closed != nil || os.Rename(f.Name(), c.file(list)) != nil {
		_ = os.Remove(f.Name())
		return
	}
	c.prune()
}

func (c cache) prune() {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(strings.TrimPrefix(e.Name(), "."), "apt-") && time.Since(info.ModTime()) > kept {
			_ = os.Remove(filepath.Join(c.dir, e.Name()))
		}
	}
}

// hasList reports whether apt has the list called name, whatever is in it: without
// one, apt offers nothing of it, and that is an error whatever is cached.
func hasList(root fs.FS, name string) bool {
	for _, p := range packings {
		if _, err := fs.Stat(root, listsDir+name+p.ext); err == nil {
			return true
		}
	}
	return false
}
