package signed

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

var then = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

func key(t *testing.T) (*openpgp.Entity, []byte, []byte) {
	t.Helper()
	e, err := openpgp.NewEntity("a", "", "a@example.com", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return then }})
	if err != nil {
		t.Fatal(err)
	}
	var plain, armoured bytes.Buffer
	if err := e.Serialize(&plain); err != nil {
		t.Fatal(err)
	}
	w, err := armor.Encode(&armoured, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Serialize(w); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return e, plain.Bytes(), armoured.Bytes()
}

func TestASignatureCountsOnlyByATrustedKeyOverThatText(t *testing.T) {
	a, plainA, armouredA := key(t)
	_, _, armouredB := key(t)
	at := &packet.Config{Time: func() time.Time { return then.Add(time.Hour) }}
	var armoured, binary bytes.Buffer
	text := []byte("<repomd/>")
	if err := openpgp.ArmoredDetachSign(&armoured, a, bytes.NewReader(text), at); err != nil {
		t.Fatal(err)
	}
	if err := openpgp.DetachSign(&binary, a, bytes.NewReader(text), at); err != nil {
		t.Fatal(err)
	}
	now := then.Add(2 * time.Hour)
	for name, ring := range map[string][]byte{"binary": plainA, "armoured": armouredA, "two blocks": append(append([]byte("note\n"), armouredB...), armouredA...)} {
		keys, err := ReadKeys(ring)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, sig := range [][]byte{armoured.Bytes(), binary.Bytes()} {
			by, err := Detached(keys, text, sig, now)
			if err != nil || len(by) != 40 || by != strings.ToUpper(by) {
				t.Errorf("%s: %q, %v", name, by, err)
			}
			if _, err := Detached(keys, []byte("<repomd />"), sig, now); err == nil {
				t.Errorf("%s: a signature over another text counted", name)
			}
			if _, err := Detached(keys, text, sig, then.Add(-time.Hour)); err == nil {
				t.Errorf("%s: a signature from the future counted", name)
			}
		}
	}
	others, err := ReadKeys(armouredB)
	if err != nil {
		t.Fatal(err)
	}
	for name, keys := range map[string]Keys{"another key": others, "no key": nil} {
		if _, err := Detached(keys, text, binary.Bytes(), now); err == nil {
			t.Errorf("%s: it counted", name)
		}
	}
}

func TestABrokenKeyringIsAnErrorAndAnEmptyOneIsNot(t *testing.T) {
	if keys, err := ReadKeys([]byte(" \n")); err != nil || keys != nil {
		t.Errorf("empty: %v, %v", keys, err)
	}
	for _, text := range []string{"garbage", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxx"} {
		if _, err := ReadKeys([]byte(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func FuzzReadKeys(f *testing.F) {
	f.Add([]byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ\n-----END PGP PUBLIC KEY BLOCK-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := ReadKeys(text)
		if err == nil && len(bytes.TrimSpace(text)) > 0 && len(keys) == 0 {
			t.Skip() // only foreign packets
		}
	})
}
