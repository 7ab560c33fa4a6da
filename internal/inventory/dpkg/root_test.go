package dpkg

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"github.com/goldenami/rehydrate/baseline"
)

var (
	signedAt = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	now      = signedAt.Add(48 * time.Hour)
)

// testRoot is a Debian root with one archive, http://archive.test/debian demo main.
type testRoot struct {
	fstest.MapFS
	t   *testing.T
	key *openpgp.Entity
}

const sourceLine = "deb [signed-by=/usr/share/keyrings/k.gpg] http://archive.test/debian demo main\n"

func newRoot(t *testing.T) *testRoot {
	t.Helper()
	r := &testRoot{fstest.MapFS{}, t, newKey(t)}
	r.put("usr/lib/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
	r.put("var/lib/dpkg/status", status("dpkg", "1.21", "amd64")+status("tool", "1.1", "amd64")+status("data", "1", "all"))
	r.put("etc/apt/sources.list", sourceLine)
	var ring bytes.Buffer
	must(t, r.key.Serialize(&ring))
	r.put("usr/share/keyrings/k.gpg", ring.String())
	r.offer(offer("tool", "1.2", "amd64"))
	return r
}

func (r *testRoot) put(name, text string) { r.MapFS[name] = &fstest.MapFile{Data: []byte(text)} }

// offer makes the archive offer packages, signed.
func (r *testRoot) offer(packages string) { r.offerAs(packages, "", r.key, "") }

const lists = "var/lib/apt/lists/archive.test_debian_dists_demo_"

func (r *testRoot) offerAs(packages, ext string, key *openpgp.Entity, extra string) {
	r.t.Helper()
	for _, p := range packings {
		delete(r.MapFS, lists+"main_binary-amd64_Packages"+p.ext)
	}
	r.put(lists+"main_binary-amd64_Packages"+ext, string(pack(r.t, ext, []byte(packages))))
	sum := sha256.Sum256([]byte(packages))
	text := fmt.Sprintf("Origin: Test\nLabel: Test\nSuite: demo\nCodename: demo\nArchitectures: amd64\nDate: %s\n%sSHA256:\n %s %d main/binary-amd64/Packages\n",
		signedAt.Format(time.RFC1123), extra, hex.EncodeToString(sum[:]), len(packages))
	if key == nil {
		r.put(lists+"Release", text)
		delete(r.MapFS, lists+"InRelease")
		return
	}
	r.put(lists+"InRelease", string(clearsigned(r.t, key, text)))
}

func newKey(t testing.TB) *openpgp.Entity {
	t.Helper()
	key, err := openpgp.NewEntity("Archive", "", "a@example.invalid", config(signedAt.Add(-time.Hour)))
	must(t, err)
	return key
}

func clearsigned(t *testing.T, key *openpgp.Entity, text string) []byte {
	t.Helper()
	return clearsignedAt(t, key, text, signedAt)
}

func clearsignedAt(t *testing.T, key *openpgp.Entity, text string, at time.Time) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := clearsign.Encode(&out, key.PrivateKey, config(at))
	must(t, err)
	_, err = io.WriteString(w, text)
	must(t, err)
	must(t, w.Close())
	return out.Bytes()
}

func pack(t *testing.T, ext string, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch ext {
	case "":
		return text
	case ".gz":
		w = gzip.NewWriter(&out)
	case ".lz4":
		w = lz4.NewWriter(&out)
	case ".xz":
		w, err = xz.NewWriter(&out)
	case ".zst":
		w, err = zstd.NewWriter(&out)
	default:
		t.Fatalf("no packing %s", ext)
	}
	must(t, err)
	_, err = w.Write(text)
	must(t, err)
	must(t, w.Close())
	return out.Bytes()
}

func status(name, version, arch string) string {
	return fmt.Sprintf("Package: %s\nStatus: install ok installed\nPriority: optional\nArchitecture: %s\nVersion: %s\nDescription: x\n more\n\n", name, arch, version)
}

func offer(name, version, arch string) string {
	sum := sha256.Sum256([]byte(name + version))
	return fmt.Sprintf("Package: %s\nArchitecture: %s\nVersion: %s\nPriority: optional\nSection: misc\nFilename: pool/%s_%s_%s.deb\nSize: 12\nSHA256: %s\nDescription: x\n\n",
		name, arch, version, name, version, arch, hex.EncodeToString(sum[:]))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, name, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte(text), 0o644))
}

// pending is the newest offer of every installed package that is newer than it.
func pending(n baseline.Node) []string {
	best, newer := map[string]string{}, map[string]bool{}
	for _, p := range n.Inventory.Installed {
		best[p.Name+" "+p.Arch] = p.Version
	}
	for _, p := range n.Available.Packages {
		key := p.Name + " " + p.Arch
		if have, ok := best[key]; ok && baseline.CompareVersions(n.Inventory.OS, p.Version, have) > 0 {
			best[key], newer[key] = p.Version, true
		}
	}
	var set []string
	for key := range newer {
		set = append(set, key+" "+best[key])
	}
	slices.Sort(set)
	return set
}
