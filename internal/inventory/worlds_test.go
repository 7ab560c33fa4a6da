package inventory

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/goldenami/rehydrate/baseline"
	"github.com/goldenami/rehydrate/baseline/predefined"
	"github.com/goldenami/rehydrate/internal/inventory/wua"
)

// A world here is a small root in memory that is compliant. Whatever is taken from it
// or put in its place, it must never become compliant again without having been read.
type memoryWorld struct {
	os    baseline.OperatingSystem
	files fstest.MapFS
	// read gives the node of a root with such files.
	read func(fs.FS) (baseline.Node, error)
	// database and metadata are what must be there, whole.
	database, sources, index, metadata string
}

var readAt = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func collected(root fs.FS) (baseline.Node, error) {
	n, _, err := Collect(root, Options{Now: readAt})
	return n, err
}

func memoryWorlds(t testing.TB) map[string]memoryWorld {
	t.Helper()
	return map[string]memoryWorld{"dpkg": debianWorld(t), "rpm": amazonWorld(t), "zypp": suseWorld(t), "wua": windowsWorld(t)}
}

func text(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, s := range files {
		m[name] = &fstest.MapFile{Data: []byte(s), Mode: 0o644}
	}
	return m
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func debianWorld(t testing.TB) memoryWorld {
	t.Helper()
	const list = "var/lib/apt/lists/archive.test_debian_dists_demo_"
	packages := "Package: tool\nArchitecture: amd64\nVersion: 1\nPriority: optional\nSection: misc\nFilename: pool/t.deb\nSize: 1\nSHA256: " + sum("x") + "\n\n"
	release := fmt.Sprintf("Origin: Debian\nLabel: Debian-Security\nSuite: demo-security\nCodename: demo-security\nArchitectures: amd64\nComponents: main\nDate: %s\nSHA256:\n %s %d main/binary-amd64/Packages\n",
		readAt.Add(-time.Hour).Format(time.RFC1123), sum(packages), len(packages))
	index, key := clearsigned(t, release)
	w := memoryWorld{
		os: baseline.Debian, read: collected,
		database: "var/lib/dpkg/status", sources: "etc/apt/sources.list", index: list + "InRelease", metadata: list + "main_binary-amd64_Packages",
		files: text(map[string]string{
			"usr/lib/os-release":   "ID=debian\nVERSION_ID=\"12\"\n",
			"var/lib/dpkg/status":  "Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\nPackage: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n",
			"etc/apt/sources.list": "deb [signed-by=/usr/share/keyrings/k.gpg] http://archive.test/debian demo main\n",
		}),
	}
	w.files[w.index] = &fstest.MapFile{Data: index, Mode: 0o644}
	w.files[w.metadata] = &fstest.MapFile{Data: []byte(packages), Mode: 0o644}
	w.files["usr/share/keyrings/k.gpg"] = &fstest.MapFile{Data: key, Mode: 0o644}
	return w
}

// clearsigned signs text with a key of its own, and gives that key too.
func clearsigned(t testing.TB, text string) (signed, key []byte) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := &packet.Config{Time: func() time.Time { return readAt.Add(-time.Hour) }}
	who, err := openpgp.NewEntity("Archive", "", "a@example.invalid", at)
	check(err)
	var out, ring bytes.Buffer
	check(who.Serialize(&ring))
	w, err := clearsign.Encode(&out, who.PrivateKey, at)
	check(err)
	_, err = io.WriteString(w, text)
	check(err)
	check(w.Close())
	return out.Bytes(), ring.Bytes()
}

