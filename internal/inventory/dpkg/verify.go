package dpkg

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// verify checks the signature of r with the keys that root trusts for source s. nil
// means that a good signature by such a key was found; nothing else is.
func (r *release) verify(root fs.FS, s Source, now time.Time) error {
	keys, err := keyring(root, s)
	if err != nil {
		return err
	}
	config := &packet.Config{Time: func() time.Time { return now }}
	switch {
	case r.block != nil:
		_, err = r.block.VerifySignature(keys, config)
	case r.signature != nil:
		check := openpgp.CheckDetachedSignature
		if bytes.HasPrefix(bytes.TrimSpace(r.signature), []byte("-----BEGIN")) {
			check = openpgp.CheckArmoredDetachedSignature
		}
		_, err = check(keys, bytes.NewReader(r.signed), bytes.NewReader(r.signature), config)
	default:
		err = errors.New("it carries no signature")
	}
	return err
}

// keyring reads the keys that may sign for s: those that Signed-By names, or else
// every key that apt trusts.
func keyring(root fs.FS, s Source) (openpgp.EntityList, error) {
	var files, prints []string
	var all openpgp.EntityList
	for _, by := range s.SignedBy {
		switch {
		case strings.Contains(by, "BEGIN PGP"):
			keys, err := readKeys([]byte(by))
			if err != nil {
				return nil, fmt.Errorf("read the key in Signed-By: %w", err)
			}
			all = append(all, keys...)
		case strings.HasPrefix(by, "/"):
			files = append(files, strings.TrimPrefix(path.Clean(by), "/"))
		default: // a fingerprint; a final ! forbids subkeys, which only narrows it
			prints = append(prints, strings.ToUpper(strings.TrimSuffix(by, "!")))
		}
	}
	if len(s.SignedBy) == 0 || len(prints) > 0 {
		files = append(files, trusted(root)...)
	}
	for _, name := range files {
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return nil, fmt.Errorf("read keyring: %w", err)
		}
		keys, err := readKeys(text)
		if err != nil {
			return nil, fmt.Errorf("read keyring /%s: %w", name, err)
		}
		all = append(all, keys...)
	}
	if len(prints) > 0 {
		all = slices.DeleteFunc(all, func(e *openpgp.Entity) bool { return !named(e, prints) })
	}
	if len(all) == 0 {
		return nil, errors.New("no key is trusted for it")
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
	parts, _ := fs.ReadDir(root, "etc/apt/trusted.gpg.d")
	for _, e := range parts {
		if ext := path.Ext(e.Name()); ext == ".gpg" || ext == ".asc" {
			files = append(files, "etc/apt/trusted.gpg.d/"+e.Name())
		}
	}
	return files
}

func named(e *openpgp.Entity, prints []string) bool {
	has := func(fp []byte) bool {
		return slices.Contains(prints, strings.ToUpper(hex.EncodeToString(fp)))
	}
	if has(e.PrimaryKey.Fingerprint) {
		return true
	}
	for _, sub := range e.Subkeys {
		if has(sub.PublicKey.Fingerprint) {
			return true
		}
	}
	return false
}

// readKeys reads a keyring, armoured or binary. An empty keyring holds no key.
func readKeys(text []byte) (openpgp.EntityList, error) {
	text = bytes.TrimLeft(text, " \t\r\n")
	if len(text) == 0 {
		return nil, nil
	}
	if !bytes.HasPrefix(text, []byte("-----BEGIN")) {
		return openpgp.ReadKeyRing(bytes.NewReader(text))
	}
	return openpgp.ReadArmoredKeyRing(bytes.NewReader(text))
}
