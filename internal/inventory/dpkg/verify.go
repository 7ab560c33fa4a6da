package dpkg

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/goldenami/rehydrate/internal/inventory/signed"
)

// maxSignatures bounds the signatures of one file; Debian's carry three or four.
const maxSignatures = 32

// believed is for how long after it was checked a signature is remembered.
const believed = 7 * 24 * time.Hour

// signer is verify with the keys that may sign for s. A signature that was good is not
// worked out again for the same files and the same keyrings: what is left to change is
// the time, and it is remembered for a span at both ends of which it is good. Keys and
// signatures begin and expire once; a revocation is another keyring.
func (c *collection) signer(r *release, s Source) (string, error) {
	may, err := c.keys.of(s)
	if err != nil {
		return "", err
	}
	now := c.options.Now
	key := keyOf("signer", append([]string{r.digest, hexSum(r.detached)}, may.parts()...)...)
	if kept, ok := c.cache.load(key); ok {
		var by string
		var from, until int64
		if n, err := fmt.Sscan(string(kept), &by, &from, &until); n == 3 && err == nil && from <= now.Unix() && now.Unix() <= until {
			return by, nil
		}
	}
	keys, err := may.certificates()
	if err != nil {
		return "", err
	}
	by, err := r.verify(keys, now)
	if err != nil || c.cache.dir == "" {
		return by, err
	}
	if again, err := r.verify(keys, now.Add(believed)); err == nil && again == by {
		c.cache.save(key, fmt.Appendf(nil, "%s %d %d", by, now.Unix(), now.Add(believed).Unix()))
	}
	return by, nil
}

// verify checks the signatures of r with the keys that may sign and returns the
// fingerprint of the key whose signature is good at the time now: of the primary key,
// which is the one that archives publish. An error otherwise.
func (r *release) verify(may []certificate, now time.Time) (by string, err error) {
	defer signed.Guard(&err)
	_, text, signature, err := unwrap(r.text)
	if err != nil {
		return "", err
	}
	if r.detached != nil {
		text, signature = r.text, r.detached
	}
	if signature == nil {
		return "", errors.New("it carries no signature")
	}
	if len(may) == 0 {
		return "", errors.New("no key is trusted for it")
	}
	signatures, err := split(signature)
	if err != nil {
		return "", err
	}
	config := &packet.Config{Time: func() time.Time { return now }}
	var errs []error
	for _, sig := range signatures {
		ring, err := ringOf(may, sig.issuer)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		by, err := openpgp.CheckDetachedSignature(ring, bytes.NewReader(text), bytes.NewReader(sig.packet), config)
		if err == nil {
			return strings.ToUpper(hex.EncodeToString(by.PrimaryKey.Fingerprint)), nil
		}
		errs = append(errs, fmt.Errorf("by key %016X: %w", sig.issuer, err))
	}
	return "", errors.Join(errs...)
}

// ringOf gives those of may that hold the key id.
func ringOf(may []certificate, id uint64) (openpgp.EntityList, error) {
	var ring openpgp.EntityList
	for _, c := range may {
		if !slices.Contains(c.ids, id) {
			continue
		}
		e, err := c.entity()
		if err != nil {
			return nil, fmt.Errorf("read key %016X: %w", id, err)
		}
		ring = append(ring, e)
	}
	if len(ring) == 0 {
		return nil, fmt.Errorf("by key %016X, which is not trusted for it", id)
	}
	return ring, nil
}

// oneSignature is a signature packet and the key that is said to have made it.
type oneSignature struct {
	issuer uint64
	packet []byte
}

// split reads a detached signature, armoured or binary, into its parts: each counts
// for itself.
func split(text []byte) ([]oneSignature, error) {
	var body io.Reader = bytes.NewReader(text)
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("-----BEGIN")) {
		block, err := armor.Decode(body)
		if err != nil {
			return nil, fmt.Errorf("read signature: %w", err)
		}
		body = block.Body
	}
	var all []oneSignature
	packets := packet.NewOpaqueReader(body)
	for len(all) < maxSignatures {
		p, err := packets.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read signature: %w", err)
		}
		parsed, err := p.Parse()
		if err != nil {
			continue // of a kind that is not known: another may be good
		}
		sig, ok := parsed.(*packet.Signature)
		if !ok || sig.IssuerKeyId == nil {
			continue
		}
		var b bytes.Buffer
		if err := p.Serialize(&b); err != nil {
			return nil, fmt.Errorf("read signature: %w", err)
		}
		all = append(all, oneSignature{*sig.IssuerKeyId, b.Bytes()})
	}
	if len(all) == 0 {
		return nil, errors.New("read signature: it holds none that names its key")
	}
	return all, nil
}
