package dpkg

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
)

// The library panics on this key, whose signature has an empty subpacket: a disk image
// that holds it must not end the program.
func TestAKeyThatTheLibraryStumblesOverIsAnError(t *testing.T) {
	const hostile = "\xc67\x040000\x16\t+\x06\x01\x04\x01\xdaG\x0f\x01\x01\a@00000000000000000000000000000000\xcd\x1100000000000000000\xc20\x040\x16\b\x00\x06\x01\x040000"
	key := newCertificate()
	key.packets.WriteString(hostile)
	signer, err := openpgp.NewEntity("a", "", "a@example.org", nil)
	if err != nil {
		t.Fatal(err)
	}
	var signature bytes.Buffer
	if err := openpgp.DetachSign(&signature, signer, strings.NewReader("text"), nil); err != nil {
		t.Fatal(err)
	}
	key.ids = []uint64{signer.PrimaryKey.KeyId} // the key claims to have signed
	r := release{text: []byte("text"), detached: signature.Bytes()}
	if by, err := r.verify([]certificate{key}, time.Now()); err == nil || !strings.Contains(err.Error(), "no OpenPGP data") {
		t.Errorf("verified by %q, %v", by, err)
	}
}
