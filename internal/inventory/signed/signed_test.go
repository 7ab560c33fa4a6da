package signed

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

var then = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

func key(t testing.TB) (*openpgp.Entity, []byte, []byte) {
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

func FuzzDetached(f *testing.F) {
	a, _, _ := key(f)
	text := []byte("<repomd/>")
	var armoured, binary bytes.Buffer
	at := &packet.Config{Time: func() time.Time { return then }}
	if err := openpgp.ArmoredDetachSign(&armoured, a, bytes.NewReader(text), at); err != nil {
		f.Fatal(err)
	}
	if err := openpgp.DetachSign(&binary, a, bytes.NewReader(text), at); err != nil {
		f.Fatal(err)
	}
	f.Add(armoured.Bytes())
	f.Add(binary.Bytes())
	f.Add([]byte("\xc20\x040\x16\b\x00\x06\x01\x040000")) // an empty subpacket
	f.Fuzz(func(t *testing.T, signature []byte) {
		by, err := Detached(Keys{a}, text, signature, then.Add(time.Hour))
		if (err == nil) != (by == prints(Keys{a})[0]) {
			t.Fatalf("%q, %v", by, err)
		}
		if by, err := Detached(Keys{a}, []byte("<other/>"), signature, then.Add(time.Hour)); err == nil {
			t.Fatalf("another text counts as signed by %s", by)
		}
	})
}

func prints(keys Keys) []string {
	out := []string{}
	for _, k := range keys {
		out = append(out, fmt.Sprintf("%X", k.PrimaryKey.Fingerprint))
	}
	return out
}

func FuzzReadKeys(f *testing.F) {
	for range 2 {
		_, plain, armoured := key(f)
		f.Add(plain)
		f.Add(armoured)
		f.Add(append(append([]byte("note\n"), armoured...), armoured...))
	}
	f.Add([]byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ\n-----END PGP PUBLIC KEY BLOCK-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := ReadKeys(text)
		if err != nil {
			return
		}
		var again bytes.Buffer
		for _, k := range keys {
			if err := k.Serialize(&again); err != nil {
				return // such as a secret key's part that the library does not write
			}
		}
		back, err := ReadKeys(again.Bytes())
		if err != nil || !slices.Equal(prints(back), prints(keys)) {
			t.Fatalf("%q came back as %q, %v", prints(keys), prints(back), err)
		}
	})
}
