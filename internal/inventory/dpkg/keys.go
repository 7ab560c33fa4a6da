package dpkg

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/goldenami/rehydrate/internal/inventory/signed"
)

// certificate is a public key with its subkeys and signatures, as packets. To check
// what it certifies costs as much as to read a small list, and archives' keyrings
// hold many more keys than sign; so that is done for those only that are needed.
type certificate struct {
	ids     []uint64 // of the key and its subkeys
	prints  []string // their fingerprints, upper-case hex
	packets *bytes.Buffer
	entity  func() (*openpgp.Entity, error) // checks the packets, once
}

func newCertificate() certificate {
	packets := new(bytes.Buffer)
	return certificate{packets: packets, entity: sync.OnceValues(func() (*openpgp.Entity, error) {
		return openpgp.ReadEntity(packet.NewReader(bytes.NewReader(packets.Bytes())))
	})}
}

// maxKeys bounds a keyring; Debian's has some 60 keys in 100 KB.
const maxKeys = 16 << 20

// readCertificates reads a keyring, armoured or binary. An empty keyring holds no
// key, but what is no keyring is an error.
func readCertificates(text []byte) (all []certificate, err error) {
	defer signed.Guard(&err)
	if len(text) > maxKeys {
		return nil, fmt.Errorf("it is longer than %d bytes", maxKeys)
	}
	text = bytes.TrimLeft(text, " \t\r\n")
	if !bytes.HasPrefix(text, []byte("-----BEGIN")) {
		return splitKeys(text)
	}
	// There may be several armoured keys one after another.
	for r := bytes.NewReader(text); ; {
		block, err := armor.Decode(r)
		if errors.Is(err, io.EOF) && len(all) > 0 {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if block.Type != openpgp.PublicKeyType {
			return nil, fmt.Errorf("it holds a %s", block.Type)
		}
		binary, err := io.ReadAll(block.Body)
		if err != nil {
			return nil, err
		}
		keys, err := splitKeys(binary)
		if err != nil {
			return nil, err
		}
		all = append(all, keys...)
	}
}

// The packets that begin keys (RFC 9580 §5).
const (
	tagKey    = 6
	tagSubkey = 14
)

func splitKeys(binary []byte) ([]certificate, error) {
	var all []certificate
	packets := packet.NewOpaqueReader(bytes.NewReader(binary))
	for {
		p, err := packets.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if p.Tag == tagKey {
			all = append(all, newCertificate())
		}
		if len(all) == 0 {
			return nil, errors.New("it does not begin with a key")
		}
		c := &all[len(all)-1]
		if p.Tag == tagKey || p.Tag == tagSubkey {
			// A key of a kind that is not known cannot have signed anything for us.
			if k, err := p.Parse(); err == nil {
				if k, ok := k.(*packet.PublicKey); ok {
					c.ids = append(c.ids, k.KeyId)
					c.prints = append(c.prints, strings.ToUpper(hex.EncodeToString(k.Fingerprint)))
				}
			}
		}
		if err := p.Serialize(c.packets); err != nil {
			return nil, err
		}
	}
}
