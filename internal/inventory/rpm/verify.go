package rpm

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/goldenami/rehydrate/internal/inventory/reading"
	"github.com/goldenami/rehydrate/internal/inventory/signed"
)

// verify checks the signature of an index by the pinned keyrings if there are any,
// else by the keys that the repository's configuration names, and returns the
// fingerprint of the key. Without a signature the error is signed.ErrNone.
func (p places) verify(i index, r repo, o reading.Options) (string, error) {
	f, err := i.place.open("repodata/repomd.xml.asc")
	if errors.Is(err, fs.ErrNotExist) {
		return "", signed.ErrNone
	}
	if err != nil {
		return "", fmt.Errorf("read repomd.xml.asc: %w", err)
	}
	signature, err := readAll(f, maxSignature)
	if err != nil {
		return "", fmt.Errorf("read repomd.xml.asc: %w", err)
	}
	var keys signed.Keys
	for n, ring := range o.Keyrings {
		k, err := signed.ReadKeys(ring)
		if err != nil {
			return "", fmt.Errorf("read pinned keyring %d: %w", n+1, err)
		}
		keys = append(keys, k...)
	}
	if len(o.Keyrings) == 0 {
		for _, address := range r.keys {
			if !strings.HasPrefix(address, "file://") {
				continue // who can forge the index can forge what is fetched beside it
			}
			text, err := p.text(address, maxKey)
			if errors.Is(err, fs.ErrNotExist) {
				continue // as with a key that is still to be downloaded
			}
			if err != nil {
				return "", fmt.Errorf("read key %s: %w", plain(address), err)
			}
			k, err := signed.ReadKeys(text)
			if err != nil {
				return "", fmt.Errorf("read key %s: %w", plain(address), err)
			}
			keys = append(keys, k...)
		}
	}
	return signed.Detached(keys, i.text, signature, o.Now)
}
