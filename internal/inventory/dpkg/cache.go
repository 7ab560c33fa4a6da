package dpkg

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// cache keeps what was worked out from files and follows from their digests alone:
//
//	list     the paragraphs of the wanted packages, of a list that was found to be what
//	         its Release file names: by the list's digest and the names
//	same     that a file has a digest: by what the file system says of it (sameFile)
//	release  the fields of a Release file that are used: by the file's digest
//	signer   who signed a Release file: by its digest and that of the keys
//
// What it cannot read or write only costs time, and is no error. Whoever can write to
// its folder is believed: on a node that is root, who can change what is installed.
type cache struct {
	dir    string // empty: nothing is kept
	device string // that dir is on; empty: unknown
	names  string // digest of the wanted names
}

// kept is how long an entry stays after it was made.
const kept = 30 * 24 * time.Hour

// cacheForm is part of every entry's name: another form is another entry.
const cacheForm = "apt-3 "

// newCache is the cache in dir, which it makes if need be.
func newCache(dir string) cache {
	if dir == "" || os.MkdirAll(dir, 0o755) != nil {
		return cache{}
	}
	return cache{dir: dir, device: deviceOf(dir)}
}

// of is the cache for what w wants.
func (c cache) of(w wanted) cache {
	names := slices.Sorted(maps.Keys(w.installed))
	for n := range w.also {
		names = append(names, n)
	}
	slices.Sort(names)
	c.names = hexSum([]byte(strings.Join(slices.Compact(names), "\n")))
	return c
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// keyOf names an entry: of a kind, for what else it depends on.
func keyOf(kind string, on ...string) string { return kind + " " + strings.Join(on, " ") }

// paragraphs is the key of what was wanted of list.
func (c cache) paragraphs(list indexFile) string { return keyOf("list", list.sha256, c.names) }

func (c cache) file(key string) string {
	return filepath.Join(c.dir, "apt-"+hexSum([]byte(cacheForm+key)))
}

// load gives what was kept under key. An entry begins with the digest of the rest.
func (c cache) load(key string) ([]byte, bool) {
	if c.dir == "" {
		return nil, false
	}
	text, err := os.ReadFile(c.file(key))
	if err != nil {
		return nil, false
	}
	sum, rest, ok := bytes.Cut(text, []byte("\n"))
	return rest, ok && string(sum) == hexSum(rest)
}

// has says that something was kept under key; nothing ever is under no key.
func (c cache) has(key string) bool {
	if key == "" {
		return false
	}
	_, ok := c.load(key)
	return ok
}

// save keeps text under key, whole or not at all, and drops old entries.
func (c cache) save(key string, text []byte) {
	if c.dir == "" {
		return
	}
	f, err := os.CreateTemp(c.dir, ".apt-*")
	if err != nil {
		return
	}
	_, err = f.Write(append([]byte(hexSum(text)+"\n"), text...))
	if closed := f.Close(); err != nil || closed != nil || os.Rename(f.Name(), c.file(key)) != nil {
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
