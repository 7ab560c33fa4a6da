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
// the names that were asked for. What it cannot read or write only costs time, and is
// no error. It is a folder; empty keeps nothing.
type Cache string

// cacheForm is part of every entry's key: another form is another entry.
const cacheForm = "rpmmd-1"

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
	if s, ok := c.load(file); ok && present(md, open) {
		return s, nil
	}
	s, err := read()
	if err == nil {
		c.save(file, s)
	}
	return s, err
}

// present reports whether the files that a selection is made of are there.
func present(md Repomd, open Opener) bool {
	for _, kind := range []string{"primary", "updateinfo", "modules"} {
		d, err := md.Find(kind)
		if err != nil {
			return false
		}
		if d == nil {
			continue
		}
		f, err := open(*d)
		if err != nil {
			return false
		}
		f.Close()
	}
	return true
}

// load reads an entry, which begins with the digest of the rest.
func (c Cache) load(file string) (Selection, bool) {
	text, err := os.ReadFile(file)
	if err != nil || len(text) < sha256.Size {
		return Selection{}, false
	}
	if sum := sha256.Sum256(text[sha256.Size:]); string(sum[:]) != string(text[:sha256.Size]) {
		return Selection{}, false
	}
	s, err := decode(string(text[sha256.Size:]))
	return s, err == nil
}

// save keeps a selection, whole or not at all, and drops old entries.
func (c Cache) save(file string, s Selection) {
	if os.MkdirAll(string(c), 0o755) != nil {
		return
	}
	f, err := os.CreateTemp(string(c), ".rpmmd-*")
	if err != nil {
		return
	}
	entry := encode(s)
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