// rpmDatabase is a database of some packages that rpm itself wrote.
func rpmDatabase(t testing.TB) []byte {
	t.Helper()
	packed, err := os.ReadFile(filepath.Join("rpmdb", "testdata", "small.sqlite.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	db, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// repository adds an empty repository, which has no update for anything.
func repository(m fstest.MapFS, at string) {
	primary := `<?xml version="1.0"?><metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="0"></metadata>` + "\n"
	repomd := fmt.Sprintf(`<?xml version="1.0"?><repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>%d</revision>`+
		`<data type="primary"><checksum type="sha256">%s</checksum><open-checksum type="sha256">%s</open-checksum><location href="repodata/primary.xml"/><timestamp>%d</timestamp><size>%d</size></data></repomd>`+"\n",
		readAt.Unix()-3600, sum(primary), sum(primary), readAt.Unix()-3600, len(primary))
	m[at+"/repodata/repomd.xml"] = &fstest.MapFile{Data: []byte(repomd), Mode: 0o644}
	m[at+"/repodata/primary.xml"] = &fstest.MapFile{Data: []byte(primary), Mode: 0o644}
}

func amazonWorld(t testing.TB) memoryWorld {
	w := memoryWorld{
		os: baseline.AmazonLinux2023, read: collected, database: "var/lib/rpm/rpmdb.sqlite", sources: "etc/yum.repos.d/own.repo",
		index: "srv/own/repodata/repomd.xml", metadata: "srv/own/repodata/primary.xml",
		files: text(map[string]string{
			"usr/lib/os-release":       "ID=\"amzn\"\nVERSION_ID=\"2023\"\n",
			"etc/yum.repos.d/own.repo": "[own]\ngpgcheck=0\nrepo_gpgcheck=0\nbaseurl=file:///srv/own\n",
		}),
	}
	w.files[w.database] = &fstest.MapFile{Data: rpmDatabase(t), Mode: 0o644}
	repository(w.files, "srv/own")
	return w
}

func suseWorld(t testing.TB) memoryWorld {
	w := memoryWorld{
		os: baseline.Suse, read: collected, database: "usr/lib/sysimage/rpm/rpmdb.sqlite", sources: "etc/zypp/repos.d/own.repo",
		index: "srv/own/repodata/repomd.xml", metadata: "srv/own/repodata/primary.xml",
		files: text(map[string]string{
			"usr/lib/os-release":        "ID=\"sles\"\nVERSION_ID=\"15.6\"\n",
			"etc/zypp/repos.d/own.repo": "[own]\nenabled=1\ngpgcheck=0\nrepo_gpgcheck=0\nbaseurl=dir:///srv/own\n",
		}),
	}
	w.files[w.database] = &fstest.MapFile{Data: rpmDatabase(t), Mode: 0o644}
	repository(w.files, "srv/own")
	return w
}

// windowsWorld is a machine whose agent's answer stands in a file: there is no root.
func windowsWorld(t testing.TB) memoryWorld {
	t.Helper()
	answer, err := os.ReadFile(filepath.Join("wua", "testdata", "server2022.json"))
	if err != nil {
		t.Fatal(err)
	}
	// Compliant: everything is installed and nothing waits for a restart.
	answer = bytes.ReplaceAll(answer, []byte(`"installed":false`), []byte(`"installed":true`))
	answer = bytes.ReplaceAll(answer, []byte(`"rebootRequired":true`), []byte(`"rebootRequired":false`))
	return memoryWorld{
		os: baseline.Windows, database: "answer", sources: "answer", index: "answer", metadata: "answer", files: text(map[string]string{"answer": string(answer)}),
		read: func(root fs.FS) (baseline.Node, error) {
			out, err := fs.ReadFile(root, "answer")
			if err != nil {
				return baseline.Node{}, err
			}
			a, err := wua.Parse(out)
			if err != nil {
				return baseline.Node{}, err
			}
			n, _, err := a.Node()
			return n, err
		},
	}
}

// judged is the verdict on a root by the system's predefined baseline, or the error
// that there is instead of one.
func (w memoryWorld) judged(t testing.TB, root fs.FS) (string, baseline.Node, error) {
	t.Helper()
	n, err := w.read(root)
	if err != nil {
		return "", n, err
	}
	if id := Untrusted(n); id != "" { // as whoever judges a node asks first
		return "", n, fmt.Errorf("source %s is not trusted", id)
	}
	b, err := predefined.Default(w.os)
	if err != nil {
		t.Fatal(err)
	}
	r, err := baseline.Evaluate(b, n, readAt, baseline.Options{})
	if err != nil {
		return "", n, err
	}
	return r.Status, n, nil
}

// with is the world's files with one of them changed; nil takes it away.
func (w memoryWorld) with(name string, data []byte) fstest.MapFS {
	m := fstest.MapFS{}
	for n, f := range w.files {
		m[n] = f
	}
	delete(m, name)
	if data != nil {
		m[name] = &fstest.MapFile{Data: data, Mode: 0o644}
	}
	return m
}

func TestTheWholeWorldsAreCompliant(t *testing.T) {
	for name, w := range memoryWorlds(t) {
		if status, n, err := w.judged(t, w.files); err != nil || status != baseline.Compliant || len(n.Inventory.Installed) == 0 {
			t.Errorf("%s: %q with %d packages, %v: what follows would prove nothing", name, status, len(n.Inventory.Installed), err)
		}
	}
}

func TestWhatCouldNotBeReadIsNeverCompliant(t *testing.T) {
	for name, w := range memoryWorlds(t) {
		damage := map[string]fstest.MapFS{"an empty root": {}}
		for what, file := range map[string]string{"database": w.database, "sources": w.sources, "index": w.index, "metadata": w.metadata, "release": "usr/lib/os-release"} {
			whole := w.files[file]
			if whole == nil {
				continue // Windows has no such file
			}
			damage["no "+what] = w.with(file, nil)
			damage["empty "+what] = w.with(file, []byte{})
			// Not the half: a dpkg database that ends between two packages is a whole one, as
			// is a configuration that ends after the address.
			damage["a third of "+what] = w.with(file, whole.Data[:len(whole.Data)/3])
			damage["two thirds of "+what] = w.with(file, whole.Data[:len(whole.Data)*2/3])
			damage["garbage for "+what] = w.with(file, bytes.Repeat([]byte{0xff, 0, '\n', '<', '['}, 2000))
			damage["a line of nothing for "+what] = w.with(file, []byte("\n"))
		}
		if w.files["usr/lib/os-release"] != nil {
			damage["an unknown system"] = w.with("usr/lib/os-release", []byte("ID=plan9\nVERSION_ID=4\n"))
			damage["an unknown release"] = w.with("usr/lib/os-release", bytes.ReplaceAll(w.files["usr/lib/os-release"].Data, []byte("VERSION_ID=\""), []byte("VERSION_ID=\"7")))
			damage["metadata of another index"] = w.with(w.metadata, append([]byte(" "), w.files[w.metadata].Data...))
		} else {
			damage["an unknown system"] = w.with("answer", bytes.Replace(w.files["answer"].Data, []byte(`"20348"`), []byte(`"4"`), 1))
			damage["nothing installed"] = w.with("answer", bytes.ReplaceAll(w.files["answer"].Data, []byte(`"installed":true`), []byte(`"installed":false`)))
			damage["a search that ended early"] = w.with("answer", bytes.Replace(w.files["answer"].Data, []byte(`"result":2`), []byte(`"result":5`), 1))
		}
		for what, root := range damage {
			if status, n, err := w.judged(t, root); err == nil {
				t.Errorf("%s with %s is %s, with %d packages", name, what, status, len(n.Inventory.Installed))
			}
		}
	}
}

func TestAnEmptyPackageDatabaseIsNoInventory(t *testing.T) {
	packed, err := os.ReadFile(filepath.Join("rpmdb", "testdata", "empty.sqlite.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	empty, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range memoryWorlds(t) {
		if name != "rpm" && name != "zypp" {
			continue // the others' are in the table of damages
		}
		if status, _, err := w.judged(t, w.with(w.database, empty)); err == nil {
			t.Errorf("%s with a database of no packages is %s", name, status)
		}
	}
}

// failing is a root of which one file cannot be read, as with a bad disk.
type failing struct {
	fstest.MapFS
	name string
	mu   *sync.Mutex
	seen map[string]bool // files that were opened
}

var errDisk = errors.New("input/output error")

func (f failing) Open(name string) (fs.File, error) {
	if f.name == name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errDisk}
	}
	file, err := f.MapFS.Open(name)
	if info, statErr := fs.Stat(f.MapFS, name); err == nil && statErr == nil && !info.IsDir() {
		f.mu.Lock()
		f.seen[name] = true
		f.mu.Unlock()
	}
	return file, err
}

func (f failing) ReadFile(name string) ([]byte, error) { return readWhole(f, name) }

func readWhole(f failing, name string) ([]byte, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

// Every file that a reading opens matters: one that cannot be read is an error.
func TestEveryFileThatIsReadMustBeReadable(t *testing.T) {
	for name, w := range memoryWorlds(t) {
		seen := map[string]bool{}
		if _, _, err := w.judged(t, failing{w.files, "", &sync.Mutex{}, seen}); err != nil {
			t.Fatal(err)
		}
		if !seen[w.database] || !seen[w.metadata] || !seen[w.index] {
			t.Errorf("%s: read only %v", name, seen)
		}
		for file := range seen {
			if status, _, err := w.judged(t, failing{w.files, file, &sync.Mutex{}, map[string]bool{}}); err == nil {
				t.Errorf("%s is %s although %s cannot be read", name, status, file)
			}
		}
	}
}

// Whatever a file holds: an answer names a system that we know, has packages, and on
// Linux has a source that was read.
func FuzzAnAnswerHasBeenRead(f *testing.F) {
	worlds := memoryWorlds(f)
	var names []string
	for name, w := range worlds {
		names = append(names, name)
		for i, file := range []string{w.database, w.sources, w.index, w.metadata, "usr/lib/os-release"} {
			if whole := w.files[file]; whole != nil && len(whole.Data) < 10_000 {
				f.Add(name, i, whole.Data)
				f.Add(name, i, []byte(strings.ToUpper(string(whole.Data[:len(whole.Data)/2]))))
			}
		}
	}
	slices.Sort(names)
	f.Fuzz(func(t *testing.T, name string, at int, data []byte) {
		w, ok := worlds[name]
		if !ok {
			return
		}
		files := []string{w.database, w.sources, w.index, w.metadata, "usr/lib/os-release"}
		status, n, err := w.judged(t, w.with(files[uint(at)%uint(len(files))], data))
		if err != nil {
			return
		}
		if n.Inventory.OS == "" || n.Inventory.Product == "" || len(n.Inventory.Installed) == 0 || n.Inventory.OS != baseline.Windows && len(n.Available.Repositories) == 0 {
			t.Errorf("%s of %+v with %d sources", status, n.Inventory, len(n.Available.Repositories))
		}
	})
}
