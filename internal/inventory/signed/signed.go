// Package signed checks detached OpenPGP signatures over repository indices.
package signed

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Keys are the public keys that may sign.
type Keys = openpgp.EntityList

// ErrNone says that there is no signature at all, which not every publisher promises.
var ErrNone = errors.New("it carries no signature")

// ReadKeys reads a keyring, armoured or binary; a file may hold several armoured
// blocks, one after the other. An empty one holds no key.
func ReadKeys(text []byte) (keys Keys, err error) {
	defer Guard(&err)
	text = bytes.TrimLeft(text, " \t\r\n")
	if len(text) == 0 {
		return nil, nil
	}
	armour := []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----")
	at := bytes.Index(text, armour)
	if at < 0 {
		return openpgp.ReadKeyRing(bytes.NewReader(text))
	}
	var all Keys
	for at >= 0 {
		text = text[at:]
		next := bytes.Index(text[len(armour):], armour)
		block := text
		if next >= 0 {
			block = text[:len(armour)+next]
		}
		some, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(block))
		if err != nil {
			return nil, err
		}
		if all = append(all, some...); next < 0 {
			break
		}
		text, at = text[len(armour):], next
	}
	return all, nil
}

// Detached checks a detached signature, armoured or binary, over text at the time
// now, and returns the fingerprint of the key that made it, in upper-case hex.
func Detached(keys Keys, text, signature []byte, now time.Time) (fingerprint string, err error) {
	defer Guard(&err)
	if len(keys) == 0 {
		return "", errors.New("no key is trusted for it")
	}
	check := openpgp.CheckDetachedSignature
	if bytes.HasPrefix(bytes.TrimSpace(signature), []byte("-----BEGIN")) {
		check = openpgp.CheckArmoredDetachedSignature
	}
	by, err := check(keys, bytes.NewReader(text), bytes.NewReader(signature), &packet.Config{Time: func() time.Time { return now }})
	if err != nil {
		return "", fmt.Errorf("check signature: %w", err)
	}
	return strings.ToUpper(hex.EncodeToString(by.PrimaryKey.Fingerprint)), nil
}

// Guard is to be deferred: it turns a panic into an error. The OpenPGP library indexes
// into subpackets that hostile keys and signatures leave empty.
func Guard(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("it is no OpenPGP data: %v", p)
	}
}
