package dpkg

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// keyring is a file of keys, read or not yet.
type keyring struct {
	digest string
	keys   func() ([]certificate, error) // once
}

// newKeyring is the keyring of text; what names it in errors.
func newKeyring(text []byte, what string) *keyring {
	return &keyring{digest: hexSum(text), keys: sync.OnceValues(func() ([]certificate, error) {
		keys, err := readCertificates(text)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", what, err)
		}
		return keys, nil
	})}
}

// keyFiles reads the keyrings of a root, each once.
type keyFiles struct {
	root   fs.FS
	pinned []*keyring
	mu     sync.Mutex
	read   map[string]func() (*keyring, error)
}

func newKeyFiles(root fs.FS, pinned [][]byte) *keyFiles {
	k := &keyFiles{root: root, read: map[string]func() (*keyring, error){}}
	for i, text := range pinned {
		k.pinned = append(k.pinned, newKeyring(text, fmt.Sprintf("pinned keyring %d", i+1)))
	}
	return k
}

func (k *keyFiles) file(name string) (*keyring, error) {
	k.mu.Lock()
	read := k.read[name]
	if read == nil {
		read = sync.OnceValues(func() (*keyring, error) {
			text, err := readSmall(k.root, name)
			if err != nil {
				return nil, fmt.Errorf("read keyring: %w", err)
			}
			return newKeyring(text, "keyring /"+name), nil
		})
		k.read[name] = read
	}
	k.mu.Unlock()
	return read()
}

// trust is who may sign: the keys of rings, or of these those with the fingerprints in
// prints, where there are any.
type trust struct {
	rings  []*keyring
	prints []string
}

// of gives those who may sign for s: the pinned keys, else those that Signed-By names,
// else every one that apt trusts.
func (k *keyFiles) of(s Source) (trust, error) {
	if len(k.pinned) > 0 {
		return trust{rings: k.pinned}, nil
	}
	var files []string
	var t trust
	for _, by := range s.SignedBy {
		switch {
		case strings.Contains(by, "BEGIN PGP"):
			t.rings = append(t.rings, newKeyring([]byte(by), "the key in Signed-By"))
		case strings.HasPrefix(by, "/"):
			files = append(files, strings.TrimPrefix(path.Clean(by), "/"))
		default: // a fingerprint; a final ! forbids subkeys, which only narrows it
			t.prints = append(t.prints, strings.ToUpper(strings.TrimSuffix(by, "!")))
		}
	}
	if len(s.SignedBy) == 0 || len(t.prints) > 0 {
		files = append(files, trusted(k.root)...)
	}
	for _, name := range files {
		ring, err := k.file(name)
		if err != nil {
			return trust{}, err
		}
		t.rings = append(t.rings, ring)
	}
	return t, nil
}

// parts names all that certificates depends on.
func (t trust) parts() []string {
	list := []string{strconv.Itoa(len(t.rings))}
	for _, r := range t.rings {
		list = append(list, r.digest)
	}
	for _, p := range t.prints {
		list = append(list, strconv.Quote(p))
	}
	return list
}

// certificates reads the keyrings.
func (t trust) certificates() ([]certificate, error) {
	var all []certificate
	for _, r := range t.rings {
		keys, err := r.keys()
		if err != nil {
			return nil, err
		}
		all = append(all, keys...)
	}
	if len(t.prints) > 0 {
		all = slices.DeleteFunc(all, func(c certificate) bool {
			return !slices.ContainsFunc(c.prints, func(p string) bool { return slices.Contains(t.prints, p) })
		})
	}
	return all, nil
}

// trusted lists the keyrings that apt uses when a source names none.
func trusted(root fs.FS) []string {
	var files []string
	if _, err := fs.Stat(root, "etc/apt/trusted.gpg"); err == nil {
		files = append(files, "etc/apt/trusted.gpg")
	}
	// A folder that cannot be read trusts nobody, which is the safe answer.
	more, _ := parts(root, "etc/apt/trusted.gpg.d", ".gpg", ".asc")
	return append(files, more...)
}
