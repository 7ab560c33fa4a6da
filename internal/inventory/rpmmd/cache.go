package rpmmd

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Cache keeps selections by the digest of the repomd.xml that vouches for them and by
// the names that were asked for. It answers only while the files that a selection was
// read from are as they were, by size and times. What it cannot read or write only
// costs time, and is no error. It is a folder; empty keeps nothing.
type Cache string

// cacheForm is part of every entry's key: another form is another entry.
const cacheForm = "rpmmd-2"

// cacheKept is how long an entry stays after it was made.
const cacheKept = 30 * 24 * time.Hour

// Select is as the function of that name. Files that open does not find are an error
// whatever is cached.
func (c Cache) Select(md Repomd, open Opener, names map[string]bool) (Selection, error) {
	return c.kept("select", md, open, names, func() (Selection, error) { return Select(md, open, names) })
}

// Providers are the packages that provide one of capabilities, with those of their
// provisions only.
func (c Cache) Providers(md Repomd, open Opener, capabilities map[string]bool) ([]Package, error) {
	s, err := c.kept("provide", md, open, capabilities, func() (Selection, error) { return providers(md, open, capabilities) })
	return s.Packages, err
}

func (c Cache) kept(kind string, md Repomd, open Opener, names map[string]bool, read func() (Selection, error)) (Selection, error) {
	if c == "" {
		return read()
	}
	key := sha256.Sum256([]byte(cacheForm + "\n" + kind + "\n" + md.SHA256 + "\n" + strings.Join(slices.Sorted(maps.Keys(names)), "\n")))
	file := filepath.Join(string(c), "rpmmd-"+hex.EncodeToString(key[:]))
	state, stable, ok := marks(md, open) // before reading: what changes meanwhile is not what was read
	if ok {
		if s, ok := c.load(file, state); ok {
			return s, nil
		}
	}
	s, err := read()
	if err == nil && ok && stable {
		c.save(file, state, s)
	}
	return s, err
}

// load reads an entry: the digest of the rest, the marks of the files that it was made
// of, the selection.
func (c Cache) load(file, state string) (Selection, bool) {
	text, err := os.ReadFile(file)
	if err != nil || len(text) < sha256.Size {
		return Selection{}, false
	}
	if sum := sha256.Sum256(text[sha256.Size:]); string(sum[:]) != string(text[:sha256.Size]) {
		return Selection{}, false
	}
	entry, ok := strings.CutPrefix(string(text[sha256.Size:]), state+"\x00")
	if !ok {
		return Selection{}, false
	}
	s, err := decode(entry)
	return s, err == nil
}

// save keeps a selection, whole or not at all, and drops old entries.
func (c Cache) save(file, state string, s Selection) {
	if os.MkdirAll(string(c), 0o755) != nil {
		return
	}
	f, err := os.CreateTemp(string(c), ".rpmmd-*")
	if err != nil {
		return
	}
	entry := append([]byte(state+"\x00"), encode(s)...)
	sum := sha256.Sum256(entry)
	_, err = f.Write(append(sum[:], entry...))
	if closed := f.Close(); err != nil || closed != nil || os.Rename(f.Name(), file) != nil {
		_ = os.Remove(f.Name())
		return
	}
	entries, err := os.ReadDir(string(c))
	if err != nil {
		return
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(strings.TrimPrefix(e.Name(), "."), "rpmmd-") && time.Since(info.ModTime()) > cacheKept {
			_ = os.Remove(filepath.Join(string(c), e.Name()))
		}
	}
}
