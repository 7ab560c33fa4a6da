package dpkg

import (
	"bytes"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func FuzzPreferences(f *testing.F) {
	f.Add([]byte("Explanation: x\nPackage: tool lib*\nPin: release a=stable\nPin-Priority: 900\n\n# c\nPackage: x\nPin: version 1\n"))
	f.Add([]byte("Package:\n\nPin\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		pins, err := parsePins(text)
		if err != nil {
			return
		}
		for _, p := range pins {
			if !strings.HasPrefix(p, "pin not honoured, as in Patch Manager: package ") {
				t.Fatalf("pin %q", p)
			}
		}
	})
}

// Whatever a keyring or a signature is, it never verifies what its key did not sign.
func FuzzSignature(f *testing.F) {
	key := newKey(f)
	var ring bytes.Buffer
	must(f, key.Serialize(&ring))
	f.Add(ring.Bytes(), []byte("-----BEGIN PGP SIGNATURE-----\n\nwsBz\n-----END PGP SIGNATURE-----\n"))
	f.Add([]byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxsBN\n-----END PGP PUBLIC KEY BLOCK-----\n"), []byte{0x88, 1, 2})
	f.Fuzz(func(t *testing.T, ring, signature []byte) {
		r := release{text: []byte("text"), detached: signature}
		keys, err := readCertificates(ring)
		if err != nil {
			return
		}
		by, err := r.verify(keys, now)
		if err == nil && len(by) < 40 {
			t.Fatalf("verified by %q", by)
		}
	})
}

func FuzzStanzas(f *testing.F) {
	f.Add([]byte("A: 1\nB: 2\n c\n\n\nC: 3"))
	f.Add([]byte("A: 1\r\n b \r\n# c\n d\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		// However a text arrives, its paragraphs are the same.
		if !cmp.Equal(all(t, bytes.NewReader(text)), all(t, iotest.OneByteReader(bytes.NewReader(text)))) {
			t.Fatal("the paragraphs depend on how the text arrives")
		}
		_ = fields(text, func(key, value []byte) {
			if len(key) == 0 || bytes.ContainsAny(key, ":\n") {
				t.Fatalf("key %q", key)
			}
		})
	})
}

// FuzzSmall reads texts of every kind by every parser of small files.
func FuzzSmall(f *testing.F) {
	f.Add("deb cdrom:[Debian 12 _x_]/ a b [x", "20240301T030400Z")
	f.Fuzz(func(t *testing.T, line, uri string) {
		for _, w := range words(line) {
			if w == "" {
				t.Fatalf("words(%q) has an empty word", line)
			}
		}
		name := listName(uri)
		if strings.ContainsAny(name, "/ \n") {
			t.Fatalf("listName(%q) = %q", uri, name)
		}
		r := release{snapshots: line}
		_ = r.timeTravel(Source{URI: slashed(uri), Snapshot: uri})
	})
}
