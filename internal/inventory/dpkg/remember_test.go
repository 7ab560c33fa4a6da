package dpkg

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// signerAt collects at a time and gives who signed; empty: nobody.
func signerAt(t *testing.T, r *testRoot, dir string, at time.Time, pinned ...[]byte) string {
	t.Helper()
	n, _, err := Collect(r, Options{Now: at, Cache: dir, Keyrings: pinned})
	must(t, err)
	repo := n.Available.Repositories[0]
	if repo.Verified != (repo.SignedBy != "") {
		t.Errorf("verified %v by %q", repo.Verified, repo.SignedBy)
	}
	return repo.SignedBy
}

func ringFor(t *testing.T, key *openpgp.Entity) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, key.Serialize(&b))
	return b.Bytes()
}

func TestASignatureIsRememberedForTheSameFilesAndKeysOnly(t *testing.T) {
	r, dir := newRoot(t), t.TempDir()
	r.put("etc/apt/trusted.gpg.d/k.gpg", string(r.MapFS["usr/share/keyrings/k.gpg"].Data))
	by := signerAt(t, r, dir, now)
	if by == "" || signerAt(t, r, dir, now) != by || signerAt(t, r, dir, now.Add(believed)) != by {
		t.Fatalf("signed by %q, and then by another", by)
	}
	for name, change := range map[string]func(*testRoot) [][]byte{
		"another keyring in its place": func(r *testRoot) [][]byte {
			r.put("usr/share/keyrings/k.gpg", string(ringFor(t, newKey(t))))
			return nil
		},
		"an empty keyring":   func(r *testRoot) [][]byte { r.put("usr/share/keyrings/k.gpg", ""); return nil },
		"no keyring":         func(r *testRoot) [][]byte { delete(r.MapFS, "usr/share/keyrings/k.gpg"); return nil },
		"another key pinned": func(*testRoot) [][]byte { return [][]byte{ringFor(t, newKey(t))} },
		"a fingerprint that is not its key's": func(r *testRoot) [][]byte {
			r.put("etc/apt/sources.list", strings.Replace(sourceLine, "/usr/share/keyrings/k.gpg", strings.Repeat("A", 40), 1))
			return nil
		},
		"another signer": func(r *testRoot) [][]byte {
			r.offerAs(offer("tool", "1.2", "amd64"), "", newKey(t), "")
			return nil
		},
		"a byte of the signature": func(r *testRoot) [][]byte {
			text := r.MapFS[lists+"InRelease"].Data
			at := bytes.Index(text, []byte("-----BEGIN PGP SIGNATURE-----")) + 50
			text = bytes.Clone(text)
			text[at] = map[bool]byte{true: 'B', false: 'A'}[text[at] == 'A']
			r.put(lists+"InRelease", string(text))
			return nil
		},
	} {
		copied := &testRoot{maps.Clone(r.MapFS), t, r.key}
		pinned := change(copied)
		n, _, err := Collect(copied, Options{Now: now, Cache: dir, Keyrings: pinned})
		if err == nil && n.Available.Repositories[0].Verified {
			t.Errorf("%s: it counts as verified", name)
		}
	}
}

// What expires while it is remembered is not believed for longer than it is good.
func TestASignatureIsNotRememberedPastTheKeysEnd(t *testing.T) {
	life := uint32(72 * 3600)
	key, err := openpgp.NewEntity("Archive", "", "a@example.invalid", &packet.Config{
		Time: func() time.Time { return signedAt.Add(-time.Hour) }, Algorithm: packet.PubKeyAlgoEdDSA, KeyLifetimeSecs: life,
	})
	must(t, err)
	r, dir := newRoot(t), t.TempDir()
	r.put("usr/share/keyrings/k.gpg", string(ringFor(t, key)))
	r.offerAs(offer("tool", "1.2", "amd64"), "", key, "")
	if signerAt(t, r, dir, now) == "" {
		t.Fatal("a good signature did not count")
	}
	if by := signerAt(t, r, dir, signedAt.Add(time.Duration(life)*time.Second)); by != "" {
		t.Errorf("after the key's end it still counts as signed by %s", by)
	}
	if by := signerAt(t, r, dir, signedAt.Add(-30*time.Minute)); by != "" {
		t.Errorf("before it was made the signature counts as %s's", by)
	}
}

func TestARememberedSignatureIsCheckedAnewAfterAWeekAndWhenTheClockWentBack(t *testing.T) {
	r, dir := newRoot(t), t.TempDir()
	by := signerAt(t, r, dir, now)
	// An entry that says so is believed: that is what shows which times ask it.
	entry := ""
	names, err := filepath.Glob(dir + "/apt-*")
	must(t, err)
	for _, name := range names {
		text, err := os.ReadFile(name)
		must(t, err)
		if bytes.Contains(text, []byte(by)) {
			entry = name
		}
	}
	said := fmt.Sprintf("SAID %d %d", now.Unix(), now.Add(believed).Unix())
	for at, want := range map[time.Time]string{
		now: "SAID", now.Add(believed): "SAID", now.Add(believed + time.Second): by, now.Add(-time.Second): by,
	} {
		write(t, entry, hexSum([]byte(said))+"\n"+said)
		if got := signerAt(t, r, dir, at); got != want {
			t.Errorf("at %s: signed by %q, want %q", at, got, want)
		}
	}
}

func TestAReleaseFileIsTheSameByItsUsedFields(t *testing.T) {
	value := rapid.StringMatching(`[a-z@:/. ]{0,20}(\n [a-z ]{1,8}){0,2}`)
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for _, key := range []string{"Origin", "Label", "suite", "Codename", "Architectures", "Description", "Snapshots", "No-Support-for-Architecture-all"} {
			if rapid.Bool().Draw(t, key) {
				fmt.Fprintf(&b, "%s: %s\n", key, value.Draw(t, "value"))
			}
		}
		if rapid.Bool().Draw(t, "dated") {
			b.WriteString("Date: Sun, 01 Nov 2026 12:00:00 UTC\nValid-Until: Sun, 08 Nov 2026 12:00:00 UTC\n")
		}
		b.WriteString("SHA256:\n")
		for i, path := range rapid.SliceOfN(rapid.SampledFrom([]string{"Packages", "main/binary-amd64/Packages", "main/binary-amd64/Packages.xz", "Contents-amd64", "MyPackages"}), 1, 6).Draw(t, "paths") {
			fmt.Fprintf(&b, " %064x %d %s\n", i, i, path)
		}
		whole, err := parseRelease([]byte(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		if !whole.namesList() {
			return
		}
		used, err := parseFields(usedFields([]byte(b.String())))
		if err != nil {
			t.Fatal(err)
		}
		for path := range whole.files {
			if !isList(path) {
				delete(whole.files, path)
			}
		}
		if d := cmp.Diff(whole, used, cmp.AllowUnexported(release{}, indexFile{})); d != "" {
			t.Fatalf("%s\n-whole +used:\n%s", b.String(), d)
		}
	})
}
