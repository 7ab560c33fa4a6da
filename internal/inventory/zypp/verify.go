package zypp

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/inventory/signed"
)

// keyFolders are where SUSE roots keep the keys of their publisher as files. Keys that
// rpm has imported are in its database, which is not read for them.
var keyFolders = []string{"usr/lib/rpm/gnupg/keys", "etc/pki/rpm-gpg"}

// Bounds of what a signature and a keyring may have, in bytes.
const (
	maxSignature = 1 << 20
	maxKeyring   = 4 << 20
)

// verify checks the signature of an index and returns the fingerprint of the key that
// made it. With pinned keyrings only those count, else what the root itself trusts.
// The key that lies beside the index came with it and vouches for nothing. Without a
// signature the error is signed.ErrNone.
func verify(root fs.FS, from origin, index []byte, r Repo, o reading.Options) (string, error) {
	signature, err := from.read(repomd+".asc", maxSignature)
	if errors.Is(err, fs.ErrNotExist) {
		return "", signed.ErrNone
	}
	if err != nil {
		return "", err
	}
	keys, err := trusted(root, r, o.Keyrings)
	if err != nil {
		return "", err
	}
	return signed.Detached(keys, index, signature, o.Now)
}

// trusted gives the keys that may sign for r.
func trusted(root fs.FS, r Repo, pinned [][]byte) (signed.Keys, error) {
	var all signed.Keys
	for _, text := range pinned {
		keys, err := signed.ReadKeys(text)
		if err != nil {
			return nil, fmt.Errorf("read pinned keyring: %w", err)
		}
		all = append(all, keys...)
	}
	if len(pinned) > 0 {
		return all, nil
	}
	var files []string
	for _, dir := range keyFolders {
		// A folder or a file that cannot be read trusts nobody, which is the safe answer.
		entries, _ := fs.ReadDir(root, dir)
		for _, e := range entries {
			files = append(files, dir+"/"+e.Name())
		}
	}
	for _, k := range r.Keys {
		if rest, ok := strings.CutPrefix(k, "file:"); ok {
			files = append(files, strings.TrimPrefix(path.Clean("/"+strings.TrimPrefix(rest, "//")), "/"))
		}
	}
	for _, name := range files {
		text, err := readUpTo(root, name, maxKeyring)
		if err != nil {
			continue
		}
		if keys, err := signed.ReadKeys(text); err == nil {
			all = append(all, keys...)
		}
	}
	return all, nil
}
